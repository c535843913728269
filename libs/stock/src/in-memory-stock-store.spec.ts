import { InMemoryStockStore } from './in-memory-stock-store.js';
import { describeStockStore } from '../../../test/contract/stock-store.suite.js';

describeStockStore('in memory', async () => {
  let nowMs = 1_700_000_000_000;
  return {
    store: new InMemoryStockStore(() => nowMs),
    elapse: async (ms) => {
      nowMs += ms;
    },
  };
});
