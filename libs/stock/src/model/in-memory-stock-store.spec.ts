import { describeStockEpochs } from '../../../../test/contract/stock-epochs.suite.js';
import { describeStockPayments } from '../../../../test/contract/stock-payments.suite.js';
import type { StoreUnderTest } from '../../../../test/contract/stock-store.js';
import { describeStockStore } from '../../../../test/contract/stock-store.suite.js';
import { InMemoryStockStore } from './in-memory-stock-store.js';

async function open(): Promise<StoreUnderTest> {
  let nowMs = 1_700_000_000_000;
  return {
    store: new InMemoryStockStore(() => nowMs),
    elapse: async (ms) => {
      nowMs += ms;
    },
  };
}

describeStockStore('in memory', open);
describeStockEpochs('in memory', open);
describeStockPayments('in memory', open);
