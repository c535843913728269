/** Runs: who asked for a reconciliation, of what, how far it is, and what came of it. */
import { sql } from 'kysely';
import { guarded, type Database, type KeysetPage, type ListPage, nextPosition } from '#ledger';
import type { ProviderAccount } from '../account.js';
import type { RunResult } from './run-result.js';

type RunStatus = 'queued' | 'running' | 'succeeded' | 'failed';

/** Who asks for the runs that nobody asks for: no API key can be called so. A run of theirs that finds nothing leaves no trace. */
export const scheduler = '(schedule)';
/** The same, of a look at a window that was read: whoever looks does all of its run, and nobody walks on by it. */
export const looker = '(look)';
const unasked: readonly string[] = [scheduler, looker];

export const isUnasked = ({ requestedBy }: Pick<Run, 'requestedBy'>): boolean =>
  unasked.includes(requestedBy);

/** Whether a run counts rows that were known before: somebody who asks for one wants to see all that it has read. */
export const claimsKnown = (run: Pick<Run, 'requestedBy'>): boolean => !isUnasked(run);

/** A look that has not taken a page for this long has ended in its middle. */
const lookSilentSeconds = 60;

export type Run = {
  readonly id: string;
  readonly kind: 'provider' | 'file';
  readonly account: ProviderAccount;
  readonly format: string | null;
  readonly file: string | null;
  readonly dry: boolean;
  /** What of the provider's time; null: on from the cursor. */
  readonly fromMs: number | null;
  readonly untilMs: number | null;
  readonly status: RunStatus;
  readonly requestedBy: string;
  readonly createdAtMs: number;
  readonly finishedAtMs: number | null;
  readonly counts: RunCounts;
  readonly result: RunResult | null;
  readonly error: string | null;
};

export type RunCounts = {
  readonly rows: number;
  readonly inserted: number;
  readonly duplicates: number;
  readonly quarantined: number;
};

export type NewRun = Pick<
  Run,
  'id' | 'kind' | 'account' | 'format' | 'file' | 'dry' | 'fromMs' | 'untilMs' | 'requestedBy'
> & { readonly status: 'queued' | 'running' };

/** A run that takes an account from where it was read to as far as it may be. */
export function walkRun(run: Pick<Run, 'id' | 'account' | 'requestedBy'>): NewRun {
  return {
    ...run,
    kind: 'provider',
    format: null,
    file: null,
    dry: false,
    fromMs: null,
    untilMs: null,
    status: 'queued',
  };
}

type Row = {
  id: string;
  kind: 'provider' | 'file';
  provider: string;
  account: string;
  format: string | null;
  file: string | null;
  dry: boolean;
  from_at: number | null;
  until_at: number | null;
  status: RunStatus;
  requested_by: string;
  created_at: Date;
  finished_at: Date | null;
  rows: number;
  inserted: number;
  duplicates: number;
  quarantined: number;
  result: RunResult | null;
  error: string | null;
  /** For lists: the exact time, finer than a Date. */
  cursor?: string;
};

export class RunRepository {
  constructor(private readonly db: Database) {}

  /** One that exists already stays as it is. */
  async add(run: NewRun): Promise<void> {
    await guarded(
      sql`
        insert into reconciliation_runs (id, kind, provider, account, format, file, dry, from_at, until_at, status,
          requested_by, created_at)
        values (${run.id}, ${run.kind}, ${run.account.provider}, ${run.account.account}, ${run.format}, ${run.file},
          ${run.dry}, ${run.fromMs}, ${run.untilMs}, ${run.status}, ${run.requestedBy}, now())
        on conflict (id) do nothing`.execute(this.db),
    );
  }

  async find(id: string): Promise<Run | undefined> {
    const { rows } = await guarded(
      sql<Row>`select * from reconciliation_runs where id = ${id}`.execute(this.db),
    );
    return rows[0] && toRun(rows[0]);
  }

  /** Newest first. */
  async list(page: KeysetPage): Promise<ListPage<Run>> {
    const after =
      page.after && sql`where (created_at, id) < (${page.after[0]}::timestamptz, ${page.after[1]}::uuid)`;
    const { rows } = await guarded(
      sql<Row>`
        select *, created_at::text as cursor from reconciliation_runs ${after ?? sql``}
        order by created_at desc, id desc limit ${page.limit + 1}`.execute(this.db),
    );
    return nextPosition(rows, page.limit, toRun, ({ cursor, id }) => [cursor!, id]);
  }

  /** Those that nobody has finished, oldest first; but for looks that are under way. */
  async unfinished(limit: number): Promise<Run[]> {
    const { rows } = await guarded(
      sql<Row>`
        select * from reconciliation_runs where status in ('queued', 'running') and kind = 'provider'
          and not (requested_by = ${looker} and moved_at > now() - make_interval(secs => ${lookSilentSeconds}))
        order by created_at, id limit ${limit}`.execute(this.db),
    );
    return rows.map(toRun);
  }

  async begin(id: string): Promise<void> {
    await sql`update reconciliation_runs set status = 'running' where id = ${id} and status = 'queued'`.execute(
      this.db,
    );
  }

  async count(id: string, { rows, inserted, duplicates, quarantined }: RunCounts): Promise<void> {
    await sql`
      update reconciliation_runs set rows = rows + ${rows}, inserted = inserted + ${inserted},
        duplicates = duplicates + ${duplicates}, quarantined = quarantined + ${quarantined}, moved_at = now()
      where id = ${id}`.execute(this.db);
  }

  /** It is being worked on. */
  async touch(id: string): Promise<void> {
    await sql`update reconciliation_runs set moved_at = now() where id = ${id}`.execute(this.db);
  }

  /**
   * Ends runs of files whose process has ended in their middle. A dry run shows nothing of itself until its end, but holds
   * its row: one that is held has its process still. @returns how many
   */
  async failAbandoned(silentMs: number): Promise<number> {
    const error =
      'The process that read this file has ended. Send it again: only what is missing will be added.';
    const { numAffectedRows } = await sql`
      update reconciliation_runs set status = 'failed', finished_at = now(), error = ${error}
      where id in (
        select id from reconciliation_runs where kind = 'file' and status = 'running'
          and moved_at < now() - make_interval(secs => ${silentMs / 1_000})
        for update skip locked)`.execute(this.db);
    return Number(numAffectedRows ?? 0n);
  }

  /** Takes a run that has found nothing new off the record. @returns whether it was one */
  async removeEmpty(id: string): Promise<boolean> {
    const { rows } = await sql`
      with removed as (
        delete from reconciliation_runs r where id = ${id} and inserted = 0
          and not exists (select from discrepancies where run_id = r.id)
          and not exists (select from run_transactions where run_id = r.id)
          and not exists (select from provider_transactions where run_id = r.id)
          and not exists (select from conflicting_transactions where run_id = r.id)
        returning id
      ), forgotten as (
        delete from run_findings where run_id in (select id from removed)
      )
      select id from removed`.execute(this.db);
    return rows.length === 1;
  }

  /** A run that begins again reads everything again: what it had read before it was cut off counts as not read. */
  async restart(id: string): Promise<void> {
    await sql`delete from run_transactions where run_id = ${id}`.execute(this.db);
    await sql`delete from run_findings where run_id = ${id}`.execute(this.db);
    await sql`
      update reconciliation_runs set rows = 0, inserted = 0, duplicates = 0, quarantined = 0
      where id = ${id}`.execute(this.db);
  }

  /**
   * Ends a run. The counts are those of the result: a dry run has rolled its own back. What the reader of a file says of it
   * counts in any case: it may have been given up while it was only slow.
   */
  async finish(id: string, result: RunResult, error: string | null): Promise<void> {
    await sql`
      update reconciliation_runs set status = ${error === null ? 'succeeded' : 'failed'}, finished_at = now(),
        rows = ${result.rows}, inserted = ${result.inserted}, duplicates = ${result.duplicates},
        quarantined = ${result.quarantined}, result = ${JSON.stringify(result)}::jsonb, error = ${error}
      where id = ${id} and (finished_at is null or kind = 'file')`.execute(this.db);
  }

  /**
   * The work on a run has failed for the last time. Who asked for it is told so; one that nobody asked for goes on as
   * soon as it can, and says why it does not.
   */
  async giveUp(id: string, error: string): Promise<void> {
    await sql`
      update reconciliation_runs set error = ${error},
        status = case when requested_by = any(${unasked}::text[]) then status else 'failed' end,
        finished_at = case when requested_by = any(${unasked}::text[]) then null else now() end
      where id = ${id} and finished_at is null`.execute(this.db);
  }

  async fail(id: string, error: string): Promise<void> {
    await sql`
      update reconciliation_runs set status = 'failed', finished_at = now(), error = ${error}
      where id = ${id} and finished_at is null`.execute(this.db);
  }
}

function toRun(row: Row): Run {
  return {
    id: row.id,
    kind: row.kind,
    account: { provider: row.provider, account: row.account },
    format: row.format,
    file: row.file,
    dry: row.dry,
    fromMs: row.from_at,
    untilMs: row.until_at,
    status: row.status,
    requestedBy: row.requested_by,
    createdAtMs: row.created_at.getTime(),
    finishedAtMs: row.finished_at?.getTime() ?? null,
    counts: {
      rows: row.rows,
      inserted: row.inserted,
      duplicates: row.duplicates,
      quarantined: row.quarantined,
    },
    // Of a run that ended before rules were added up there are none.
    result: row.result && { ...row.result, rules: row.result.rules ?? [] },
    error: row.error,
  };
}
