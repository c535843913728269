/**
 * The steps of the schema. They only add, so a version works on a ledger that a later one has taken further: it leaves alone
 * what it does not know, and adds what it knows and the ledger lacks, whatever else has been added since. A step that does more
 * than add says so at the end of its name, and a version that does not know it must not work there.
 */
import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { migrations } from '#migrations';
import { ConfigurationError } from '#platform';
import type { Database } from './database.js';

const breaking = '-breaking';

/** The number of Kysely's own lock, by which versions of before exclude each other and these. */
const migrationLock = '3853314791062309107';

/** A step may build an index over a large table, or wait for another process that does. */
export const migrationTimeoutMs = 3_600_000;

/** Which steps this ledger has taken, and which not yet; all missing: it is empty. Changes nothing. */
export async function migrationState(db: Database): Promise<{ taken: string[]; missing: string[] }> {
  const steps = await migratorOf(db, await strangeSteps(db)).getMigrations();
  const named = (isTaken: boolean) =>
    steps.flatMap(({ name, executedAt }) => ((executedAt !== undefined) === isTaken ? [name] : []));
  return { taken: named(true), missing: named(false) };
}

/** Brings the schema up to date; safe when several processes start at once. Answers with the steps it took. */
export async function migrate(db: Database): Promise<string[]> {
  for (;;) {
    const strange = await strangeSteps(db);
    try {
      return await db.transaction().execute((tx) => takeSteps(tx, strange));
    } catch (error) {
      // A later version may have taken it further meanwhile.
      if ((await strangeSteps(db)).length === strange.length) throw error;
    }
  }
}

/**
 * One process at a time, by a lock that goes with the transaction: a pooler gives each transaction another session, and Kysely's
 * own lock would stay behind in one. What the role has for patience is for questions, and not for this.
 */
async function takeSteps(tx: Database, strange: readonly string[]): Promise<string[]> {
  await sql`select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)`.execute(
    tx,
  );
  await sql`select pg_advisory_xact_lock(${migrationLock}::bigint)`.execute(tx);
  const { error, results = [] } = await migratorOf(tx, strange).migrateToLatest();
  if (error) throw error instanceof Error ? error : new Error('the migration failed', { cause: error });
  return results.map((result) => result.migrationName);
}

function migratorOf(db: Database, strange: readonly string[]): Migrator {
  const taken = Object.fromEntries(strange.map((name) => [name, { up: async () => undefined }]));
  return new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...taken, ...migrations }) },
    allowUnorderedMigrations: true,
  });
}

/** Steps that were taken by another version and are not known to this one. @throws ConfigurationError when one breaks it */
async function strangeSteps(db: Database): Promise<string[]> {
  const { rows: tables } = await sql<{ there: boolean }>`
    select to_regclass('kysely_migration') is not null as there`.execute(db);
  if (!tables[0]!.there) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  const strange = rows.map(({ name }) => name).filter((name) => !Object.hasOwn(migrations, name));
  const broken = strange.filter((name) => name.endsWith(breaking));
  if (broken.length > 0) {
    throw new ConfigurationError(
      `a later version has changed this ledger in a way that this one does not understand (${broken.join(', ')}): start that one`,
    );
  }
  return strange;
}
