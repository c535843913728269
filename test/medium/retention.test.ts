/** What is forgotten when it is old, and what a forgotten key still finds: on real Redis and PostgreSQL. */
import { expect, test } from '@jest/globals';
import { IdempotencyRepository, PaymentRepository, sql } from '#ledger';
import { systemTimers } from '#platform';
import { Retention, type Answer, type Operation } from '#reservations';
import { eventually, present, sha256, type Instance } from '../fixtures/holdfast.js';
import { TestProvider } from '../fixtures/provider.js';
import { useInstances } from '../fixtures/use-instances.js';
import { describeWithPostgres } from '../servers/index.js';

describeWithPostgres('retention', () => {
  const instances = useInstances();
  const { opened } = instances;
  const open = () => instances.open({ providers: [new TestProvider()] });

  const keysOf = async ({ db }: Instance): Promise<number> =>
    Number((await sql<{ n: string }>`select count(*) as n from idempotency_keys`.execute(db)).rows[0]!.n);
  const age = ({ db }: Instance, days: number) =>
    sql`update idempotency_keys set claimed_at = now() - make_interval(days => ${days})`.execute(db);

  /** One round through everything; Redis forgets all that the ledger has, as it does after minutes. */
  async function forgetWhatIsOld({ db, store }: Instance, idempotencyKeyDays = 30): Promise<void> {
    const { rows } = await sql<{ epoch: number; sequence: number }>`
      select epoch::integer as epoch, sequence::integer as sequence from partitions`.execute(db);
    const { epoch, sequence } = rows[0]!;
    await store.tidy({ partition: 0, epoch }, { drained: sequence, retentionMs: 0 });
    const retention = new Retention({
      idempotency: new IdempotencyRepository(db),
      payments: new PaymentRepository(db),
      timers: systemTimers,
      idempotencyKeyDays,
      report: (message, facts) => {
        throw new Error(`${message}: ${JSON.stringify(facts)}`);
      },
    });
    while ((await retention.step()) < 60_000);
  }

  const adjust = (instance: Instance, delta: number, key: string) => {
    const command = { sku: 'A', delta, expectedVersions: null, reason: 'count' };
    const work = (operation: Operation): Promise<Answer> =>
      instance.services.stock.adjust(operation, command, present);
    return instance.once<object>(work, key);
  };

  test('keys are kept for as long as is said, and no longer', async () => {
    const one = await open();
    await one.put('A', 1_000);
    await Promise.all(Array.from({ length: 500 }, () => one.hold('A')));
    await age(one, 29);
    const id = await one.hold('A', { key: 'young' });
    await forgetWhatIsOld(one);
    expect(await keysOf(one)).toBe(501);
    await sql`update idempotency_keys set claimed_at = now() - interval '31 days'
      where digest <> ${sha256('young')}`.execute(one.db);
    await forgetWhatIsOld(one);
    expect(await keysOf(one)).toBe(1);
    expect(await one.hold('A', { key: 'young', buyerId: 'another' })).toBe(id);
  });

  test('Redis forgets operations a thousand at a time, and says when there are more', async () => {
    const one = await open();
    await one.put('A', 2_000);
    const ids = await Promise.all(Array.from({ length: 1_100 }, () => one.hold('A')));
    await Promise.all(ids.map((id) => one.release(id)));
    const { epoch, sequence } = await one.store.state(0);
    const tidy = () => one.store.tidy({ partition: 0, epoch }, { drained: sequence, retentionMs: 0 });
    expect([await tidy(), await tidy()]).toEqual([{ more: true }, { more: false }]);
  });

  test('events of providers are forgotten after 30 days, however many they are', async () => {
    const { db } = await open();
    await sql`insert into webhook_inbox (provider, event_id, kind, outcome, body, received_at)
      select 'test', n::text, 'other', 'ignored', '{}', now() - make_interval(days => case when n > 2 then 31 else 29 end)
      from generate_series(1, 2502) n`.execute(db);
    await forgetWhatIsOld(opened[0]!);
    const { rows } = await sql<{ id: string }>`select event_id as id from webhook_inbox`.execute(db);
    expect(rows.map(({ id }) => id).toSorted()).toEqual(['1', '2']);
  });

  test('a forgotten key gives what it has made, and makes nothing again', async () => {
    const one = await open();
    await one.put('A', 10);
    await one.put('B', 10);
    const lines = ['B', 'A'].map((sku) => ({ sku, quantity: 1 }));
    const command = { buyerId: 'ada', key: 'reserve', lines };
    const first = await one.reserve('', command);
    expect(first.kind).toBe('held');
    await one.extend(first.kind === 'held' ? first.reservation.id : '', 9_000);
    await adjust(one, 3, 'adjust');
    const paid = await one.hold('A');
    expect(await one.pay(paid, 'pay')).toMatchObject({ kind: 'paying' });
    await age(one, 31);
    await forgetWhatIsOld(one);
    expect(await keysOf(one)).toBe(0);

    expect(await one.reserve('', command)).toEqual(first);
    expect(await adjust(one, 3, 'adjust')).toMatchObject({ kind: 'adjusted' });
    expect(await one.pay(paid, 'pay')).toMatchObject({ kind: 'paying', reservation: { id: paid } });
    expect(await one.services.stock.find('A')).toMatchObject({ onHand: 13, held: 2 });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('a forgotten key gives what it has made, also where the cache would refuse its buyer', async () => {
    const one = await open();
    await one.put('A', 2);
    await one.put('B', 2);
    const bought = { buyerId: 'ada', key: 'bought' };
    const id = await one.hold('A', bought);
    await one.confirm(id);
    await one.hold('A', { buyerId: 'ada' });
    const released = { buyerId: 'ada', key: 'released' };
    const before = await one.hold('B', released);
    await one.release(before);
    await Promise.all([one.hold('B'), one.hold('B')]);
    await eventually(
      'the cache refuses',
      async () => one.refusesAtOnce('A', 'ada') && one.refusesAtOnce('B', 'ada'),
    );
    await age(one, 31);
    await forgetWhatIsOld(one);

    expect(await one.reserve('A', { ...bought, buyerId: 'bob' })).toEqual({ kind: 'reused' });
    expect(await one.reserve('A', bought)).toMatchObject({ kind: 'held', reservation: { id } });
    expect(await one.reserve('B', released)).toMatchObject({ kind: 'held', reservation: { id: before } });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('a forgotten key that comes with another request is refused, and stays its first one’s', async () => {
    const one = await open();
    await one.put('A', 10);
    const id = await one.hold('A', { buyerId: 'ada', key: 'reserve' });
    await adjust(one, 3, 'adjust');
    await one.release(id);
    const [first, second] = [await one.hold('A'), await one.hold('A')];
    await one.pay(first, 'pay');
    await age(one, 31);
    await forgetWhatIsOld(one);

    expect(await one.reserve('A', { buyerId: 'bob', key: 'reserve' })).toEqual({ kind: 'reused' });
    expect(await adjust(one, -3, 'adjust')).toEqual({ kind: 'reused' });
    expect(await one.pay(second, 'pay')).toEqual({ kind: 'reused' });
    expect(await adjust(one, 3, 'adjust')).toMatchObject({ kind: 'adjusted' });
    expect(await one.pay(first, 'pay')).toMatchObject({ kind: 'paying', reservation: { id: first } });
    expect(await one.services.stock.find('A')).toMatchObject({ onHand: 13, held: 2 });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('keys that are forgotten while they come again make nothing twice', async () => {
    const [one, two] = [await open(), await open()];
    await one.put('A', 1_000);
    const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`);
    const retry = (instance: Instance, key: string) => instance.reserve('A', { buyerId: key, key });
    const ids = new Map<string, string>();
    for (const key of keys) ids.set(key, await one.hold('A', { buyerId: key, key }));

    const race = { on: true };
    const forgetting = (async () => {
      while (race.on) await forgetWhatIsOld(one, 0);
    })();
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        keys.flatMap((key) =>
          [one, two].map(async (instance) => {
            const outcome = await retry(instance, key);
            expect(outcome).toMatchObject({ kind: 'held', reservation: { id: ids.get(key) } });
            const adjusted = await adjust(instance, 1, `adjust ${key}`);
            expect(['adjusted', 'in-progress']).toContain(adjusted.kind);
          }),
        ),
      );
    }
    race.on = false;
    await forgetting;
    expect(await one.services.stock.find('A')).toMatchObject({ onHand: 1_020, held: 20 });
    expect(one.services.closedPartitions()).toEqual([]);
    expect(await two.brokenInvariants()).toEqual([]);
  }, 60_000);
});
