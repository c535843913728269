/** What Redis or the ledger lost comes back from the other, or stays closed: on real Redis and PostgreSQL. */
import { expect, test } from '@jest/globals';
import type { ChainableCommander } from 'ioredis';
import { systemTimers } from '#platform';
import { AuditRepository, sql } from '#ledger';
import { UnavailableError } from '#domain';
import { DriftWatch, type Answer } from '#reservations';
import {
  eventually,
  openInstance,
  present,
  type Instance,
  type InstanceOptions,
} from '../fixtures/holdfast.js';
import { intercept } from '../fixtures/intercept.js';
import { useInstances } from '../fixtures/use-instances.js';
import { describeWithPostgres, testRedis } from '../servers/index.js';

describeWithPostgres('rebuild', () => {
  const { opened, urls, open } = useInstances();

  test('a Redis that lost everything is rebuilt under the next epoch, and nothing acknowledged is lost', async () => {
    const one = await open();
    await one.put('A', 10, 3);
    const kept = await one.hold('A', { buyerId: 'me', quantity: 2 });
    const sold = await one.hold('A', { buyerId: 'you' });
    await one.confirm(sold);
    await one.redis.flushdb();
    await eventually('the next epoch is open', async () => (await one.store.state(0)).epoch === 2);
    await eventually('admission opens again', async () => one.services.closedPartitions().length === 0);
    expect(await one.reserve('A', { buyerId: 'me' })).toMatchObject({
      kind: 'duplicate-reservation',
      reservationId: kept,
    });
    expect(await one.reserve('A', { buyerId: 'you', quantity: 3 })).toMatchObject({
      kind: 'buyer-limit-exceeded',
    });
    expect((await one.release(kept)).kind).toBe('done');
    expect(await level(one, 'A')).toMatchObject({ onHand: 10, held: 0, committed: 1 });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('at maxmemory a broken partition is rebuilt, and holds can be given back', async () => {
    const full = await testRedis({ own: true });
    const one = await openInstance({ ...urls(), redisUrl: full.url });
    try {
      await one.put('A', 10);
      const kept = await one.hold('A');
      await one.redis.config('SET', 'maxmemory', '1');
      await expect(one.reserve('A')).rejects.toBeInstanceOf(UnavailableError);
      await one.redis.del('holdfast:{0}:meta');
      await eventually('the next epoch is open', async () => (await one.store.state(0)).epoch === 2);
      await eventually('admission opens again', async () => one.services.closedPartitions().length === 0);
      expect((await one.release(kept)).kind).toBe('done');
      expect(await one.brokenInvariants()).toEqual([]);
    } finally {
      await one.close();
      await full.stop();
    }
  });

  test('a ledger that was set back is not sold from until somebody says so', async () => {
    const one = await open();
    await one.put('A', 10);
    await one.redis.flushdb();
    await eventually('the next epoch is open', async () => (await one.store.state(0)).epoch === 2);
    await sql`update partitions set epoch = 1, sequence = 1`.execute(one.db);
    const reasonOf = () => one.services.closedPartitions()[0]?.reason ?? '';
    await eventually('admission closes', async () =>
      reasonOf().includes('the ledger was set back to epoch 1'),
    );
    await systemTimers.sleep(1_200);
    expect((await one.store.state(0)).epoch).toBe(2);
    await expect(one.reserve('A')).rejects.toBeInstanceOf(UnavailableError);
    await one.redis.flushdb();
    await eventually('admission opens again', async () => one.services.closedPartitions().length === 0);
    expect((await one.reserve('A')).kind).toBe('held');
  });

  test('nor is one that was set back within an epoch, unless Redis still has what it lacks', async () => {
    const one = await open();
    await one.put('A', 10);
    const ids = [await one.hold('A'), await one.hold('A'), await one.hold('A')];
    const setTo = (sequence: number) => sql`update partitions set sequence = ${sequence}`.execute(one.db);
    const reasonOf = () => one.services.closedPartitions()[0]?.reason ?? '';
    // As the sweeper does every ten seconds: 1 and 2 are gone.
    await one.store.tidy({ partition: 0, epoch: 1 }, { drained: 3, retentionMs: 600_000 });
    await setTo(1);
    await eventually('admission closes', async () =>
      reasonOf().includes('the ledger was set back to 1-1, Redis has seen it at 1-2'),
    );
    await expect(one.reserve('A')).rejects.toBeInstanceOf(UnavailableError);
    await systemTimers.sleep(1_200);
    expect(await one.store.state(0)).toMatchObject({ epoch: 1, holds: ids.length });
    // Recovered to a later point: Redis has the rest.
    await sql`alter table ledger_entries disable trigger all`.execute(one.db);
    await sql`delete from ledger_entries where sequence > 2`.execute(one.db);
    await sql`delete from reservations where id = any(${ids.slice(1)}::uuid[])`.execute(one.db);
    await sql`update skus set held = 1, version = 2`.execute(one.db);
    await sql`delete from buyer_units where (sku, buyer_id) not in (select 'A', buyer_id from reservations)`.execute(
      one.db,
    );
    await setTo(2);
    await eventually('admission opens again', async () => one.services.closedPartitions().length === 0);
    expect((await one.reserve('A')).kind).toBe('held');
    for (const id of ids) expect((await one.services.reservations.find(id))?.status).toBe('held');
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('a Redis that went back in time is not believed', async () => {
    const one = await open();
    await one.put('A', 3);
    await one.hold('A');
    const dump = await snapshot(one);
    await one.hold('A');
    await one.hold('A');
    await restore(one, dump);
    // Redis now believes that two units are free. It may hold one, but nobody may be told so.
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => one.reserve('A')));
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') expect(outcome.value.kind).toBe('sold-out');
      else expect(outcome.reason).toMatchObject({ name: 'UnavailableError' });
    }
    await eventually('admission opens again', async () => one.services.closedPartitions().length === 0);
    expect((await one.reserve('A')).kind).toBe('sold-out');
    expect(await level(one, 'A')).toMatchObject({ onHand: 3, held: 3 });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('even refusals of a Redis that came back without its last words are not believed', async () => {
    const own = await testRedis({ own: true });
    const one = await openInstance({ ...urls(), redisUrl: own.url });
    try {
      await one.put('A', 1);
      const dump = await snapshot(one);
      await one.put('B', 1);
      // As a restart does: the library is loaded anew, and what was not on disk is gone.
      await one.redis.call('FUNCTION', 'FLUSH');
      await restore(one, dump);
      // Either looked at first and held then, or not now; that there is no B is not true.
      const outcome = await one.reserve('B').catch((error: unknown) => error);
      expect(outcome).toMatchObject(outcome instanceof UnavailableError ? {} : { kind: 'held' });
    } finally {
      await one.close();
      await own.stop();
    }
  });

  test('a rebuild that PostgreSQL loses at its commit is made again, and nobody speaks of a set-back ledger', async () => {
    let dying = true;
    const one = await open({
      wrap: (store) =>
        intercept(store, 'restore', async (at, records) => {
          const incarnation = await store.restore(at, records);
          if (at.epoch === 2 && dying) {
            dying = false;
            await sql`select pg_terminate_backend(pid) from pg_stat_activity
              where datname = current_database() and state = 'idle in transaction'`.execute(opened[0]!.db);
          }
          return incarnation;
        }),
    });
    await one.put('A', 2);
    await one.hold('A');
    await one.redis.flushdb();
    await eventually('the next epoch is open', async () => (await one.store.state(0)).epoch === 2);
    expect(dying).toBe(false);
    await eventually('admission opens again', async () => one.services.closedPartitions().length === 0);
    expect((await one.reserve('A')).kind).toBe('held');
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('a process that dies before it admits what it has filled leaves nothing that stays closed', async () => {
    const dead = new UnavailableError('stock-not-ready', 'died here', true);
    const one = await open({ wrap: (store) => intercept(store, 'admit', () => Promise.reject(dead)) });
    expect(one.services.closedPartitions()).toHaveLength(1);
    await one.die();
    const two = await open();
    await eventually('admission opens', async () => two.services.closedPartitions().length === 0);
    await two.put('A', 1);
    expect((await two.reserve('A')).kind).toBe('held');
  });

  test('a Redis that somebody has written into is found, and mended under an epoch that says why', async () => {
    const one = await open();
    await one.put('A', 5);
    await one.hold('A');
    const [levels] = await one.redis.keys('*:{0}:levels');
    await one.redis.hset(levels!, 'A', '5 0 0 - 600 2');
    const broken: string[] = [];
    const watch = new DriftWatch({
      store: one.store,
      timers: systemTimers,
      ledger: new AuditRepository(one.db),
      openPartitions: () => [{ partition: 0, epoch: 1 }],
      broke: (_partition, reason) => void broken.push(reason),
      report: () => undefined,
    });
    await watch.look();
    expect(broken).toEqual([expect.stringContaining('Redis and the ledger differ: {"sku":"A"')]);
    await one.redis.flushdb();
    await eventually('the next epoch is open', async () => (await one.store.state(0)).epoch === 2);
    const repairs = await one.db.selectFrom('repairs').selectAll().orderBy('epoch').execute();
    expect(repairs).toMatchObject([
      { epoch: 1, reason: 'the ledger begins' },
      { epoch: 2, reason: expect.stringMatching(/^Redis stood at 0-0, the ledger at 1-/) },
    ]);
  });

  test('a Redis that is ahead of the ledger by what is on its way is not taken for one that differs', async () => {
    const one = await open();
    await one.put('A', 5);
    const before = await one.store.state(0);
    const broken: string[] = [];
    const watch = new DriftWatch({
      store: one.store,
      timers: systemTimers,
      ledger: new AuditRepository(one.db),
      openPartitions: () => [{ partition: 0, epoch: 1 }],
      broke: (_partition, reason) => void broken.push(reason),
      report: (message, facts) => void broken.push(JSON.stringify({ message, facts })),
    });
    let held: ReturnType<Instance['reserve']> | undefined;
    await one.db.transaction().execute(async (tx) => {
      // No commit gets through as long as this lasts.
      await sql`select from partitions for update`.execute(tx);
      held = one.reserve('A');
      await eventually('Redis is ahead', async () => (await one.store.state(0)).sequence > before.sequence);
      await watch.look();
    });
    expect(broken).toEqual([]);
    expect((await held)?.kind).toBe('held');
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('an adjustment whose answer was lost is not made again after a rebuild', async () => {
    const one = await open();
    await one.put('A', 5);
    const adjust = (answer: (outcome: { kind: string }) => Answer): Promise<{ kind: string }> =>
      one.once((operation) => one.services.stock.adjust(operation, { sku: 'A', ...byOne }, answer), 'k');
    const byOne = { delta: 1, expectedVersions: null, reason: 'count' };
    const lost = (): Answer => {
      throw new UnavailableError('stock-not-ready', 'died here', true);
    };
    await expect(adjust(lost)).rejects.toThrow('died here');
    await eventually('the ledger has it', async () => (await level(one, 'A')).onHand === 6);
    await one.redis.flushdb();
    await eventually('the next epoch is open', async () => (await one.store.state(0)).epoch === 2);
    await eventually('admission opens again', async () => one.services.closedPartitions().length === 0);
    expect((await adjust(present)).kind).toBe('adjusted');
    expect(await level(one, 'A')).toMatchObject({ onHand: 6 });
    expect(await one.brokenInvariants()).toEqual([]);
  });
});

describeWithPostgres('a Redis that comes back as another process', () => {
  const instances = useInstances({ own: true });
  const { opened } = instances;

  /** Nobody helps with what another has decided, as long as `unhelped`. */
  let unhelped = false;
  const alone: NonNullable<InstanceOptions['wrap']> = (store) =>
    intercept(store, 'readJournal', (at, after, limit) =>
      unhelped && limit > 1
        ? Promise.reject(new UnavailableError('stock-not-ready', 'not now', false))
        : store.readJournal(at, after, limit),
    );

  const open = (wrap = alone) => instances.open({ wrap: (store) => wrap(alone(store)) });

  /** As a restart does: the library is loaded anew, and what was not on disk is gone. */
  async function comeBack({ redis }: Instance, dump: Dump = []): Promise<void> {
    const transaction = redis.multi().call('FUNCTION', 'FLUSH');
    if (dump.length > 0) restoring(transaction, dump);
    await transaction.exec();
  }
  const opensIn = (epoch: number): Promise<void> =>
    eventually(`epoch ${epoch} is open`, async () => {
      const states = await Promise.all(opened.map(({ store }) => store.state(0)));
      return (
        states.every((state) => state.epoch === epoch) &&
        opened.every(({ services }) => services.closedPartitions().length === 0)
      );
    });

  /** Its replies come when they are let. */
  function late(): { wrap: typeof alone; decided: Promise<void>; answer: () => void } {
    let answer!: () => void;
    let tell!: () => void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const decided = new Promise<void>((resolve) => (tell = resolve));
    const wrap: typeof alone = (store) =>
      intercept(store, 'reserve', async (at, commands) => {
        const reply = await store.reserve(at, commands);
        tell();
        await answered;
        return reply;
      });
    return { wrap, decided, answer };
  }

  test('and has all that the ledger has is kept as it is, in the next epoch, by one of the instances', async () => {
    const [one] = await Promise.all([open(), open()]);
    await one.put('A', 5);
    const kept = await one.hold('A', { key: 'k', buyerId: 'me' });
    await comeBack(one);
    await opensIn(2);
    expect(await one.store.state(0)).toMatchObject({ epoch: 2, sequence: 2, filled: 1 });
    expect(await one.reserve('A', { buyerId: 'me' })).toMatchObject({ kind: 'duplicate-reservation' });
    expect((await one.release(kept)).kind).toBe('done');
    expect((await one.store.state(0)).sequence).toBe(3);
    const repairs = await one.db.selectFrom('repairs').selectAll().orderBy('epoch').execute();
    expect(repairs).toMatchObject([
      { epoch: 1, reason: 'the ledger begins' },
      {
        epoch: 2,
        reason: expect.stringContaining('up to 1-2'),
        incarnation: expect.stringMatching(/^[0-9a-f]{40}\./),
      },
    ]);
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('without what it had decided: whoever decided it can commit it no more', async () => {
    const { wrap, decided, answer } = late();
    const one = await open();
    await one.put('A', 1);
    const two = await open(wrap);
    const dump = await snapshot(one);
    unhelped = true;
    const lost = two.reserve('A', { key: 'k' });
    lost.catch(() => undefined);
    await decided;
    await comeBack(one, dump);
    await opensIn(2);
    unhelped = false;
    // Decided from what Redis knows now.
    const other = await one.hold('A');
    answer();
    await expect(lost).rejects.toBeInstanceOf(UnavailableError);
    expect((await two.reserve('A', { key: 'k' })).kind).toBe('sold-out');
    expect((await one.release(other)).kind).toBe('done');
    expect((await one.store.state(0)).filled).toBe(1);
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('and later as the one before, with what had been lost: it is filled from the ledger', async () => {
    const { wrap, decided, answer } = late();
    const one = await open();
    await one.put('A', 1);
    const without = await snapshot(one);
    const two = await open(wrap);
    unhelped = true;
    const lost = two.reserve('A', { key: 'k' });
    lost.catch(() => undefined);
    await decided;
    const withIt = await snapshot(one);
    await comeBack(one, without);
    await opensIn(2);
    unhelped = false;
    await comeBack(one, withIt);
    await opensIn(3);
    expect(await one.store.state(0)).toMatchObject({ holds: 0, filled: 3 });
    answer();
    await expect(lost).rejects.toBeInstanceOf(UnavailableError);
    expect((await one.reserve('A')).kind).toBe('held');
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('while it is taken into its next epoch: an instance that dies before it admits it is followed by another', async () => {
    let dying = false;
    const one = await open((store) =>
      intercept(store, 'admit', (partition, to) =>
        dying
          ? Promise.reject(new UnavailableError('stock-not-ready', 'died here', true))
          : store.admit(partition, to),
      ),
    );
    await one.put('A', 1);
    dying = true;
    await comeBack(one);
    await eventually('it is made ready', async () => (await one.store.state(0)).restored === 2);
    const two = await open();
    expect(two.services.closedPartitions()).toEqual([]);
    expect(await two.store.state(0)).toMatchObject({ epoch: 2, sequence: 1, filled: 1 });
    expect((await two.reserve('A')).kind).toBe('held');
  });

  test('under buyers of two instances: each is answered, and nothing is filled', async () => {
    const [one, two] = await Promise.all([open(), open()]);
    await one.put('A', 400);
    const buying = Array.from({ length: 400 }, async (_, index) => {
      await systemTimers.sleep(index * 3);
      return (index % 2 === 0 ? one : two).reserve('A', { key: String(index) }).catch(() => undefined);
    });
    await systemTimers.sleep(400);
    await comeBack(one);
    const held = (await Promise.all(buying)).filter((outcome) => outcome?.kind === 'held').length;
    await opensIn(2);
    expect((await one.store.state(0)).filled).toBe(1);
    expect(await level(one, 'A')).toMatchObject({ onHand: 400 });
    expect((await level(one, 'A')).held).toBeGreaterThanOrEqual(held);
    expect(held).toBeGreaterThan(200);
    expect(await one.brokenInvariants()).toEqual([]);
  });
});

const level = async (instance: Instance, sku: string) => (await instance.services.stock.find(sku))!;

type Dump = { key: string; value: Buffer }[];

async function snapshot({ redis }: Instance): Promise<Dump> {
  const keys = await redis.keys('holdfast*');
  return Promise.all(keys.map(async (key) => ({ key, value: await redis.dumpBuffer(key) })));
}

async function restore({ redis }: Instance, dump: Dump): Promise<void> {
  await restoring(redis.multi(), dump).exec();
}

function restoring(transaction: ChainableCommander, dump: Dump): ChainableCommander {
  transaction.flushdb();
  for (const { key, value } of dump) transaction.restore(key, 0, value);
  return transaction;
}
