/**
 * Errands: what the ledger has decided about payments and an instance still has to carry out. A claim is a lease, not a
 * lock: nothing is held while a provider is asked, and an errand whose worker died is due again when the lease ends.
 */
import { sql } from 'kysely';
import type { Database } from './database.js';
import { guarded } from './unavailable.js';

/** charge: ask the provider for money · settle: give what it said its meaning here · refund: ask it to give back. */
type ErrandKind = 'charge' | 'settle' | 'refund';

/** What an outbox has, with the units of cancelled orders that have not come back to the shelf. */
const kinds = ['charge', 'settle', 'refund', 'return-stock'] as const;

/** Those of one kind that are not done; 0 seconds: there are none. */
export type PendingErrands = {
  readonly kind: (typeof kinds)[number];
  readonly count: number;
  readonly oldestSeconds: number;
};

export type Errand = {
  readonly id: number;
  readonly kind: ErrandKind;
  readonly paymentId: string;
  /** This attempt's number, from 1: also what makes the claim of an earlier worker void. */
  readonly attempts: number;
};

/** No errand is put off for as long: one that is due later was put off before PostgreSQL's clock was set back, and is due. */
const putOffMaxSeconds = 120;

export class ErrandRepository {
  constructor(private readonly db: Database) {}

  /** Takes what is due, the longest due first, at most `limit`; nobody else is given it for `leaseMs`. */
  async claim(limit: number, leaseMs: number): Promise<Errand[]> {
    const { rows } = await guarded(
      sql<{ id: number; kind: ErrandKind; payment_id: string; attempts: number }>`
        update outbox o set attempts = o.attempts + 1, due_at = now() + make_interval(secs => ${leaseMs / 1000})
        from (
          select id from outbox where done_at is null and payment_id is not null
            and (due_at <= now() or due_at > now() + make_interval(secs => ${putOffMaxSeconds}))
          order by due_at limit ${limit} for update skip locked
        ) due
        where o.id = due.id returning o.id, o.kind, o.payment_id, o.attempts`.execute(this.db),
    );
    return rows.map(({ id, kind, attempts, payment_id: paymentId }) => ({ id, kind, attempts, paymentId }));
  }

  /** What is not done, of every kind: one look at the rows of the outbox that are not, which an index has. */
  async pending(): Promise<PendingErrands[]> {
    const { rows } = await guarded(
      sql<PendingErrands>`
        select k.kind, count(o.id)::integer as count,
          greatest(0, coalesce(date_part('epoch', now() - min(o.created_at)), 0)) as "oldestSeconds"
        from unnest(${[...kinds]}::text[]) k (kind)
        left join outbox o on o.kind = k.kind and o.done_at is null group by k.kind`.execute(this.db),
    );
    return rows;
  }

  async finish({ id, attempts }: Errand): Promise<void> {
    await guarded(
      sql`update outbox set done_at = now() where id = ${id} and attempts = ${attempts}`.execute(this.db),
    );
  }

  /** Due again after the delay. */
  async postpone({ id, attempts }: Errand, delayMs: number): Promise<void> {
    await guarded(
      sql`update outbox set due_at = now() + make_interval(secs => ${delayMs / 1000})
        where id = ${id} and attempts = ${attempts}`.execute(this.db),
    );
  }
}
