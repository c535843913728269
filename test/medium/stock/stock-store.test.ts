import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Cluster, Redis } from 'ioredis';
import type { PartitionRecord } from '#domain';
import { connectForDecisions, systemClock, systemTimers } from '#platform';
import { RedisStockStore } from '#stock';
import { readFunctionLibrary } from '../../../libs/stock/src/redis/function-library.js';
import { describeStockPayments } from '../../contract/stock-payments.suite.js';
import { describeStockEpochs } from '../../contract/stock-epochs.suite.js';
import { begin, command, type StoreUnderTest } from '../../contract/stock-store.js';
import { describeStockStore } from '../../contract/stock-store.suite.js';
import { describeWithRedis, testRedis, type TestDatabase } from '../../servers/index.js';

describeWithRedis('Redis functions', () => {
  let database: TestDatabase;
  let redis: Redis | Cluster;
  let stores = 0;

  beforeAll(async () => {
    database = await testRedis();
    redis = connectForDecisions({ kind: 'standalone', url: database.url });
    await redis.connect();
  });
  afterAll(async () => {
    redis.disconnect();
    await database.stop();
  });

  async function open(): Promise<StoreUnderTest> {
    stores += 1;
    return {
      store: new RedisStockStore(redis, `store-${stores}`, systemClock, () => undefined),
      elapse: (ms) => systemTimers.sleep(ms),
    };
  }

  describeStockStore('Redis', open);
  describeStockEpochs('Redis', open);
  describeStockPayments('Redis', open);

  test('nothing is left of holds that have ended, but what their ids are told', async () => {
    const { store, elapse } = await open();
    const at = { partition: 0, epoch: 1 };
    await begin(store, at);
    await store.put(at, [{ sku: 'A', onHand: 9, buyerLimit: null, holdTtlSeconds: 60 }]);
    const part = { partitions: [3, 0] };
    const lapsing = command('expired', { ttlSeconds: 1 });
    await store.reserve(at, [
      ...['released', 'sold'].map((id) => command(id)),
      lapsing,
      command('part', part),
    ]);
    await store.release(at, [{ reservationId: 'released' }, { reservationId: 'part', what: 'part' }]);
    await store.confirm(at, [{ reservationId: 'sold', paymentId: null }]);
    const { buyerId, lines } = command('sold');
    await store.cancel(at, [{ reservationId: 'sold', buyerId, lines }]);
    await elapse(1_010);
    await store.expire(at, 10);
    const names = ['holds', 'buyers', 'deadlines', 'parts'];
    expect(await redis.exists(...names.map((name) => `store-${stores}:{0}:${name}`))).toBe(0);
  });

  test('its clock is corrected by who saw it as it is, and only where something has been decided by it', async () => {
    const { store } = await open();
    const keys = Array.from(
      { length: 9 },
      (_, place) => `store-${stores}:{0}:${place === 0 ? 'meta' : place}`,
    );
    const correct = (seen: number, skew: number) =>
      redis.fcall(readFunctionLibrary().nameOf('clock'), keys.length, ...keys, 1, '', '', seen, skew);
    // Whoever asks brings the functions there.
    await store.state(0);
    expect(await correct(0, 500)).toBe('0');
    await begin(store, { partition: 0, epoch: 1 });
    expect(await correct(0, 500)).toBe('500');
    // Another process saw what that has mended.
    expect(await correct(0, 900)).toBe('500');
    expect(await correct(500, 900)).toBe('900');
  });

  test.each(['levels', 'holds', 'buyers'])(
    '%s that were lost while it was filled are missed',
    async (what) => {
      const { store } = await open();
      const lines = [{ sku: 'A', quantity: 1 }];
      const of = { buyerId: 'me', reservationId: 'r1' };
      const dates = { createdAtMs: 1, expiresAtMs: 2 };
      const policy = { buyerLimit: null, holdTtlSeconds: 60 };
      async function* losing(): AsyncGenerator<PartitionRecord[]> {
        yield [
          { kind: 'level', level: { sku: 'A', onHand: 1, held: 1, committed: 0, version: 1, ...policy } },
          { kind: 'hold', ...of, ...dates, lines, partitions: [0], decided: true, paying: null },
          { kind: 'buyer', ...of, sku: 'A', held: 1, committed: 0 },
        ];
        await redis.del(`store-${stores}:{0}:${what}`);
      }
      const filling = store.restore({ partition: 0, epoch: 1, attempt: 1 }, losing());
      await expect(filling).rejects.toThrow(`the rebuild lost ${what} on the way`);
    },
  );
});
