/** What a reconciliation came to, for people in a terminal. */
import { amountOf, discrepancyCodes, type DiscrepancyCode, type RunResult } from '#reconciliation';
import type { Output } from '../output.js';

export function sayResult(output: Output, result: RunResult, brokenOff: string | null): void {
  const { rows, inserted, duplicates, quarantined, matched, discrepancies, tieOut, currencies } = result;
  const number = (value: number) => value.toLocaleString('en');
  output.say(
    `${number(rows)} rows: ${number(inserted)} new, ${number(duplicates)} known, ${number(quarantined)} unreadable; ` +
      `${number(matched)} matched`,
  );
  for (const total of currencies) {
    const part = (name: 'matched' | 'open' | 'ignored') =>
      `${name} ${amountOf(total[name].gross, total.currency)} (${number(total[name].rows)})`;
    output.say(
      `  ${amountOf(total.gross, total.currency)}: ${part('matched')}, ${part('open')}, ${part('ignored')}`,
    );
  }
  for (const [code, count] of Object.entries(discrepancies)) {
    output.say(`  ${number(count).padStart(7)} ${code}: ${discrepancyCodes[code as DiscrepancyCode]}`);
  }
  for (const { payout, currency, expected, actual, ties } of tieOut) {
    const sums = ties
      ? amountOf(expected, currency)
      : `${amountOf(expected, currency)} stated, ${amountOf(actual, currency)} in its rows`;
    output.say(`  ${ties ? 'ties   ' : 'DIFFERS'} ${payout}: ${sums}`);
  }
  if (brokenOff !== null) output.warn(brokenOff);
}
