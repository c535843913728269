/** Opens the ledger's database, a PostgreSQL server or PGlite in this process, behind one interface. */
import type { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, PostgresAdapter, PostgresDialect } from 'kysely';
import { Pool, TypeOverrides } from 'pg';
import { assert } from '#domain';
import { ImpatientClient } from './impatient-client.js';
import type { Schema } from './schema.js';

export type Database = Kysely<Schema>;

const int8Oid = 20;

/** bigint columns hold numbers that are safe integers: every writer checks them. */
function safeInteger(text: string): number {
  const number = Number(text);
  assert(Number.isSafeInteger(number), 'the ledger holds a number beyond the safe integers', { text });
  return number;
}

/** How PGlite must be opened for this ledger: bigint as a number, as on a server. */
export const pgliteParsers = { [int8Oid]: safeInteger };

/** A commit that hangs is reported as unknown rather than waited for without end. */
const queryTimeoutMsDefault = 10_000;
/** Questions over whole tables may take long. */
export const auditTimeoutMs = 600_000;

/** A pool of connections to a PostgreSQL server. `onError` hears of connections that were lost. */
export function openPostgres(
  url: string,
  onError: (error: Error) => void,
  { connectionsMax = 10, queryTimeoutMs = queryTimeoutMsDefault } = {},
): Database {
  const overrides = new TypeOverrides();
  overrides.setTypeParser(int8Oid, safeInteger);
  const pool = new Pool({
    Client: ImpatientClient,
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: 3_000,
    query_timeout: queryTimeoutMs,
    keepAlive: true,
    application_name: 'holdfast',
    types: overrides,
  });
  pool.on('error', onError);
  // One that is lost while it works says so as well, to nobody: an error that nobody hears ends the process.
  pool.on('connect', (client) => void client.on('error', onError));
  return new Kysely<Schema>({ dialect: new LedgerDialect({ pool }) });
}

export function openPglite(pglite: PGlite): Database {
  return new Kysely<Schema>({ dialect: new PGliteDialect({ pglite }) });
}

class LedgerDialect extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return new LedgerAdapter();
  }
}

/** Whoever migrates has a lock already, one that goes with the transaction. */
class LedgerAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}
