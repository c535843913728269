/** The report of a run: what a finance person wants to see first, with the rows behind each figure, bounded. */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import { discrepancyCodes, type DiscrepancyCode } from './discrepancy.js';
import { DiscrepancyQueries, type Discrepancy } from './discrepancy-queries.js';
import { RunRepository, type Run } from './run-repository.js';

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
};

/** Undefined: no such run. */
export async function reportOf(db: Database, runId: string): Promise<Report | undefined> {
  const run = await new RunRepository(db).find(runId);
  if (!run) return undefined;
  const queries = new DiscrepancyQueries(db);
  const sections: ReportSection[] = [];
  for (const [code, count] of Object.entries(run.result?.discrepancies ?? {})) {
    const { data } = await queries.list({ runId, code }, { limit: shownMax, after: null });
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
  };
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
  readonly state: string;
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
