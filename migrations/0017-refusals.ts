/**
 * A refusal under a key that was forgotten is not recorded where a reservation of that key's id lives on: that is the key's
 * answer. The function without ids stays, for instances of earlier versions.
 */
import { sql, type Kysely } from 'kysely';

/** The digest and the fingerprint of the request at `i`, from 1: 32 bytes each, one after the other. */
const at = (list: string) => sql.raw(`substring(${list} from 32 * i - 31 for 32)`);

/** As the function without ids: planned once a session, by index (0010, 0016). Kept rows of a table that was small would be all of it. */
const planned = sql`set plan_cache_mode = force_generic_plan
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off`;

// Records answers; request `i` would make the reservation `ids[i]` and gets the body `bodies[texts[i]]`. The rows are the
// requests that are not recorded, from 0, with what their keys have: nothing, where a reservation was made and its key forgotten.
const idempotencyAnswer = sql`create function idempotency_answer(
    digests bytea, fingerprints bytea, ids uuid[], statuses integer[], texts integer[], bodies text[]
  ) returns table (index integer, same boolean, status integer, body text) language plpgsql ${planned} as $$
  declare
    recorded bytea[];
  begin
    with fresh as (
      insert into idempotency_keys as k (digest, fingerprint, claimed_at, status, body)
      select ${at('digests')}, ${at('fingerprints')}, now(), statuses[i], bodies[texts[i]]
      from generate_series(1, cardinality(statuses)) as i
      -- A part of a cart that was never decided is nothing that was made.
      where not exists (select from reservations v where v.id = ids[i] and v.status <> 'pending')
      -- In one order everywhere, so that two batches never wait for each other.
      order by 1
      on conflict (digest) do nothing
      returning k.digest
    ) select array_agg(digest) into recorded from fresh;
    if cardinality(recorded) = cardinality(statuses) then return; end if;
    return query
      select i - 1, k.fingerprint = ${at('fingerprints')}, k.status, k.body
      from generate_series(1, cardinality(statuses)) as i
      left join idempotency_keys k on k.digest = ${at('digests')}
      where ${at('digests')} not in (select unnest(recorded));
  end $$`;

export async function up(db: Kysely<unknown>): Promise<void> {
  await idempotencyAnswer.execute(db);
}
