import { afterAll, beforeAll } from '@jest/globals';
import type { Cluster, Redis } from 'ioredis';
import { connectForDecisions, systemClock, systemTimers } from '#platform';
import { RedisStockStore } from '#stock';
import { describeStockPayments } from '../contract/stock-payments.suite.js';
import { describeStockEpochs } from '../contract/stock-epochs.suite.js';
import type { StoreUnderTest } from '../contract/stock-store.js';
import { describeStockStore } from '../contract/stock-store.suite.js';
import { describeWithRedis, testRedis, type TestDatabase } from '../servers/index.js';

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
});
