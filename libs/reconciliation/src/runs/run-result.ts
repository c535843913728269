/** What a run came to: the contract's figures, and per currency that nothing was left out. */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { DiscrepancyCode } from '../discrepancies/discrepancy.js';
import { countable, countableSum } from '../sums.js';
import { foundBeside } from './run-findings.js';

export type TieOut = {
  /** The payout or the statement. */
  readonly payout: string;
  readonly currency: string;
  /** Minor units: the payout, or the closing balance. */
  readonly expected: number;
  /** What its rows add up to. */
  readonly actual: number;
  readonly ties: boolean;
};

export type CurrencyTotal = {
  readonly currency: string;
  readonly rows: number;
  readonly gross: number;
  readonly matched: StateTotal;
  readonly open: StateTotal;
  readonly ignored: StateTotal;
};
export type StateTotal = { readonly rows: number; readonly gross: number };

/** What became of rows, and by which rule; of open ones there is none. */
export type RuleTotal = StateTotal & {
  readonly currency: string;
  readonly state: 'matched' | 'open' | 'ignored';
  readonly rule: string | null;
};

export type RunResult = {
  readonly rows: number;
  readonly inserted: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly matched: number;
  /** Those that somebody has still to look at, by code; and under DUPLICATE_EXTERNAL how many rows came twice. */
  readonly discrepancies: Readonly<Partial<Record<DiscrepancyCode, number>>>;
  readonly tieOut: readonly TieOut[];
  /** Per currency of the gross: matched + open + ignored = rows. */
  readonly currencies: readonly CurrencyTotal[];
  /** The same, by what became of the rows and why. */
  readonly rules: readonly RuleTotal[];
  /** Ours whose row is not due yet. */
  readonly expected: number;
};

/** Adds up what a run has read, from the rows themselves. */
export async function totalsOf(
  db: Database,
  runId: string,
): Promise<Pick<RunResult, 'matched' | 'currencies' | 'rules'>> {
  const { rows: rules } = await sql<RuleTotal>`
    select t.currency, t.state, t.rule, count(*) as rows, ${countableSum(sql`sum(t.gross)`)} as gross
    from run_transactions r join provider_transactions t on t.number = r.number
    where r.run_id = ${runId} group by 1, 2, 3 order by 1, 2, 3`.execute(db);
  const byCurrency = Map.groupBy(rules, ({ currency }) => currency);
  const currencies = Array.from(byCurrency, ([currency, ofCurrency]): CurrencyTotal => {
    const of = (state: RuleTotal['state']): StateTotal =>
      ofCurrency
        .filter((total) => total.state === state)
        .reduce((sum, { rows, gross }) => ({ rows: sum.rows + rows, gross: countable(sum.gross + gross) }), {
          rows: 0,
          gross: 0,
        });
    const totals = { matched: of('matched'), open: of('open'), ignored: of('ignored') };
    return {
      currency,
      rows: totals.matched.rows + totals.open.rows + totals.ignored.rows,
      gross: countable(totals.matched.gross + totals.open.gross + totals.ignored.gross),
      ...totals,
    };
  });
  return { currencies, rules, matched: currencies.reduce((sum, { matched }) => sum + matched.rows, 0) };
}

/** What is open of the rows of a run, and what the run has found beside them. */
export async function openDiscrepanciesOf(db: Database, runId: string): Promise<RunResult['discrepancies']> {
  const { rows } = await sql<{ code: DiscrepancyCode; count: number }>`
    select code, count(*) as count from (
      select d.id, d.code from run_transactions r join discrepancies d on d.number = r.number
      where r.run_id = ${runId} and d.state in ('open', 'assigned', 'pending')
      union select d.id, d.code from (${foundBeside(runId)}) d where d.state in ('open', 'assigned', 'pending')
    ) found group by code order by code`.execute(db);
  return Object.fromEntries(rows.map(({ code, count }) => [code, count]));
}
