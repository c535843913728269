import { VirtualLedger } from './virtual-ledger.js';
import { describeLedgerWriter } from '../../../../test/contract/ledger-writer.suite.js';

describeLedgerWriter('in memory', async () => {
  const ledger = new VirtualLedger({ sleep: async () => undefined }, 0, 1);
  return { writer: ledger, reservations: ledger, epoch: 1, stop: async () => undefined };
});
