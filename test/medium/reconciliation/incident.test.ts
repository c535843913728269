/**
 * The incident, replayed on a real provider over HTTP and a real ledger: who pulls by offset pays twice, who pulls by a
 * plain cursor never pays some, and ours pays each order once. `holdfast replay` shows the same to whoever wants to see it.
 */
import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { sql } from '#ledger';
import { paymentCommandsOf } from '#reconciliation';
import { replayIncident } from '../../../apps/cli/src/index.js';
import { openSandbox } from '../../../apps/payment-sandbox/src/index.js';
import { openLedger } from '../../fixtures/reconciliation.js';
import { describeWithPostgres } from '../../servers/index.js';

const orders = 240;

describeWithPostgres('the incident of the two payouts', () => {
  test('the offset puller pays twice, the plain cursor never pays some, the walk pays each order once', async () => {
    const ledger = await openLedger();
    const secret = () => randomBytes(16).toString('hex');
    const options = { port: 0, host: '127.0.0.1', apiKey: secret(), webhookSecret: secret(), file: null };
    const sandbox = await openSandbox(options);
    try {
      const report = await replayIncident({
        db: ledger.db,
        commands: paymentCommandsOf(ledger.db),
        sandbox: sandbox.account,
        orders,
        pageSize: 20,
        salesMs: 2_400,
        onPaid: () => undefined,
      });
      const [offset, cursor, ours] = report.readers;
      expect(offset!.paidTwice).toBeGreaterThan(0);
      expect(cursor!.paidTwice).toBe(0);
      expect(cursor!.neverPaid).toBeGreaterThan(0);
      expect(ours).toEqual({ reader: 'Holdfast', payouts: orders, paidTwice: 0, neverPaid: 0 });
      const { rows } = await sql<{ status: string; count: number }>`
        select status, count(*) as count from payments group by status`.execute(ledger.db);
      expect(rows).toEqual([{ status: 'captured', count: orders }]);
    } finally {
      await sandbox.close();
      await ledger.stop();
    }
  }, 60_000);
});
