/**
 * The report as one page that stands alone: no script, no fetch, fit for print and for mail. What has to be done comes
 * first, then the totals, the payouts, and the rows behind each figure.
 */
import { amountOf } from '../amounts.js';
import type { Discrepancy } from '../discrepancies/discrepancy-queries.js';
import type { CurrencyTotal, RuleTotal, RunResult, StateTotal, TieOut } from '../runs/run-result.js';
import type { PayoutParts, Report, ReportSection } from './report.js';

const style = `
:root { color-scheme: light dark; --line: light-dark(#d9dce1, #3a3f47); --soft: light-dark(#5b6470, #a2abb8);
  --good: light-dark(#176b3a, #6fd39b); --bad: light-dark(#a1260d, #ff9c86); --back: light-dark(#fff, #16191d); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 70rem;
  background: var(--back); color: light-dark(#1b1f24, #e8ebef); }
h1 { font-size: 1.6rem; margin: 0 0 .25rem } h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem } p { margin: .25rem 0 }
.soft { color: var(--soft) } .good { color: var(--good) } .bad { color: var(--bad) } .verdict { font-size: 1.1rem; margin: 1rem 0 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
th { color: var(--soft); font-weight: 600 } .number { text-align: right; white-space: nowrap } code { font-size: .9em; overflow-wrap: anywhere }
details { margin: .5rem 0 1rem } summary { cursor: pointer; padding: .35rem 0 } .wide { overflow-x: auto }
@media print { details { display: block } body { padding: 0 } }`;

export function htmlOf({ run, sections, quarantined, payouts }: Report): string {
  const { result } = run;
  const what = run.kind === 'file' ? `${run.file ?? 'a file'} (${run.format})` : 'the provider’s API';
  const title = `Reconciliation of ${run.account.provider}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title><style>${style}</style></head><body>
<h1>${escape(title)}${run.dry ? ' (dry run: nothing was kept)' : ''}</h1>
<p class="soft">${escape(what)}, ${instantOf(run.createdAtMs)}, run <code>${run.id}</code>, asked for by ${escape(run.requestedBy)}</p>
${run.error === null ? '' : `<p class="bad">${escape(run.error)}</p>`}
${result === null ? `<p>${run.status === 'failed' ? 'Nothing was compared.' : 'It has not ended yet.'}</p>` : bodyOf(result, sections, payouts)}
${quarantinedOf(quarantined, result?.quarantined ?? 0)}
</body></html>
`;
}

function bodyOf(
  result: RunResult,
  sections: readonly ReportSection[],
  payouts: readonly PayoutParts[],
): string {
  const parts = new Map(payouts.map((payout) => [`${payout.currency} ${payout.payout}`, payout]));
  return [
    verdictOf(result),
    totalsOf(result),
    tieOutsOf(result.tieOut, parts),
    sectionsOf(sections),
    rulesOf(result),
  ].join('\n');
}

function verdictOf({
  rows,
  inserted,
  duplicates,
  quarantined,
  tieOut,
  discrepancies,
  expected,
}: RunResult): string {
  // What came twice was counted once: there is nothing to be done about it.
  const { DUPLICATE_EXTERNAL: _, ...toLookAt } = discrepancies;
  const open = Object.values(toLookAt).reduce((sum, found) => sum + found, 0);
  const failed = tieOut.filter(({ ties }) => !ties).length;
  const verdict =
    open === 0 && failed === 0
      ? '<p class="verdict good">Everything adds up, and nothing is left to be looked at.</p>'
      : `<p class="verdict bad">${count(open, 'discrepancy', 'discrepancies')} to look at${
          failed > 0
            ? `, ${count(failed, 'payout or statement does', 'payouts or statements do')} not tie`
            : ''
        }.</p>`;
  const waiting = expected > 0 ? ` ${count(expected, 'payment', 'payments')} of ours not due yet.` : '';
  return `${verdict}<p>${count(rows, 'row', 'rows')} read: ${number(inserted)} new, ${number(duplicates)} known before,
${number(quarantined)} unreadable.${waiting}</p>`;
}

function totalsOf({ currencies }: RunResult): string {
  const state = ({ rows, gross }: StateTotal, currency: string) =>
    `<td class="number">${amountOf(gross, currency)}<br><span class="soft">${count(rows, 'row', 'rows')}</span></td>`;
  const line = (total: CurrencyTotal) =>
    `<tr><th scope="row">${escape(total.currency)}</th>${[
      { rows: total.rows, gross: total.gross },
      total.matched,
      total.open,
      total.ignored,
    ]
      .map((part) => state(part, total.currency))
      .join('')}</tr>`;
  return `<h2>Totals</h2><p class="soft">Gross amounts. All = matched + open + ignored.</p><div class="wide"><table>
<tr><th></th><th class="number">All</th><th class="number">Matched</th><th class="number">Open</th><th class="number">Ignored</th></tr>
${currencies.map(line).join('\n')}</table></div>`;
}

/** Lines of payouts that are shown; those that do not tie stand first. */
const tieOutsShownMax = 500;

function tieOutsOf(tieOuts: readonly TieOut[], parts: ReadonlyMap<string, PayoutParts>): string {
  if (tieOuts.length === 0) return '';
  const ordered = tieOuts.toSorted((left, right) => Number(left.ties) - Number(right.ties));
  const rest = ordered.length - tieOutsShownMax;
  return `<h2>Payouts and statements</h2><div class="wide"><table>
<tr><th>Payout or statement</th><th class="number">It says</th><th class="number">Its rows add up to</th><th></th></tr>
${ordered
  .slice(0, tieOutsShownMax)
  .map((tieOut) => tieOutLine(tieOut, parts.get(`${tieOut.currency} ${tieOut.payout}`)))
  .join('\n')}</table></div>${rest > 0 ? `<p class="soft">and ${number(rest)} more, which tie</p>` : ''}`;
}

function tieOutLine({ payout, currency, expected, actual, ties }: TieOut, parts?: PayoutParts): string {
  const madeOf =
    parts === undefined
      ? ''
      : `<br><span class="soft">${parts.parts
          .map(
            ({ kind, rows, net }) =>
              `${count(rows, escape(nameOf(kind)), escape(namesOf(kind)))} ${amountOf(net, currency)}`,
          )
          .join(' · ')}</span>`;
  return `<tr><td><code>${escape(payout)}</code>${madeOf}</td>
<td class="number">${amountOf(expected, currency)}</td><td class="number">${amountOf(actual, currency)}</td>
<td class="${ties ? 'good' : 'bad'}">${ties ? 'ties' : `differs by ${amountOf(actual - expected, currency)}`}</td></tr>`;
}

const nameOf = (kind: string): string =>
  kind === 'carry-over' ? 'balance carried over' : kind.replaceAll('-', ' ');
const namesOf = (kind: string): string =>
  ({
    conversion: 'conversions',
    other: 'others',
    'carry-over': 'balances carried over',
    'payout-returned': 'payouts returned',
  })[kind] ?? `${nameOf(kind)}s`;

function sectionsOf(sections: readonly ReportSection[]): string {
  if (sections.length === 0) return '';
  return `<h2>To look at</h2>${sections
    .map(({ code, meaning, count: all, discrepancies }) => {
      const rest = all - discrepancies.length;
      return `<details${discrepancies.length <= 20 ? ' open' : ''}><summary><strong>${escape(meaning)}</strong>
<span class="soft">${code}, ${number(all)}</span></summary>
${discrepancies.length > 0 ? `<div class="wide"><table><tr><th>Row</th><th>What</th><th class="number">Expected</th><th class="number">Actual</th><th>State</th></tr>${discrepancies.map(lineOf).join('\n')}</table></div>` : ''}
${rest > 0 && discrepancies.length > 0 ? `<p class="soft">and ${number(rest)} more: the CSV has them all</p>` : ''}</details>`;
    })
    .join('\n')}`;
}

/** What the rules are called in a report. */
const ruleNames: Readonly<Record<string, string>> = {
  charge: 'Charges that are a payment of ours',
  'split-charge': 'Charges that together are a payment of ours',
  refund: 'Refunds that are ours',
  'split-refund': 'Refunds that together are one of ours',
  'fee-of-payment': 'Fees of a payment',
  'conversion-of-payment': 'Conversions of a payment',
  'account-fee': 'Fees of the account',
  conversion: 'Conversions between balances of the account',
  chargeback: 'Disputes of a payment',
  'chargeback-reversed': 'Disputes that were decided for us',
  'refund-failed': 'Refunds that came back',
  hold: 'Money kept back for a time, and given free again',
  'carry-over': 'Balances carried over from batch to batch',
  memo: 'Rows that move no money',
  payout: 'Payouts to the bank',
  'payout-returned': 'Payouts that came back from the bank',
  decided: 'Rows that a person has decided about',
};

function rulesOf({ rules }: RunResult): string {
  if (rules.length === 0) return '';
  const what = ({ state, rule }: RuleTotal) =>
    rule === null ? (state === 'open' ? 'Still to be looked at' : '') : (ruleNames[rule] ?? rule);
  const line = (total: RuleTotal) =>
    `<tr><td>${escape(what(total))}</td><td>${total.state}</td><td class="number">${number(total.rows)}</td>
<td class="number">${amountOf(total.gross, total.currency)}</td></tr>`;
  return `<h2>What became of the rows</h2><div class="wide"><table>
<tr><th>What</th><th>State</th><th class="number">Rows</th><th class="number">Gross</th></tr>
${rules.map(line).join('\n')}</table></div>`;
}

function lineOf(found: Discrepancy): string {
  const amount = (minor: number | null) =>
    minor === null || found.currency === null ? '' : amountOf(minor, found.currency);
  // What cannot be read is known by a digest, which says nothing to anybody: the line says more.
  const row = found.code === 'SCHEMA_INVALID' ? '' : (found.transactionId ?? found.subject);
  return `<tr><td><code>${escape(row)}</code></td><td>${escape(found.detail)}</td>
<td class="number">${amount(found.expected)}</td><td class="number">${amount(found.actual)}</td><td>${found.state}</td></tr>`;
}

function quarantinedOf(rows: Report['quarantined'], all: number): string {
  if (rows.length === 0) return '';
  const line = ({ line: at, problem, raw }: Report['quarantined'][number]) =>
    `<tr><td class="number">${number(at)}</td><td>${escape(problem)}</td><td><code>${escape(raw)}</code></td></tr>`;
  return `<h2>Rows that could not be read</h2><div class="wide"><table><tr><th class="number">Line</th><th>Why</th><th>The row</th></tr>
${rows.map(line).join('\n')}</table></div>${all > rows.length ? `<p class="soft">and ${number(all - rows.length)} more</p>` : ''}`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

const number = (value: number): string => value.toLocaleString('en');
const count = (value: number, one: string, many: string): string =>
  `${number(value)} ${value === 1 ? one : many}`;
const instantOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
