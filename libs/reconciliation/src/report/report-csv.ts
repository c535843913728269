/** The report as CSV (RFC 4180): a line for each row of the run, for whoever goes on with it in a spreadsheet. */
import type { Database } from '#ledger';
import { amountOf, decimalOf } from '../amounts.js';
import { findingsOfRun, rowsOfRun, type ReportFinding, type ReportRow } from './report.js';

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

/** In pieces of whole lines: the rows, then what was found beside them. */
export async function* csvOfRun(db: Database, runId: string): AsyncIterable<string> {
  let lines = `${columns.map(([title]) => title).join(',')}\r\n`;
  for await (const line of linesOf(db, runId)) {
    lines += `${line}\r\n`;
    if (lines.length > 65_536) {
      yield lines;
      lines = '';
    }
  }
  yield lines;
}

async function* linesOf(db: Database, runId: string): AsyncIterable<string> {
  for await (const row of rowsOfRun(db, runId)) yield columns.map(([, of]) => of(row)).join(',');
  for await (const found of findingsOfRun(db, runId)) yield lineOfFinding(found);
}

/** Under the same columns, and with no amount in those that people add up. */
function lineOfFinding({ subject, code, currency, expected, actual, detail }: ReportFinding): string {
  const amounts =
    currency === null || expected === null || actual === null
      ? ''
      : `: ${amountOf(expected, currency)} expected, ${amountOf(actual, currency)} found`;
  const cells: Readonly<Record<string, string>> = {
    transaction: text(subject),
    kind: 'finding',
    currency: currency ?? '',
    state: 'open',
    discrepancies: code,
    reason: text(`${detail}${amounts}`),
  };
  return columns.map(([title]) => cells[title] ?? '').join(',');
}

/** A provider's text must not become a formula in a spreadsheet, some of which read the wide signs of East Asia as well. */
function text(value: string | null): string {
  const harmless = /^[=+\-@＝＋－＠\t\r\n]/.test(value ?? '') ? `'${value}` : (value ?? '');
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
