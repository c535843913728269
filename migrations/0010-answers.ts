/**
 * Refusals are recorded, and keys looked at, by functions: a batch is small and comes some hundred times a second, so to
 * read and plan its statement anew cost the server more than to carry it out.
 */
import { sql, type Kysely } from 'kysely';

/** The digest and the fingerprint of the request at `i`, from 1: 32 bytes each, one after the other. */
const at = (list: string) => sql.raw(`substring(${list} from 32 * i - 31 for 32)`);

/** A plan lives as long as its session: made while the table was small, it must still be good when it is large. */
const byIndex = sql`set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off`;

const statements = [
  // Records answers; request `i` gets the body `bodies[texts[i]]`. The rows are the requests whose keys were there before,
  // from 0, with what those have.
  sql`create function idempotency_answer(
    digests bytea, fingerprints bytea, statuses integer[], texts integer[], bodies text[]
  ) returns table (index integer, same boolean, status integer, body text) language plpgsql ${byIndex} as $$
  declare
    recorded bytea[];
  begin
    with fresh as (
      insert into idempotency_keys as k (digest, fingerprint, claimed_at, status, body)
      select ${at('digests')}, ${at('fingerprints')}, now(), statuses[i], bodies[texts[i]]
      from generate_series(1, cardinality(statuses)) as i
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
  end $$`,

  // What is known of requests that would make the reservations `ids`: a row for each of which anything is, from 0.
  sql`create function idempotency_look(digests bytea, fingerprints bytea, ids uuid[])
  returns table (index integer, same boolean, status integer, body text) language plpgsql stable ${byIndex} as $$
  begin
    return query
      select i - 1, k.fingerprint = ${at('fingerprints')}, k.status, k.body
      from generate_series(1, cardinality(ids)) as i
      left join idempotency_keys k on k.digest = ${at('digests')}
      left join reservations v on v.id = ids[i]
      where k.digest is not null or v.id is not null;
  end $$`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
