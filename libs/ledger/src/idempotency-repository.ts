/**
 * Idempotency-Keys: one row a key. Most work claims its key first, one attempt at a time; a claim whose attempt has
 * not answered within the lease is taken over: every attempt works under the same operation id, so a slow first one
 * does no harm. Work that the stock store decides once by that id need not claim: it looks, and its answer is the
 * key's unless another one was faster (`CommitResult.earlier`).
 */
import { sql } from 'kysely';
import { column } from './columns.js';
import type { Database } from './database.js';
import type { KeptAnswer } from './ledger-writer.js';
import { guarded } from './unavailable.js';

export type ClaimRequest = { readonly keyDigest: Buffer; readonly fingerprint: Buffer };
/** A request that would make the reservation `id`. */
export type ReserveRequest = ClaimRequest & { readonly id: string };
export type Claim =
  /** Ours to do. `repeated`: somebody has tried before. */
  | { readonly kind: 'claimed'; readonly repeated: boolean }
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'in-progress' }
  | { readonly kind: 'reused' };

/** What the ledger knows before work that does not claim its key. */
export type Look =
  /** `repeated`: somebody has tried before. */
  | { readonly kind: 'free'; readonly repeated: boolean }
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'reused' };

/** What a key has: the answer just recorded, or an earlier one. */
export type Known = ({ readonly kind: 'recorded' | 'answered' } & KeptAnswer) | { readonly kind: 'reused' };

/** How long an attempt may take before another one may try: longer than any request is allowed to wait. */
const leaseSeconds = 10;

/** Of a claim that the next attempt may take over at once. */
const leaseOver = sql`now() - make_interval(secs => ${leaseSeconds + 1})`;

const idsOf = (requests: readonly ReserveRequest[]) =>
  sql`${`{${requests.map(({ id }) => id).join(',')}}`}::text::uuid[]`;

/** 32 bytes each, as one parameter. */
const digestsOf = (requests: readonly ClaimRequest[]) =>
  Buffer.concat(requests.map(({ keyDigest }) => keyDigest));
const fingerprintsOf = (requests: readonly ClaimRequest[]) =>
  Buffer.concat(requests.map(({ fingerprint }) => fingerprint));

const hexOf = ({ keyDigest, fingerprint }: ClaimRequest) => ({
  digest: keyDigest.toString('hex'),
  fingerprint: fingerprint.toString('hex'),
});

/** What a key has, of the request at `index`; `same` is null when there is no such key. */
type Found = { index: number; same: boolean | null; status: number | null; body: string | null };
type Existing = { digest: string; same: boolean; status: number | null; body: string | null };

export class IdempotencyRepository {
  constructor(private readonly db: Database) {}

  /** Claims for a batch of requests with different keys; one result each, in order. */
  async claim(requests: readonly ClaimRequest[]): Promise<Claim[]> {
    const list = requests.map(hexOf);
    // The claim need not survive a power cut by itself: an answer that rests on it is flushed after it.
    const taken = await guarded(
      sql<{ digest: string; fresh: boolean }>`
        insert into idempotency_keys as known (digest, fingerprint, claimed_at)
        select decode(r.digest, 'hex'), decode(r.fingerprint, 'hex'), now()
        from json_to_recordset(${JSON.stringify(list)}::json) as r(digest text, fingerprint text),
          (select set_config('synchronous_commit', 'off', true)) relaxed
        order by r.digest
        on conflict (digest) do update set claimed_at = now()
        where known.status is null and known.fingerprint = excluded.fingerprint
          and (known.claimed_at < now() - make_interval(secs => ${leaseSeconds})
            -- Claimed before the clock was set back: nobody can say when.
            or known.claimed_at > now() + make_interval(secs => ${leaseSeconds}))
        returning encode(digest, 'hex') as digest, (xmax = 0) as fresh`.execute(this.db),
    );
    const fresh = new Map(taken.rows.map((row) => [row.digest, row.fresh]));
    const known = await this.existing(list.filter(({ digest }) => !fresh.has(digest)));
    return list.map(({ digest }): Claim => {
      const claimed = fresh.get(digest);
      if (claimed !== undefined) return { kind: 'claimed', repeated: !claimed };
      const row = known.get(digest);
      if (row && !row.same) return { kind: 'reused' };
      if (!row || row.status === null) return { kind: 'in-progress' };
      return { kind: 'answered', status: row.status, body: row.body ?? '' };
    });
  }

  /**
   * Records answers to requests that need no work. A key that is known already keeps what it has. Null: not recorded, there is
   * work to do, or to look for; the key was claimed and not answered, or what it has made outlived it.
   */
  async answer(requests: readonly (ReserveRequest & KeptAnswer)[]): Promise<(Known | null)[]> {
    const bodies = new Map<string, number>();
    for (const { body } of requests) if (!bodies.has(body)) bodies.set(body, bodies.size + 1);
    const before = await guarded(
      sql<Found>`select * from idempotency_answer(${digestsOf(requests)}, ${fingerprintsOf(requests)},
        ${idsOf(requests)},
        ${column(requests, ({ status }) => status)}::text::integer[],
        ${column(requests, ({ body }) => bodies.get(body)!)}::text::integer[],
        ${column([...bodies.keys()], (body) => body)}::text::text[])`.execute(this.db),
    );
    const answers = requests.map(({ status, body }): Known | null => ({ kind: 'recorded', status, body }));
    for (const { index, same, status, body } of before.rows) {
      if (same === false) answers[index] = { kind: 'reused' };
      else answers[index] = status === null ? null : { kind: 'answered', status, body: body ?? '' };
    }
    return answers;
  }

  /** What is known of requests and what they may have made; one result each, in order. */
  async look(requests: readonly ReserveRequest[]): Promise<Look[]> {
    const found = await guarded(
      sql<Found>`select * from idempotency_look(${digestsOf(requests)}, ${fingerprintsOf(requests)},
        ${idsOf(requests)})`.execute(this.db),
    );
    const looks = requests.map((): Look => ({ kind: 'free', repeated: false }));
    for (const { index, same, status, body } of found.rows) {
      if (same === false) looks[index] = { kind: 'reused' };
      else if (status === null) looks[index] = { kind: 'free', repeated: true };
      else looks[index] = { kind: 'answered', status, body: body ?? '' };
    }
    return looks;
  }

  /**
   * Gives a claim up unanswered. `certain`: nothing was done, the key is as new; otherwise the next attempt may
   * begin at once and must look first what this one has done.
   */
  async abandon({ keyDigest, fingerprint }: ClaimRequest, certain: boolean): Promise<void> {
    const ours = sql`digest = ${keyDigest} and fingerprint = ${fingerprint} and status is null`;
    await guarded(
      certain
        ? sql`delete from idempotency_keys where ${ours}`.execute(this.db)
        : sql`update idempotency_keys set claimed_at = ${leaseOver} where ${ours}`.execute(this.db),
    );
  }

  /** Every claim that is under way is of a process that has ended: the next attempt may begin at once. */
  async expireClaims(): Promise<void> {
    await guarded(
      sql`update idempotency_keys set claimed_at = ${leaseOver} where status is null`.execute(this.db),
    );
  }

  /** How many pages the keys lie on. */
  async pages(): Promise<number> {
    const { rows } = await guarded(
      sql<{ pages: number }>`
        select (pg_relation_size('idempotency_keys') / current_setting('block_size')::bigint)::integer as pages`.execute(
        this.db,
      ),
    );
    return rows[0]!.pages;
  }

  /**
   * Forgets the keys on some pages that are older than `days`. The table is read where it lies: an index by age would
   * cost every request something for what is wanted once a month. What others have locked is left for the next time.
   */
  async forget({ days, page, pages }: { days: number; page: number; pages: number }): Promise<void> {
    await guarded(
      sql`
        delete from idempotency_keys where ctid = any(array(
          select ctid from idempotency_keys
          where ctid >= ${`(${page},0)`}::text::tid and ctid < ${`(${page + pages},0)`}::text::tid
            and claimed_at < now() - make_interval(days => ${days})
          for update skip locked
        ))`.execute(this.db),
    );
  }

  private async existing(
    list: readonly { digest: string; fingerprint: string }[],
  ): Promise<Map<string, Existing>> {
    if (list.length === 0) return new Map();
    const found = await guarded(
      sql<Existing>`
        select encode(k.digest, 'hex') as digest, k.fingerprint = decode(r.fingerprint, 'hex') as same, k.status, k.body
        from json_to_recordset(${JSON.stringify(list)}::json) as r(digest text, fingerprint text)
        join idempotency_keys k on k.digest = decode(r.digest, 'hex')`.execute(this.db),
    );
    return new Map(found.rows.map((row) => [row.digest, row]));
  }
}
