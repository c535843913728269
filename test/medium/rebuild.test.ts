/** What Redis or the ledger lost comes back from the other, or stays closed: on real Redis and PostgreSQL. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemTimers } from '#platform';
import { sql } from '#ledger';
import { UnavailableError } from '#domain';
import { eventually, openInstance, type Instance, type InstanceOptions } from '../fixtures/holdfast.js';
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
});

type Dump = { key: string; value: Buffer }[];

async function snapshot({ redis }: Instance): Promise<Dump> {
  const keys = await redis.keys('holdfast:*');
  return Promise.all(keys.map(async (key) => ({ key, value: await redis.dumpBuffer(key) })));
}

async function restore({ redis }: Instance, dump: Dump): Promise<void> {
  const transaction = redis.multi().flushdb();
  for (const { key, value } of dump) transaction.restore(key, 0, value);
  await transaction.exec();
}
