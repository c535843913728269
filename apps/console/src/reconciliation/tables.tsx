/** What a run adds up to: payouts against their rows, and every row accounted for, by currency. */
import type { WireReconciliationRun } from '#contracts';
import { count, money } from '../format.js';

type Result = NonNullable<WireReconciliationRun['result']>;

export function TieOut({ rows }: { rows: Result['tieOut'] }) {
  return (
    <section class="part">
      <h2>Tie-out</h2>
      <table class="list still">
        <thead>
          <tr>
            <th>Payout</th>
            <th class="number">Adds up</th>
            <th class="number">Expected</th>
            <th class="number">Actual</th>
            <th class="number">Difference</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ payout, currency, expected, actual, ties }) => (
            <tr key={`${payout} ${currency}`}>
              <td class="main">{payout}</td>
              <td class="number" data-label="Adds up">
                {ties ? 'yes' : <span class="none-left">no</span>}
              </td>
              <td class="number" data-label="Expected">
                {money(expected, currency)}
              </td>
              <td class="number" data-label="Actual">
                {money(actual, currency)}
              </td>
              <td class="number" data-label="Difference">
                {actual === expected ? '–' : money(actual - expected, currency)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function Currencies({ rows }: { rows: Result['currencies'] }) {
  return (
    <section class="part">
      <h2>Every row accounted for</h2>
      <table class="list still">
        <thead>
          <tr>
            <th>Currency</th>
            <th class="number">Rows</th>
            <th class="number">Matched</th>
            <th class="number">Open</th>
            <th class="number">Ignored</th>
            <th class="number">Gross</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ currency, rows: all, gross, matched, open, ignored }) => (
            <tr key={currency}>
              <td class="main">{currency}</td>
              <td class="number" data-label="Rows">
                {count(all)}
              </td>
              <td class="number" data-label="Matched">
                {count(matched.rows)}
              </td>
              <td class="number" data-label="Open">
                {count(open.rows)}
              </td>
              <td class="number" data-label="Ignored">
                {count(ignored.rows)}
              </td>
              <td class="number" data-label="Gross">
                {money(gross, currency)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
