/** The report as CSV (RFC 4180): a line for each row of the run, for whoever goes on with it in a spreadsheet. */
import type { Database } from '#ledger';
import { decimalOf } from './report-amounts.js';
import { rowsOfRun, type ReportRow } from './report.js';

const columns: readonly [title: string, of: (row: ReportRow) => string][] = [
  ['transaction', (row) => text(row.id)],
  ['kind', (row) => row.kind],
  ['occurred_at', (row) => new Date(row.occurred_at).toISOString()],
  ['gross', (row) => decimalOf(row.gross, row.currency)],
  ['currency', (row) => row.currency],
  ['fee', (row) => (row.fee === null ? '' : decimalOf(row.fee, row.net_currency))],
  ['net', (row) => decimalOf(row.net, row.net_currency)],
  ['net_currency', (row) => row.net_currency],
  ['payment_reference', (row) => text(row.payment_reference)],
  ['merchant_reference', (row) => text(row.merchant_reference)],
  ['payout', (row) => text(row.payout_id)],
  ['state', (row) => row.state],
  ['discrepancies', (row) => row.codes ?? ''],
  ['rule', (row) => row.rule ?? ''],
  ['reason', (row) => text(row.reason)],
  ['payment', (row) => row.payment_id ?? ''],
];

/** In pieces of whole lines. */
export async function* csvOfRun(db: Database, runId: string): AsyncIterable<string> {
  let lines = `${columns.map(([title]) => title).join(',')}\r\n`;
  for await (const row of rowsOfRun(db, runId)) {
    lines += `${columns.map(([, of]) => of(row)).join(',')}\r\n`;
    if (lines.length > 65_536) {
      yield lines;
      lines = '';
    }
  }
  yield lines;
}

/** A provider's text must not become a formula in somebody's spreadsheet. */
function text(value: string | null): string {
  const harmless = /^[=+\-@\t\r]/.test(value ?? '') ? `'${value}` : (value ?? '');
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
