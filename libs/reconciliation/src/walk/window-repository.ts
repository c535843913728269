/** The windows that a walk has read to their end: what closes them, and when each is to be looked at again. */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { SourceWindow } from '#payments';
import type { ProviderAccount } from '../account.js';

export type WindowState = 'read' | 'closed';

export type ReadWindow = {
  readonly id: string;
  readonly account: ProviderAccount;
  readonly window: SourceWindow;
  readonly state: WindowState;
  readonly version: number;
  /** Of the fetch before; null: none yet. */
  readonly digest: string | null;
  /** By the source's clock. */
  readonly fetchedAt: number | null;
  readonly checkAt: number | null;
  readonly checksAfterClose: number;
};

type Row = {
  id: string;
  provider: string;
  account: string;
  from_at: number;
  until_at: number;
  state: WindowState;
  version: number;
  digest: string | null;
  fetched_at: number | null;
  check_at: number | null;
  checks_after_close: number;
};

export type WindowCheck = {
  readonly state: WindowState;
  readonly rows: number;
  readonly digest: string;
  readonly fetchedAt: number;
  readonly checkAt: number | null;
  readonly checksAfterClose: number;
  /** Rows that this look has found below the closed horizon. */
  readonly late: number;
};

export class WindowRepository {
  constructor(private readonly db: Database) {}

  /** Part of the caller's transaction. `final`: nothing can appear in it any more, so there is nothing to close. */
  async add(
    tx: Database,
    { provider, account }: ProviderAccount,
    read: {
      readonly id: string;
      readonly window: SourceWindow;
      readonly final: boolean;
      readonly now: number;
    },
  ): Promise<void> {
    await sql`
      insert into provider_windows (id, provider, account, from_at, until_at, state, version, check_at)
      values (${read.id}, ${provider}, ${account}, ${read.window.from}, ${read.window.until},
        ${read.final ? 'closed' : 'read'}, 0, ${read.final ? null : read.now})
      on conflict (provider, account, from_at, until_at) do nothing`.execute(tx);
  }

  /** Below this everything was taken for final; null: nothing was yet. Part of the caller's transaction. */
  async closedUntil(tx: Database, { provider, account }: ProviderAccount): Promise<number | null> {
    const { rows } = await sql<{ horizon: number | null }>`
      select coalesce(
        (select min(from_at) from provider_windows
          where provider = ${provider} and account = ${account} and state = 'read'
            and from_at > (select min(until_at) - 1 from provider_windows
              where provider = ${provider} and account = ${account} and state = 'closed')),
        (select max(until_at) from provider_windows
          where provider = ${provider} and account = ${account} and state = 'closed')) as horizon`.execute(
      tx,
    );
    return rows[0]?.horizon ?? null;
  }

  async find(id: string): Promise<ReadWindow | undefined> {
    const { rows } = await sql<Row>`select * from provider_windows where id = ${id}`.execute(this.db);
    return rows[0] && toWindow(rows[0]);
  }

  /** Those to be looked at by now, by the source's clock; oldest first. */
  async due({ provider, account }: ProviderAccount, now: number, limit: number): Promise<ReadWindow[]> {
    const { rows } = await sql<Row>`
      select * from provider_windows
      where provider = ${provider} and account = ${account} and check_at <= ${now}
      order by check_at, from_at limit ${limit}`.execute(this.db);
    return rows.map(toWindow);
  }

  /** Records a look at a window; false: another look was faster, and this one counts for nothing. */
  async record({ id, version }: ReadWindow, check: WindowCheck): Promise<boolean> {
    const { numAffectedRows } = await sql`
      update provider_windows set version = version + 1, state = ${check.state}, rows = ${check.rows},
        digest = ${check.digest}, fetched_at = ${check.fetchedAt}, check_at = ${check.checkAt},
        checks_after_close = ${check.checksAfterClose}, late = late + ${check.late}
      where id = ${id} and version = ${version}`.execute(this.db);
    return numAffectedRows === 1n;
  }
}

function toWindow(row: Row): ReadWindow {
  return {
    id: row.id,
    account: { provider: row.provider, account: row.account },
    window: { from: row.from_at, until: row.until_at },
    state: row.state,
    version: row.version,
    digest: row.digest,
    fetchedAt: row.fetched_at,
    checkAt: row.check_at,
    checksAfterClose: row.checks_after_close,
  };
}
