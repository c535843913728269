/** The report of a run: what a finance person wants to see first, with the rows behind each figure, bounded. */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import { DiscrepancyQueries, type Discrepancy } from '../discrepancies/discrepancy-queries.js';
import { discrepancyCodes, type DiscrepancyCode } from '../discrepancies/discrepancy.js';
import { foundBeside } from '../runs/run-findings.js';
import { RunRepository, type Run } from '../runs/run-repository.js';
import { countableSum } from '../sums.js';
import { rowsOf } from '../transaction.js';

/** Discrepancies shown of each code; the count says how many there are. */
const shownMax = 200;

export type ReportSection = {
  readonly code: DiscrepancyCode;
  readonly meaning: string;
  readonly count: number;
  /** The first of them. */
  readonly discrepancies: readonly Discrepancy[];
};

export type Report = {
  readonly run: Run;
  /** By code, as the table of codes has them. */
  readonly sections: readonly ReportSection[];
  readonly quarantined: readonly { readonly line: number; readonly problem: string; readonly raw: string }[];
  readonly payouts: readonly PayoutParts[];
};

/** What a payout is made of, by the kinds of its rows. */
export type PayoutParts = {
  readonly payout: string;
  readonly currency: string;
  readonly parts: readonly { readonly kind: string; readonly rows: number; readonly net: number }[];
};

/** Undefined: no such run. */
export async function reportOf(db: Database, runId: string): Promise<Report | undefined> {
  const run = await new RunRepository(db).find(runId);
  if (!run) return undefined;
  const queries = new DiscrepancyQueries(db);
  const sections: ReportSection[] = [];
  for (const [code, count] of Object.entries(run.result?.discrepancies ?? {})) {
    // As many as the run has counted, each as it is now: what was ended before its end is no part of it.
    const openAtMs = run.finishedAtMs ?? undefined;
    const { data } = await queries.list({ runId, code, openAtMs }, { limit: shownMax, after: null });
    const known = code as DiscrepancyCode;
    sections.push({ code: known, meaning: discrepancyCodes[known], count, discrepancies: data });
  }
  const order = Object.keys(discrepancyCodes);
  const { rows: quarantined } = await sql<Report['quarantined'][number]>`
    select line, problem, left(raw, 500) as raw from quarantined_rows where run_id = ${runId}
    order by line limit ${shownMax}`.execute(db);
  return {
    run,
    sections: sections.sort((left, right) => order.indexOf(left.code) - order.indexOf(right.code)),
    quarantined,
    payouts: await partsOfPayouts(db, run),
  };
}

/** Of the payouts that a run has tied out: those that do not tie first, so many of them as are shown. */
async function partsOfPayouts(db: Database, { account, result }: Run): Promise<PayoutParts[]> {
  const shown = (result?.tieOut ?? [])
    .toSorted((left, right) => Number(left.ties) - Number(right.ties))
    .slice(0, shownMax);
  const { rows } = await sql<{ payout: string; currency: string; kind: string; rows: number; net: number }>`
    select w.payout, w.currency, t.kind, count(*) as rows, ${countableSum(sql`sum(t.net)`)} as net
    from json_to_recordset(${rowsOf(shown.map(({ payout, currency }) => ({ payout, currency })))}) as w(payout text, currency text)
    cross join lateral (
      select kind, net, net_currency from provider_transactions
      where provider = ${account.provider} and account = ${account.account} and payout_id = w.payout offset 0) t
    where t.net_currency = w.currency and t.kind <> 'payout' group by 1, 2, 3 order by 1, 2, 3`.execute(db);
  const grouped = Map.groupBy(rows, ({ payout, currency }) => JSON.stringify([payout, currency]));
  return Array.from(grouped.values(), (parts) => {
    const { payout, currency } = parts[0]!;
    return {
      payout,
      currency,
      parts: parts.map(({ kind, rows: count, net }) => ({ kind, rows: count, net })),
    };
  });
}

export type ReportRow = {
  readonly number: number;
  readonly id: string;
  readonly kind: string;
  readonly occurred_at: number;
  readonly gross: number;
  readonly currency: string;
  readonly fee: number | null;
  readonly net: number;
  readonly net_currency: string;
  readonly payment_reference: string | null;
  readonly merchant_reference: string | null;
  readonly payout_id: string | null;
  readonly state: 'matched' | 'open' | 'ignored';
  readonly rule: string | null;
  readonly reason: string | null;
  readonly payment_id: string | null;
  readonly codes: string | null;
};

const pageSize = 2_000;

/** Every row that the run has read, in the order they were taken, with what is open about it. In flat memory. */
export async function* rowsOfRun(db: Database, runId: string): AsyncIterable<ReportRow> {
  let after = 0;
  for (;;) {
    const { rows } = await sql<ReportRow>`
      select t.number, t.id, t.kind, t.occurred_at, t.gross, t.currency, t.fee, t.net, t.net_currency, t.payment_reference,
        t.merchant_reference, t.payout_id, t.state, t.rule, t.reason, t.payment_id,
        (select string_agg(code, ' ' order by code) from discrepancies d
          where d.number = t.number and d.state in ('open', 'assigned', 'pending')) as codes
      from run_transactions r join provider_transactions t on t.number = r.number
      where r.run_id = ${runId} and r.number > ${after} order by r.number limit ${pageSize}`.execute(db);
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < pageSize) return;
    after = last.number;
  }
}

/** What a run has found that is about no row of it, and what of it could not be read. */
export type ReportFinding = {
  readonly subject: string;
  readonly code: string;
  readonly currency: string | null;
  readonly expected: number | null;
  readonly actual: number | null;
  readonly detail: string;
};

/** Bounded by the number of payouts, statements and payments of ours, not by rows; with what could not be read. */
export async function* findingsOfRun(db: Database, runId: string): AsyncIterable<ReportFinding> {
  const { rows } = await sql<ReportFinding>`
    select subject, code, currency, expected, actual, detail from (${foundBeside(runId)}) d
    where number is null and code <> 'SCHEMA_INVALID' and state in ('open', 'assigned', 'pending')
    order by code, subject`.execute(db);
  yield* rows;
  let after = 0;
  for (;;) {
    const { rows: broken } = await sql<{ line: number; problem: string }>`
      select line, problem from quarantined_rows where run_id = ${runId} and line > ${after}
      order by line limit ${pageSize}`.execute(db);
    for (const { line, problem } of broken) {
      const subject = `line ${line}`;
      yield {
        subject,
        code: 'SCHEMA_INVALID',
        currency: null,
        expected: null,
        actual: null,
        detail: problem,
      };
    }
    const last = broken.at(-1);
    if (!last || broken.length < pageSize) return;
    after = last.line;
  }
}
