/** Discrepancies for people: lists, and one with its history. */
import { sql } from 'kysely';
import { guarded, nextPosition, type Database, type KeysetPage, type ListPage } from '#ledger';
import type { DiscrepancyRow } from './discrepancy-repository.js';
import type { DiscrepancyCode, DiscrepancyState } from './discrepancy.js';

export type Discrepancy = {
  readonly id: string;
  readonly runId: string | null;
  readonly provider: string;
  readonly account: string;
  readonly code: DiscrepancyCode;
  readonly state: DiscrepancyState;
  /** The provider's id of the row that it is about; null: about something else. */
  readonly transactionId: string | null;
  readonly subject: string;
  readonly paymentId: string | null;
  readonly reservationId: string | null;
  readonly currency: string | null;
  readonly expected: number | null;
  readonly actual: number | null;
  readonly detail: string;
  readonly openedAtMs: number;
  readonly changedAtMs: number;
  readonly history: readonly HistoryStep[];
};

type HistoryStep = {
  readonly action: string;
  readonly actor: string;
  readonly reason: string;
  readonly before: DiscrepancyState | null;
  readonly after: DiscrepancyState;
  readonly atMs: number;
};

export type DiscrepancyFilter = {
  readonly runId?: string | undefined;
  readonly code?: string | undefined;
  readonly state?: string | undefined;
  /** Those that were open then, whatever became of them since. */
  readonly openAtMs?: number | undefined;
};

type Row = DiscrepancyRow & {
  transaction_id: string | null;
  cursor: string;
  history:
    | {
        action: string;
        actor: string;
        reason: string;
        before: DiscrepancyState | null;
        after: DiscrepancyState;
        at: string;
      }[]
    | null;
};

const select = sql`
  select d.*, d.opened_at::text as cursor, (select t.id from provider_transactions t where t.number = d.number) as transaction_id,
    (select json_agg(json_build_object('action', action, 'actor', actor, 'reason', reason, 'before', before, 'after', after,
      'at', at) order by step) from discrepancy_steps s where s.discrepancy_id = d.id) as history
  from discrepancies d`;

export class DiscrepancyQueries {
  constructor(private readonly db: Database) {}

  /** Newest first. Of a run: what it has found, and what is open about the rows that it has read. */
  async list(
    { runId, code, state, openAtMs }: DiscrepancyFilter,
    page: KeysetPage,
  ): Promise<ListPage<Discrepancy>> {
    const conditions = [
      runId === undefined
        ? sql`true`
        : sql`(d.run_id = ${runId} or d.id in (select discrepancy_id from run_findings where run_id = ${runId})
            or d.number in (select number from run_transactions where run_id = ${runId}))`,
      code === undefined ? sql`true` : sql`d.code = ${code}`,
      state === undefined ? sql`true` : sql`d.state = ${state}`,
      openAtMs === undefined
        ? sql`true`
        : sql`(d.state in ('open', 'assigned', 'pending') or d.changed_at >= ${new Date(openAtMs)})`,
      page.after === null
        ? sql`true`
        : sql`(d.opened_at, d.id) < (${page.after[0]}::timestamptz, ${page.after[1]}::uuid)`,
    ];
    const { rows } = await guarded(
      sql<Row>`
        ${select} where ${sql.join(conditions, sql` and `)}
        order by d.opened_at desc, d.id desc limit ${page.limit + 1}`.execute(this.db),
    );
    return nextPosition(rows, page.limit, toDiscrepancy, ({ cursor, id }) => [cursor, id]);
  }

  async find(id: string): Promise<Discrepancy | undefined> {
    const { rows } = await guarded(sql<Row>`${select} where d.id = ${id}`.execute(this.db));
    return rows[0] && toDiscrepancy(rows[0]);
  }
}

function toDiscrepancy(row: Row): Discrepancy {
  return {
    id: row.id,
    runId: row.run_id,
    provider: row.provider,
    account: row.account,
    code: row.code,
    state: row.state,
    transactionId: row.transaction_id,
    subject: row.subject,
    paymentId: row.payment_id,
    reservationId: row.reservation_id,
    currency: row.currency,
    expected: row.expected,
    actual: row.actual,
    detail: row.detail,
    openedAtMs: row.opened_at.getTime(),
    changedAtMs: row.changed_at.getTime(),
    history: (row.history ?? []).map(({ action, actor, reason, before, after, at }) => {
      return { action, actor, reason, before, after, atMs: new Date(at).getTime() };
    }),
  };
}
