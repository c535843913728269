/**
 * Callers who looked, and slept before they acted: what they were about to do is not so any more. On real Redis and
 * PostgreSQL, two partitions.
 */
import { beforeEach, expect, test } from '@jest/globals';
import { orderIdOf, sql } from '#ledger';
import { systemTimers } from '#platform';
import { partitionOf, type StockStore } from '#stock';
import { eventually, type Instance, type InstanceOptions } from '../fixtures/holdfast.js';
import { intercept } from '../fixtures/intercept.js';
import { TestProvider } from '../fixtures/provider.js';
import { useInstances } from '../fixtures/use-instances.js';
import { describeWithPostgres } from '../servers/index.js';

const skuIn = (partition: number): string =>
  Array.from({ length: 50 }, (_, number) => `S${number}`).find((sku) => partitionOf(sku, 2) === partition)!;
const [first, second] = [skuIn(0), skuIn(1)];
const cart = { lines: [first, second].map((sku) => ({ sku, quantity: 1 })) };

/** Stops the first who comes by, until it is told to go on. */
class Stop {
  private readonly come = Promise.withResolvers<void>();
  private readonly gone = Promise.withResolvers<void>();
  private taken = false;

  readonly reached = this.come.promise;
  readonly goOn = (): void => this.gone.resolve();

  async pass(): Promise<void> {
    if (this.taken) return;
    this.taken = true;
    this.come.resolve();
    await this.gone.promise;
  }
}

describeWithPostgres('who looked and slept', () => {
  const instances = useInstances({ own: true });
  let provider: TestProvider;
  beforeEach(() => {
    provider = new TestProvider();
    provider.cancels = false;
  });

  const open = (
    wrap: InstanceOptions['wrap'] = (store) => store,
    more: Partial<InstanceOptions> = {},
  ): Promise<Instance> =>
    instances.open({ partitions: 2, providers: [provider], paymentTtlSeconds: 1, wrap, ...more });

  const notSweeping = (store: StockStore): StockStore =>
    intercept(store, 'expire', async (at, limit) =>
      at.partition === 1 ? { entries: [], parts: [], more: false } : store.expire(at, limit),
    );
  const statusOf = async (instance: Instance, id: string) =>
    (await instance.services.reservations.find(id))?.status;
  const levelOf = async (instance: Instance, sku: string) =>
    (await instance.services.stock.findMany([sku]))[0];

  test('a cancellation that was brought back is not brought back again after Redis was filled', async () => {
    const stop = new Stop();
    const sleeper = await open((store) =>
      intercept(store, 'cancel', async (at, commands) => {
        await stop.pass();
        return store.cancel(at, commands);
      }),
    );
    await sleeper.put(first, 2);
    const [one, two] = [
      await sleeper.hold(first, { buyerId: 'me' }),
      await sleeper.hold(first, { buyerId: 'you' }),
    ];
    await sleeper.confirm(one);
    await sleeper.confirm(two);
    const cancelling = sleeper.cancel(orderIdOf(one));
    await stop.reached;
    const other = await open();
    await eventually('the unit is back', async () => (await levelOf(other, first))?.committed === 1);
    await other.redis.flushall();
    await eventually('Redis is filled', async () => (await other.store.state(0)).epoch === 2);
    const isOpen = ({ services }: Instance) => services.closedPartitions().length === 0;
    await eventually('it is open', async () => isOpen(sleeper) && isOpen(other));
    stop.goOn();
    expect((await cancelling).kind).toBe('done');
    await systemTimers.sleep(500);
    expect(await levelOf(other, first)).toMatchObject({ onHand: 2, committed: 1 });
    expect((await other.reserve(first)).kind).toBe('held');
    expect((await other.reserve(first)).kind).toBe('sold-out');
    expect(await other.brokenInvariants()).toEqual([]);
  }, 40_000);

  test('a part that is confirmed after its order was cancelled comes back too', async () => {
    const stop = new Stop();
    const sleeper = await open((store) =>
      intercept(store, 'confirm', async (at, commands) => {
        if (at.partition === 1) await stop.pass();
        return store.confirm(at, commands);
      }),
    );
    const other = await open(notSweeping);
    for (const sku of [first, second]) await other.put(sku, 1);
    const id = await other.hold('', { ...cart, ttlSeconds: 600 });
    const confirming = sleeper.confirm(id);
    await stop.reached;
    expect((await other.cancel(orderIdOf(id))).kind).toBe('done');
    stop.goOn();
    await confirming;
    await eventually('all is back', async () =>
      (await other.services.stock.findMany([first, second])).every(
        ({ held, committed }) => held + committed === 0,
      ),
    );
    const { rows } = await sql<{ done: boolean }>`
      select done_at is not null as done from outbox where kind = 'return-stock'`.execute(other.db);
    expect(rows).toEqual([{ done: true }]);
    expect(await other.brokenInvariants()).toEqual([]);
  }, 40_000);

  test('a sweeper does not give back a part that is held again for money that came late', async () => {
    const stops = [new Stop(), new Stop()];
    const waiting = [...stops];
    // Whoever settles the payment: the sleeper goes on when the part is held again.
    const goingOn = (store: StockStore): StockStore =>
      intercept(store, 'reacquire', async (at, commands) => {
        for (const { goOn } of stops) goOn();
        await systemTimers.sleep(1_000);
        return store.reacquire(at, commands);
      });
    const sleeper = await open((store) =>
      intercept(goingOn(store), 'release', async (at, commands) => {
        if (at.partition === 1) await waiting.shift()?.pass();
        return store.release(at, commands);
      }),
    );
    // Nobody but the sleeper sweeps the second partition.
    const other = await open((store) => goingOn(notSweeping(store)));
    for (const sku of [first, second]) await sleeper.put(sku, 3);
    // Two calls that take long: what the sweeper wants to give back waits behind them.
    const releasing: Promise<unknown>[] = [];
    for (const { reached } of stops) {
      releasing.push(sleeper.release(await sleeper.hold('', cart)));
      await reached;
    }
    const id = await other.hold('', { ...cart, ttlSeconds: 1 });
    const paymentId = await other.paying(id);
    await eventually('the provider is asked', async () => provider.charges.has(paymentId));
    await eventually('it has expired', async () => (await statusOf(other, id)) === 'expired');
    // The sweeper has found the part by then.
    await systemTimers.sleep(1_500);
    await other.receive(provider.decide(paymentId, 'captured'));
    await eventually('it is sold', async () => (await statusOf(other, id)) === 'confirmed', 20_000);
    await Promise.all(releasing);
    await eventually('so is its part', async () => (await levelOf(other, second))?.committed === 1);
    expect(await levelOf(other, first)).toMatchObject({ held: 0, committed: 1 });
    expect(await other.brokenInvariants()).toEqual([]);
  }, 60_000);

  test.each([
    ['is not known, because an instance of before has seen it', 'null'],
    ['lies ahead, because the clock has been set back', "now() + interval '1 hour'"],
  ])(
    'money does not wait for a cart when its coming %s',
    async (_, since) => {
      const one = await open();
      for (const sku of [first, second]) await one.put(sku, 1);
      const id = await one.hold('', { ...cart, ttlSeconds: 1 });
      const paymentId = await one.paying(id);
      await eventually('the provider is asked', async () => provider.charges.has(paymentId));
      await eventually('it has expired', async () => (await statusOf(one, id)) === 'expired');
      await one.receive(provider.decide(paymentId, 'captured'));
      await eventually('it was paid late', async () => (await statusOf(one, id)) === 'late-paid');
      await sql`update reservations set late_paid_at = ${sql.raw(since)} where id = ${id}::uuid`.execute(
        one.db,
      );
      await eventually('it is sold', async () => (await statusOf(one, id)) === 'confirmed');
      await eventually('all of it is', async () => (await levelOf(one, second))?.committed === 1);
      expect(await one.brokenInvariants()).toEqual([]);
    },
    40_000,
  );

  test('a cart that waited too long for its decision is not granted, however many wait', async () => {
    let slow = true;
    const one = await open((store) =>
      intercept(store, 'reserve', async (at, commands) => {
        const reply = await store.reserve(at, commands);
        if (at.partition === 0 && slow) await systemTimers.sleep(1_900);
        return reply;
      }),
    );
    for (const sku of [first, second]) await one.put(sku, 10_000);
    const crowd = await Promise.allSettled(Array.from({ length: 1_900 }, () => one.reserve('', cart)));
    slow = false;
    const held = crowd.filter(({ status, ...rest }) => status === 'fulfilled' && 'value' in rest);
    expect(held.length).toBeGreaterThan(0);
    expect(held.length).toBeLessThan(crowd.length);
    const { rows } = await sql`
      select id from reservations where status = 'held' and cardinality(held_in) < 2`.execute(one.db);
    expect(rows).toEqual([]);
    expect(await one.brokenInvariants()).toEqual([]);
  }, 60_000);

  test('the parts of a cart come back when it ends, soon after it was held or later', async () => {
    const one = await open();
    for (const sku of [first, second]) await one.put(sku, 2);
    const heldIn = async (sku: string) => (await levelOf(one, sku))?.held;
    const begun = performance.now();
    await one.hold('', { ...cart, ttlSeconds: 2 });
    await one.hold('', { ...cart, ttlSeconds: 12 });
    for (const [held, atMs] of [
      [1, 2_000],
      [0, 12_000],
    ] as const) {
      await eventually('it ends', async () => (await heldIn(first)) === held, 15_000);
      await eventually('so do its parts', async () => (await heldIn(second)) === held, 15_000);
      const lateMs = performance.now() - begun - atMs;
      expect([lateMs > 0, lateMs < 2_000]).toEqual([true, true]);
    }
  }, 40_000);
});
