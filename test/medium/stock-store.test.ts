import { afterAll, beforeAll } from '@jest/globals';
import { connectForDecisions, systemTimers } from '#platform';
import { RedisStockStore } from '#stock';
import { describeStockStore } from '../contract/stock-store.suite.js';

const redis = connectForDecisions({ kind: 'standalone', url: 'redis://127.0.0.1:7799' });
let run = 0;

beforeAll(() => redis.connect());
afterAll(() => redis.disconnect());

describeStockStore('Redis', async () => {
  run += 1;
  return {
    store: new RedisStockStore(redis, `test-${process.pid}-${run}`),
    elapse: (ms) => systemTimers.sleep(ms),
  };
});
