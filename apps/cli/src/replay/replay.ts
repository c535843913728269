/** `holdfast replay`: the incident of the two payouts, on this machine, with nothing of yours in it. */
import { PGlite } from '@electric-sql/pglite';
import { defineCommand } from 'citty';
import { migrate, openPglite, pgliteParsers } from '#ledger';
import { systemClock, systemRandom } from '#platform';
import { paymentCommandsOf } from '#reconciliation';
import { openSandbox } from '../../../payment-sandbox/src/index.js';
import { UsageError } from '../failures.js';
import { replayIncident, type IncidentReport } from './replay-incident.js';
import { jsonArgument, openOutput, type Output } from '../output.js';
import { Progress } from '../progress.js';

const ordersMax = 5_000;
/** So that many orders a second are paid. */
const ordersPerSecond = 100;

export const replay = defineCommand({
  args: {
    orders: { type: 'string', description: 'Orders to pay, up to 5,000', default: '600' },
    'page-size': { type: 'string', description: 'Rows per page, up to 1,000', default: '50' },
    json: jsonArgument,
  },
  async run({ args }) {
    const orders = numberOf('--orders', args.orders, ordersMax);
    const pageSize = numberOf('--page-size', args['page-size'], 1_000);
    const output = await openOutput(args.json);
    output.say(
      `${orders} orders are paid within ${Math.ceil(orders / ordersPerSecond)} s, and every webhook is lost.`,
    );
    const report = await replayHere(orders, pageSize);
    sayReport(output, report);
    await output.finish(report);
    const ours = report.readers.find(({ reader }) => reader === 'Holdfast')!;
    if (ours.paidTwice > 0 || ours.neverPaid > 0) process.exitCode = 1;
  },
});

/** A ledger in memory and a provider in this process: nothing is left of either. */
async function replayHere(orders: number, pageSize: number): Promise<IncidentReport> {
  const db = openPglite(new PGlite({ parsers: pgliteParsers }));
  const sandbox = await openSandbox({
    port: 0,
    host: '127.0.0.1',
    apiKey: systemRandom.bytes(16).toString('hex'),
    webhookSecret: systemRandom.bytes(16).toString('hex'),
    file: null,
  });
  const progress = new Progress(systemClock, orders, 'orders');
  try {
    await migrate(db);
    return await replayIncident({
      db,
      commands: paymentCommandsOf(db),
      sandbox: sandbox.account,
      orders,
      pageSize,
      salesMs: (orders / ordersPerSecond) * 1_000,
      onPaid(count) {
        progress.to(count);
        progress.say('paying', count);
      },
    });
  } finally {
    progress.stop();
    await sandbox.close();
    await db.destroy();
  }
}

function sayReport(output: Output, { readers }: IncidentReport): void {
  const line = (cells: readonly (string | number)[]) =>
    output.say(
      cells
        .map((cell, index) => (index === 0 ? String(cell).padEnd(22) : String(cell).padStart(12)))
        .join(''),
    );
  line(['read by', 'payouts', 'paid twice', 'never paid']);
  for (const { reader, payouts, paidTwice, neverPaid } of readers)
    line([reader, payouts, paidTwice, neverPaid]);
}

function numberOf(name: string, text: string, max: number): number {
  const value = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max)
    throw new UsageError(`${name} is a number from 1 to ${max.toLocaleString('en')}`);
  return value;
}
