/** How far each account has been read. A cursor moves by compare-and-set: of two walkers one moves it, once. */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { SourceWindow } from '#payments';
import type { ProviderAccount } from '../account.js';

export type WalkCursor = {
  readonly version: number;
  /** Everything that was visible below it has been taken. In the source's clock. */
  readonly horizon: number;
  /** The window under way; null: none. */
  readonly window: SourceWindow | null;
  /** The place within the window; null: its beginning. */
  readonly position: string | null;
};

type Row = {
  version: number;
  horizon: number;
  window_from: number | null;
  window_until: number | null;
  position: string | null;
};

export class CursorRepository {
  constructor(private readonly db: Database) {}

  async find({ provider, account }: ProviderAccount): Promise<WalkCursor | undefined> {
    const { rows } = await sql<Row>`
      select version, horizon, window_from, window_until, position from provider_cursors
      where provider = ${provider} and account = ${account}`.execute(this.db);
    return rows[0] && toCursor(rows[0]);
  }

  /** The cursor, made to begin at this horizon when there was none. */
  async begin(account: ProviderAccount, horizon: number): Promise<WalkCursor> {
    await sql`
      insert into provider_cursors (provider, account, version, horizon)
      values (${account.provider}, ${account.account}, 0, ${horizon}) on conflict do nothing`.execute(
      this.db,
    );
    return (await this.find(account))!;
  }

  /** For how long it has not moved, by the ledger's clock; undefined: nothing has been read yet. */
  async standingMs({ provider, account }: ProviderAccount): Promise<number | undefined> {
    const { rows } = await sql<{ ms: number }>`
      select (extract(epoch from now() - moved_at) * 1000)::bigint as ms from provider_cursors
      where provider = ${provider} and account = ${account}`.execute(this.db);
    return rows[0]?.ms;
  }

  /** Where the reading of this account began; null: nothing has been read yet. */
  async readFrom({ provider, account }: ProviderAccount): Promise<number | null> {
    const { rows } = await sql<{ begin: number | null }>`
      select min(from_at) as begin from provider_windows
      where provider = ${provider} and account = ${account}`.execute(this.db);
    return rows[0]?.begin ?? null;
  }

  /** Where the oldest window begins that is going to be looked at again; null: none is. */
  async watchedFrom({ provider, account }: ProviderAccount): Promise<number | null> {
    const { rows } = await sql<{ begin: number | null }>`
      select min(from_at) as begin from provider_windows
      where provider = ${provider} and account = ${account} and check_at is not null`.execute(this.db);
    return rows[0]?.begin ?? null;
  }

  /** Moves the cursor from the version that was read; false: somebody else has moved it, and nothing is changed. */
  static async move(
    tx: Database,
    { provider, account }: ProviderAccount,
    from: WalkCursor,
    to: Omit<WalkCursor, 'version'>,
  ): Promise<boolean> {
    const { numAffectedRows } = await sql`
      update provider_cursors set version = version + 1, horizon = ${to.horizon},
        window_from = ${to.window?.from ?? null}, window_until = ${to.window?.until ?? null},
        position = ${to.position}, moved_at = now()
      where provider = ${provider} and account = ${account} and version = ${from.version}
        and horizon <= ${to.horizon}`.execute(tx);
    return numAffectedRows === 1n;
  }
}

function toCursor({ version, horizon, window_from, window_until, position }: Row): WalkCursor {
  const window =
    window_from === null || window_until === null ? null : { from: window_from, until: window_until };
  return { version, horizon, window, position };
}
