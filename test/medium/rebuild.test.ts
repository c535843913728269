/** What Redis or the ledger lost comes back from the other, or stays closed: on real Redis and PostgreSQL. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
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
import { describeWithPostgres, testPostgres, testRedis, type TestDatabase } from '../servers/index.js';

describeWithPostgres('rebuild', () => {
  let redisDatabase: TestDatabase;
  let ledgerDatabase: TestDatabase;
  let opened: Instance[];

  beforeEach(async () => {
    opened = [];
    [redisDatabase, ledgerDatabase] = await Promise.all([testRedis(), testPostgres()]);
  });
  afterEach(async () => {
    for (const instance of opened) await instance.close();
    await redisDatabase.stop();
    await ledgerDatabase.stop();
  });

  async function open(options: Partial<InstanceOptions> = {}): Promise<Instance> {
    const instance = await openInstance({
      redisUrl: redisDatabase.url,
      databaseUrl: ledgerDatabase.url,
      ...options,
    });
    opened.push(instance);
    return instance;
  }

  const level = async (instance: Instance, sku: string) => (await instance.services.stock.find(sku))!;

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
    const one = await openInstance({ redisUrl: full.url, databaseUrl: ledgerDatabase.url });
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
    const one = await openInstance({ redisUrl: own.url, databaseUrl: ledgerDatabase.url });
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
          await store.restore(at, records);
          if (at.epoch === 2 && dying) {
            dying = false;
            await sql`select pg_terminate_backend(pid) from pg_stat_activity
              where datname = current_database() and state = 'idle in transaction'`.execute(opened[0]!.db);
          }
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
    const byOne = { delta: 1, expectedVersion: null, reason: 'count' };
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

type Dump = { key: string; value: Buffer }[];

async function snapshot({ redis }: Instance): Promise<Dump> {
  const keys = await redis.keys('holdfast*');
  return Promise.all(keys.map(async (key) => ({ key, value: await redis.dumpBuffer(key) })));
}

async function restore({ redis }: Instance, dump: Dump): Promise<void> {
  const transaction = redis.multi().flushdb();
  for (const { key, value } of dump) transaction.restore(key, 0, value);
  await transaction.exec();
}
