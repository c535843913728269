/** Payments over real Redis and PostgreSQL: what keeps units, what makes orders, what gives money back. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { UnavailableError } from '#domain';
import { sql, type Database } from '#ledger';
import { systemTimers } from '#platform';
import type { StockStore } from '#stock';
import { eventually, type Instance, type InstanceOptions } from '../../fixtures/holdfast.js';
import { intercept } from '../../fixtures/intercept.js';
import { TestProvider } from '../../fixtures/provider.js';
import { useInstances } from '../../fixtures/use-instances.js';
import { describeWithPostgres } from '../../servers/index.js';

describeWithPostgres('payments', () => {
  const instances = useInstances();
  let provider: TestProvider;
  beforeEach(() => {
    provider = new TestProvider();
  });
  const open = (options: Partial<InstanceOptions> = {}) =>
    instances.open({ providers: [provider], ...options });

  const statusOf = async (instance: Instance, id: string) =>
    (await instance.services.reservations.find(id))!.status;
  const becomes = (instance: Instance, id: string, status: string) =>
    eventually(`${id} is ${status}`, async () => (await statusOf(instance, id)) === status);
  const paymentOf = async (instance: Instance, id: string) => (await instance.services.payments.find(id))!;
  const paymentBecomes = (instance: Instance, id: string, status: string) =>
    eventually(`the payment is ${status}`, async () => (await paymentOf(instance, id)).status === status);
  const isAsked = (paymentId: string) =>
    eventually('the provider is asked', async () => provider.charges.has(paymentId));
  const level = async (instance: Instance, sku = 'A') => (await instance.services.stock.find(sku))!;

  /** A reservation that lapsed while its payment was under way, and whose payment is captured now. */
  async function paidLate(instance: Instance, meanwhile: () => Promise<unknown>): Promise<[string, string]> {
    const id = await instance.hold('A', { ttlSeconds: 1 });
    const paymentId = await instance.paying(id);
    await isAsked(paymentId);
    await becomes(instance, id, 'expired');
    await meanwhile();
    await instance.receive(provider.decide(paymentId, 'captured'));
    return [id, paymentId];
  }

  test('a payment keeps the units past the hold’s deadline, and its success makes the order', async () => {
    const one = await open();
    await one.put('A', 1);
    const id = await one.hold('A', { ttlSeconds: 1 });
    const paymentId = await one.paying(id);
    await isAsked(paymentId);
    await systemTimers.sleep(1_300);
    expect(await statusOf(one, id)).toBe('paying');
    expect(await one.release(id)).toMatchObject({ kind: 'payment-pending' });
    expect(await one.extend(id, 60)).toMatchObject({ kind: 'payment-pending' });
    expect(await one.confirm(id)).toMatchObject({ kind: 'payment-pending' });
    expect(await one.pay(id)).toMatchObject({ kind: 'payment-pending' });
    await one.receive(provider.decide(paymentId, 'captured'));
    await becomes(one, id, 'confirmed');
    expect(await one.confirm(id)).toMatchObject({ kind: 'confirmed', order: { reservationId: id } });
    expect(await level(one)).toMatchObject({ held: 0, committed: 1 });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('a payment is found again when its webhook is lost', async () => {
    const one = await open();
    await one.put('A', 1);
    const id = await one.hold('A');
    const paymentId = await one.paying(id);
    await paymentBecomes(one, paymentId, 'pending');
    provider.decide(paymentId, 'captured');
    await becomes(one, id, 'confirmed');
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('a payment that fails gives the hold back, for another one; or lapses what had no time left', async () => {
    const one = await open();
    await one.put('A', 2);
    const [long, short] = [await one.hold('A', { ttlSeconds: 60 }), await one.hold('A', { ttlSeconds: 1 })];
    const [first, second] = [await one.paying(long), await one.paying(short)];
    await Promise.all([isAsked(first), isAsked(second)]);
    await systemTimers.sleep(1_050);
    await one.receive(provider.decide(first, 'failed'));
    await one.receive(provider.decide(second, 'failed'));
    await becomes(one, long, 'held');
    await becomes(one, short, 'expired');
    const again = await one.paying(long);
    await isAsked(again);
    await one.receive(provider.decide(again, 'captured'));
    await becomes(one, long, 'confirmed');
    expect(await level(one)).toMatchObject({ held: 0, committed: 1 });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('a payment that fails and is captured all the same is settled again, and that errand is a new one', async () => {
    const one = await open();
    await one.put('A', 1);
    const id = await one.hold('A', { ttlSeconds: 60 });
    const paymentId = await one.paying(id);
    await isAsked(paymentId);
    await one.receive(provider.decide(paymentId, 'failed'));
    await becomes(one, id, 'held');
    const settled = () =>
      sql<{ seconds: number; done: boolean }>`
        select date_part('epoch', now() - created_at) as seconds, done_at is not null as done from outbox
        where kind = 'settle'`.execute(one.db);
    await eventually('that is settled', async () => (await settled()).rows[0]!.done);
    await sql`update outbox set created_at = now() - interval '1 hour'`.execute(one.db);
    await one.receive(provider.decide(paymentId, 'captured'));
    await becomes(one, id, 'confirmed');
    expect((await settled()).rows[0]!.seconds).toBeLessThan(600);
  });

  test.each([
    ['', []],
    [', also when nobody heard that it was made', ['createCharge']],
    [', also when nobody heard that it was cancelled', ['cancelCharge']],
  ])(
    'a payment that is not decided lapses at its own deadline, and its charge is cancelled%s',
    async (_, lost) => {
      const one = await open({ paymentTtlSeconds: 1 });
      await one.put('A', 1);
      const lostOnce = new Set<string>(lost);
      provider.after = async (request) => {
        if (lostOnce.has(request) && (request !== 'cancelCharge' || lostOnce.delete(request)))
          throw new Error(`the answer to ${request} is lost`);
      };
      const id = await one.hold('A', { ttlSeconds: 1 });
      const paymentId = await one.paying(id);
      await isAsked(paymentId);
      await becomes(one, id, 'expired');
      await paymentBecomes(one, paymentId, 'failed');
      expect(provider.charges.get(paymentId)).toMatchObject({ status: 'failed' });
      expect(await level(one)).toMatchObject({ held: 0 });
      expect(await one.brokenInvariants()).toEqual([]);
    },
  );

  test('the same request again starts no second payment, whatever has become of the first', async () => {
    const one = await open();
    await one.put('A', 1);
    const id = await one.hold('A');
    const first = await one.pay(id, 'key');
    expect(first.kind).toBe('paying');
    expect(await one.pay(id, 'key')).toEqual(first);
    const { payment } = first as Extract<typeof first, { kind: 'paying' }>;
    await isAsked(payment.id);
    await one.receive(provider.decide(payment.id, 'captured'));
    await becomes(one, id, 'confirmed');
    expect(await one.pay(id, 'key')).toEqual(first);
    expect(provider.charges.size).toBe(1);
  });

  describe('money that comes late', () => {
    test('buys the units again while there are some', async () => {
      const one = await open({ paymentTtlSeconds: 1 });
      await one.put('A', 1);
      const [id, paymentId] = await paidLate(one, async () => undefined);
      await becomes(one, id, 'confirmed');
      expect(await one.confirm(id)).toMatchObject({ kind: 'confirmed', order: { reservationId: id } });
      expect(await paymentOf(one, paymentId)).toMatchObject({ status: 'captured' });
      expect(await level(one)).toMatchObject({ held: 0, committed: 1 });
      expect(await one.brokenInvariants()).toEqual([]);
    });

    test('is noticed when the charge was to be cancelled and had been captured', async () => {
      const one = await open({ paymentTtlSeconds: 1 });
      await one.put('A', 1);
      provider.cancels = false;
      const id = await one.hold('A', { ttlSeconds: 1 });
      const paymentId = await one.paying(id);
      await isAsked(paymentId);
      provider.before = async (request) => {
        if (request === 'cancelCharge') provider.decide(paymentId, 'captured');
      };
      await becomes(one, id, 'confirmed');
      expect(await paymentOf(one, paymentId)).toMatchObject({ status: 'captured' });
      expect(await level(one)).toMatchObject({ held: 0, committed: 1 });
      expect(await one.brokenInvariants()).toEqual([]);
    });

    test('goes back when the units are another’s', async () => {
      const one = await open({ paymentTtlSeconds: 1 });
      await one.put('A', 1);
      const [id, paymentId] = await paidLate(one, () => one.hold('A'));
      await becomes(one, id, 'refunded');
      expect(await paymentOf(one, paymentId)).toMatchObject({ status: 'refunded' });
      expect([...provider.refunds.values()]).toEqual([{ value: 1_000, currency: 'EUR' }]);
      expect(await one.confirm(id)).toMatchObject({ kind: 'too-late', reservation: { status: 'refunded' } });
      expect(await level(one)).toMatchObject({ held: 1, committed: 0 });
      expect(await one.brokenInvariants()).toEqual([]);
    });

    test('buys the units once, also when Redis has forgotten the decision before its answer was heard', async () => {
      let decided = 0;
      const forgetful = (another: () => Instance) => (store: StockStore) =>
        intercept(store, 'reacquire', async (at, commands) => {
          const reply = await store.reacquire(at, commands);
          decided += 1;
          if (decided > 1) return reply;
          // Another instance takes the decision into the ledger, and then Redis loses everything.
          await another().put('B', 1);
          await becomes(another(), commands[0]!.reservationId, 'confirmed');
          await another().redis.flushdb();
          await eventually(
            'Redis is filled from the ledger',
            async () => (await store.state(0)).epoch > at.epoch,
          );
          throw new UnavailableError('stock-not-ready', 'the answer is lost', true);
        });
      const one: Instance = await open({ paymentTtlSeconds: 1, wrap: forgetful(() => two) });
      const two: Instance = await open({ paymentTtlSeconds: 1, wrap: forgetful(() => one) });
      await one.put('A', 2);
      provider.cancels = false;
      const [id, paymentId] = await paidLate(one, async () => undefined);
      await becomes(two, id, 'confirmed');
      await eventually('it is settled', async () => (await settledAt(one.db, paymentId)) !== null, 15_000);
      expect(decided).toBe(1);
      expect(await level(two)).toMatchObject({ held: 0, committed: 1 });
      expect(await two.brokenInvariants()).toEqual([]);
    });

    test('is decided alike by two instances that hear of it at once', async () => {
      const [one, two] = [await open({ paymentTtlSeconds: 1 }), await open({ paymentTtlSeconds: 1 })];
      await one.put('A', 3);
      const ids = [await one.hold('A', { ttlSeconds: 1 }), await one.hold('A', { ttlSeconds: 1 })];
      const payments = [await one.paying(ids[0]!), await one.paying(ids[1]!)];
      await Promise.all(payments.map(isAsked));
      await becomes(one, ids[0]!, 'expired');
      await becomes(one, ids[1]!, 'expired');
      await one.hold('A', { quantity: 2 });
      const told = payments.map((paymentId) => provider.decide(paymentId, 'captured'));
      await Promise.all(told.flatMap((message) => [one.receive(message), two.receive(message)]));
      for (const paymentId of payments) {
        await eventually('it is settled', async () => (await settledAt(one.db, paymentId)) !== null);
      }
      const ends = (await Promise.all(ids.map((id) => statusOf(one, id)))).sort();
      expect(ends[0]).toBe('confirmed');
      expect(['refund-due', 'refunded']).toContain(ends[1]);
      expect(await level(one)).toMatchObject({ onHand: 3, held: 2, committed: 1 });
      expect(await one.brokenInvariants()).toEqual([]);
    });

    test('over four partitions: the whole cart or none of it', async () => {
      const one = await open({ partitions: 4, paymentTtlSeconds: 1 });
      const skus = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'];
      for (const sku of skus) await one.put(sku, 2);
      const cart = { lines: skus.map((sku) => ({ sku, quantity: 1 })), ttlSeconds: 1 };
      const ids = [await one.hold('', cart), await one.hold('', cart)];
      const payments = [await one.paying(ids[0]!), await one.paying(ids[1]!)];
      await Promise.all(payments.map(isAsked));
      for (const id of ids) await becomes(one, id, 'expired');
      const held = async () =>
        (await one.services.stock.findMany(skus)).reduce((sum, sku) => sum + sku.held, 0);
      await eventually('the parts follow', async () => (await held()) === 0, 15_000);
      // The stock cache may say for a moment longer that there is none.
      await eventually('one is held', async () => (await one.reserve('H')).kind === 'held', 15_000);
      await one.receive(provider.decide(payments[0]!, 'captured'));
      await becomes(one, ids[0]!, 'confirmed');
      await one.receive(provider.decide(payments[1]!, 'captured'));
      await becomes(one, ids[1]!, 'refunded');
      await eventually('no part is left held', async () => (await held()) === 1, 15_000);
      const levels = await one.services.stock.findMany(skus);
      expect(levels.map(({ committed }) => committed)).toEqual(skus.map(() => 1));
      expect(await one.brokenInvariants()).toEqual([]);
    }, 40_000);
  });

  describe('money that an order does not need', () => {
    test('a second capture goes back', async () => {
      const one = await open();
      await one.put('A', 1);
      const id = await one.hold('A');
      const first = await one.paying(id);
      await isAsked(first);
      await one.receive(provider.decide(first, 'failed'));
      await becomes(one, id, 'held');
      const second = await one.paying(id);
      await isAsked(second);
      await one.receive(provider.decide(second, 'captured'));
      await becomes(one, id, 'confirmed');
      // What was said to have failed had not.
      await one.receive(provider.decide(first, 'captured'));
      await paymentBecomes(one, first, 'refunded');
      expect(await paymentOf(one, second)).toMatchObject({ status: 'captured' });
      expect([...provider.refunds.keys()]).toEqual([first]);
      expect(await one.brokenInvariants()).toEqual([]);
    });

    test('that of a cancelled order goes back, and that of a wrong amount', async () => {
      const one = await open();
      await one.put('A', 2);
      const [cancelled, wrong] = [await one.hold('A'), await one.hold('A')];
      const payments = [await one.paying(cancelled), await one.paying(wrong)];
      await Promise.all(payments.map(isAsked));
      await one.receive(provider.decide(payments[0]!, 'captured'));
      await one.receive(provider.decide(payments[1]!, 'captured', { value: 999, currency: 'EUR' }));
      await becomes(one, cancelled, 'confirmed');
      const outcome = await one.confirm(cancelled);
      await one.cancel((outcome as Extract<typeof outcome, { kind: 'confirmed' }>).order.id);
      await paymentBecomes(one, payments[0]!, 'refunded');
      await paymentBecomes(one, payments[1]!, 'refunded');
      await becomes(one, wrong, 'held');
      expect([...provider.refunds.values()].map(({ value }) => value)).toEqual(
        expect.arrayContaining([1_000, 999]),
      );
      expect(await one.brokenInvariants()).toEqual([]);
    });
  });

  test('messages come again and out of order: each counts once, and the end is the same', async () => {
    const one = await open();
    await one.put('A', 6);
    const charge = (paymentId: string, status: 'pending' | 'captured' | 'failed') =>
      provider.tell(paymentId, { ...provider.charges.get(paymentId)!, status });
    for (const order of [
      [0, 1, 2, 0, 1, 2],
      [2, 1, 0, 2],
      [1, 2, 0, 0],
      [1, 0, 2, 1],
    ]) {
      const id = await one.hold('A');
      const paymentId = await one.paying(id);
      await isAsked(paymentId);
      const messages = [
        charge(paymentId, 'pending'),
        charge(paymentId, 'captured'),
        charge(paymentId, 'failed'),
      ];
      await Promise.all(order.map((index) => one.receive(messages[index]!)));
      await becomes(one, id, 'confirmed');
    }
    expect(await level(one)).toMatchObject({ held: 0, committed: 4 });
    const inbox = await sql<{
      events: number;
    }>`select count(*)::integer as events from webhook_inbox`.execute(one.db);
    expect(inbox.rows[0]!.events).toBe(12);
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('a Redis that lost everything is rebuilt with the payments that are under way', async () => {
    const one = await open();
    await one.put('A', 2);
    const id = await one.hold('A', { ttlSeconds: 1 });
    const paymentId = await one.paying(id);
    await isAsked(paymentId);
    await one.redis.flushdb();
    await systemTimers.sleep(1_200);
    await one.receive(provider.decide(paymentId, 'captured'));
    await becomes(one, id, 'confirmed');
    expect(await level(one)).toMatchObject({ held: 0, committed: 1 });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('the list has each of them once, also where they share a millisecond', async () => {
    const one = await open();
    await one.put('A', 3);
    for (let made = 0; made < 3; made += 1) await one.paying(await one.hold('A'));
    await sql`update payments p set created_at = '2026-11-02T10:00:00.001Z'::timestamptz + r.place * interval '1 microsecond'
      from (select id, row_number() over (order by id) as place from payments) r where r.id = p.id`.execute(
      one.db,
    );
    const { data: all } = await one.services.payments.list({}, { limit: 10, after: null });
    const listed: string[] = [];
    let after: Awaited<ReturnType<typeof one.services.payments.list>>['next'] = null;
    do {
      const page = await one.services.payments.list({}, { limit: 1, after });
      listed.push(...page.data.map(({ id }) => id));
      after = page.next;
    } while (after !== null);
    expect(listed).toEqual(all.map(({ id }) => id));
    expect(listed).toHaveLength(3);
  });

  test('the audit sees money without an order, and an order that was paid twice', async () => {
    const one = await open();
    await one.put('A', 1);
    const id = await one.hold('A');
    const paymentId = await one.paying(id);
    await isAsked(paymentId);
    await one.receive(provider.decide(paymentId, 'captured'));
    await becomes(one, id, 'confirmed');
    await eventually('it is settled', async () => (await settledAt(one.db, paymentId)) !== null);
    await sql`update orders set payment_id = 'another'`.execute(one.db);
    const broken = async () => (await one.brokenInvariants()) as { id: string; detail: string }[];
    const found = await broken();
    expect(found.map((invariant) => invariant.id)).toEqual(['I6', 'I7']);
    expect(found[0]!.detail).toContain(paymentId);
    // On its way, however long ago the clock says that was; unless that does not end.
    await sql`update payments set settled_at = null, captured_at = now() - interval '1 hour'`.execute(one.db);
    const tried = (times: number) =>
      sql`update outbox set done_at = null, due_at = now() + interval '1 minute', attempts = ${times}
        where kind = 'settle'`.execute(one.db);
    await tried(3);
    expect(await broken()).toEqual([]);
    await tried(100);
    expect(await broken()).toMatchObject([{ id: 'I6' }]);
  });
});

async function settledAt(db: Database, paymentId: string): Promise<Date | null> {
  const found = await db
    .selectFrom('payments')
    .select('settled_at')
    .where('id', '=', paymentId)
    .executeTakeFirstOrThrow();
  return found.settled_at;
}
