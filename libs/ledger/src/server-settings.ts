/** The settings of a PostgreSQL server, as they are for this role and this database, that the ledger's promises rest on. */
import { sql } from 'kysely';
import type { Database } from './database.js';

export type ServerSettings = {
  readonly version: string;
  /** As 150004. */
  readonly versionNumber: number;
  readonly synchronousCommit: string;
  readonly isolation: string;
  /** As a standby is. */
  readonly isReadOnly: boolean;
};

export async function settingsOfServer(db: Database): Promise<ServerSettings> {
  const { rows } = await sql<ServerSettings>`
    select current_setting('server_version') as version,
      current_setting('server_version_num')::integer as "versionNumber",
      current_setting('synchronous_commit') as "synchronousCommit",
      current_setting('default_transaction_isolation') as isolation,
      current_setting('transaction_read_only')::boolean as "isReadOnly"`.execute(db);
  return rows[0]!;
}

/** What should be changed of a server that works; null: nothing. */
export function adviceOnServer({ synchronousCommit, isolation }: ServerSettings): string | null {
  if (synchronousCommit === 'off')
    return 'Set synchronous_commit on: with off, a power cut can lose reservations that were acknowledged.';
  if (isolation !== 'read committed')
    return `Set default_transaction_isolation read committed: with ${isolation}, instances that write the same row make each other fail.`;
  return null;
}
