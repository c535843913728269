/** What a run adds up to: payouts against their rows, and every row accounted for, by currency. */
import type { WireReconciliationRun } from '#contracts';
import { count, money } from '../format.js';
import { type Column, Table } from '../ui/table.js';

type Result = NonNullable<WireReconciliationRun['result']>;
type Payout = Result['tieOut'][number];
type Currency = Result['currencies'][number];

const payoutColumns: readonly Column<Payout>[] = [
  { label: 'Payout', kind: 'main', plain: true, cell: ({ payout }) => payout },
  {
    label: 'Adds up',
    kind: 'state',
    cell: ({ ties }) => (ties ? 'yes' : <span class="none-left">no</span>),
  },
  { label: 'Expected', kind: 'money', cell: ({ expected, currency }) => money(expected, currency) },
  { label: 'Actual', kind: 'money', cell: ({ actual, currency }) => money(actual, currency) },
  {
    label: 'Difference',
    kind: 'money',
    cell: ({ expected, actual, currency }) =>
      actual === expected ? '–' : money(actual - expected, currency),
  },
];

export function TieOut({ rows }: { rows: Result['tieOut'] }) {
  return (
    <section class="part">
      <h2>Tie-out</h2>
      <Table columns={payoutColumns} rows={rows} keyOf={({ payout, currency }) => `${payout} ${currency}`} />
    </section>
  );
}

const currencyColumns: readonly Column<Currency>[] = [
  { label: 'Currency', kind: 'main', plain: true, cell: ({ currency }) => currency },
  { label: 'Rows', kind: 'number', cell: ({ rows }) => count(rows) },
  { label: 'Matched', kind: 'number', cell: ({ matched }) => count(matched.rows) },
  { label: 'Open', kind: 'number', cell: ({ open }) => count(open.rows) },
  { label: 'Ignored', kind: 'number', cell: ({ ignored }) => count(ignored.rows) },
  { label: 'Gross', kind: 'money', cell: ({ gross, currency }) => money(gross, currency) },
];

export function Currencies({ rows }: { rows: Result['currencies'] }) {
  return (
    <section class="part">
      <h2>Every row accounted for</h2>
      <Table columns={currencyColumns} rows={rows} keyOf={({ currency }) => currency} />
    </section>
  );
}
