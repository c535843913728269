/**
 * A commit tells of every receipt whose key had been answered before, also where the answer was the same: of two attempts at
 * once only one is the first. Each such key is looked up by itself: a plan made while there were few of them read them all.
 */
import { sql, type Kysely } from 'kysely';

const others = `join idempotency_keys k on k.digest = r.digest
          where (k.fingerprint, k.status, k.body) is distinct from (r.fingerprint, r.status, r.body)`;
const othersAndEarlier = `cross join lateral (
            select *, xmin = pg_current_xact_id()::xid as is_new from idempotency_keys where digest = r.digest offset 0
          ) k
          where not k.is_new or (k.fingerprint, k.status, k.body) is distinct from (r.fingerprint, r.status, r.body)`;

/** The one that is called: the other of the name turns old instances away. */
const definitionOf = sql<{ definition: string }>`
  select pg_get_functiondef(oid) as definition from pg_proc
  where proname = 'ledger_commit' and pg_function_is_visible(oid) and strpos(prosrc, ${others}) > 0`;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { rows } = await definitionOf.execute(db);
  const [found, ...more] = rows;
  if (!found || more.length > 0)
    throw new Error(
      `ledger_commit is not as the steps before have left it: found ${rows.length} of it, not 1`,
    );
  await sql.raw(found.definition.replace(others, othersAndEarlier)).execute(db);
}
