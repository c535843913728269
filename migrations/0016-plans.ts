/**
 * A commit, a look at keys and the record of refusals are planned once a session. PostgreSQL would plan their statements anew at
 * every call: for arrays as short as these it thinks a plan of their own worth it, and never counts what the planning costs.
 */
import { sql, type Kysely } from 'kysely';

/** The one that is called; the other of the name only turns old instances away. */
const ledgerCommit = sql.raw(`ledger_commit(
  integer[], bigint[], bigint[], bigint[], bigint[],
  integer[], bigint[], bigint[], text[], bigint[], uuid[], text[], json[],
  text[], bigint[], bigint[], bigint[], bigint[],
  uuid[], text[], text[], integer[], text[], bigint[], bigint[], text[],
  text[], bigint[], uuid[], boolean[],
  text[], text[], bigint[], bigint[], bigint[],
  bytea, bytea, integer[], text[])`);

const once = sql`set plan_cache_mode = force_generic_plan`;
/** A plan that was made while the tables were small must still be good when they are large. Joins by merging are for the carts. */
const byIndex = sql`set enable_seqscan = off set enable_hashjoin = off`;

const statements = [
  sql`alter function ${ledgerCommit} ${once} ${byIndex}`,
  // These two go by index already.
  sql`alter function idempotency_look(bytea, bytea, uuid[]) ${once}`,
  sql`alter function idempotency_answer(bytea, bytea, integer[], integer[], text[]) ${once}`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
