/** The invariants of docs/specification, checked against the ledger in SQL. Each returns what violates it; none: it holds. */
import { sql, type RawBuilder } from 'kysely';
import type { StockLevel } from '#domain';
import type { Database } from './database.js';
import { toLevel } from './stock-repository.js';
import { guarded } from './unavailable.js';

export type Violation = Readonly<Record<string, unknown>>;

/** How often an errand that gives captured money its meaning is tried before something is wrong: every two seconds, for a minute. */
const settleAttemptsMax = 30;
/** Violations shown; the count says how many there are. */
const shownMax = 5;

/** `epoch` and `sequence`: of the last entry that the levels come from; 0 where there are none. */
export type LevelsAt = {
  readonly epoch: number;
  readonly sequence: number;
  readonly levels: readonly StockLevel[];
};

export class AuditRepository {
  constructor(private readonly db: Database) {}

  /** I1: the level is what the lines of all reservations add up to. */
  levelsAgainstLines(): Promise<Violation[]> {
    return this.violations(sql`
      select s.sku, s.on_hand, s.held, s.committed, coalesce(l.held, 0) as lines_held, coalesce(l.committed, 0) as lines_committed
      from skus s left join (
        select sku, sum(quantity) filter (where state = 'held')::bigint as held,
          sum(quantity) filter (where state = 'committed')::bigint as committed
        from reservation_lines where state <> 'returned' group by sku
      ) l on l.sku = s.sku
      where s.held <> coalesce(l.held, 0) or s.committed <> coalesce(l.committed, 0)
        or s.held < 0 or s.committed < 0 or s.held + s.committed > s.on_hand`);
  }

  /** I1: on hand is what was put there and what adjustments made of it. */
  levelsAgainstEntries(): Promise<Violation[]> {
    return this.violations(sql`
      select s.sku, s.on_hand, e.on_hand as entries_on_hand from skus s left join (
        select body->>'sku' as sku, sum(coalesce((body->>'onHand')::bigint, (body->>'delta')::bigint))::bigint as on_hand
        from ledger_entries where kind in ('sku-created', 'adjusted') group by 1
      ) e on e.sku = s.sku
      where s.on_hand is distinct from e.on_hand`);
  }

  /** I2: every answer that acknowledged a reservation has it in the ledger, with its first entry. */
  acknowledgedWithoutEntry(): Promise<Violation[]> {
    return this.violations(sql`
      select k.body::json->>'id' as reservation from idempotency_keys k
      where k.status = 201 and not exists (
        select from reservations r join ledger_entries e on e.reservation_id = r.id and e.kind = 'held'
        where r.id = (k.body::json->>'id')::uuid and r.status <> 'pending')`);
  }

  /**
   * I3: a reservation that has ended holds nothing; one that is sold holds what was sold. The parts of a cart follow the deciding
   * one a moment later, but never to where it is not; what is cancelled has an errand until all of it is back.
   */
  endedThatHold(): Promise<Violation[]> {
    return this.violations(sql`
      select r.id, r.status, l.sku, l.state from reservations r join reservation_lines l on l.reservation_id = r.id
      where array_length(r.partitions, 1) = 1 and (
        (r.status in ('released', 'expired', 'late-paid', 'refund-due', 'refunded') and l.state <> 'returned')
        or (r.status in ('held', 'paying') and l.state <> 'held')
        or (r.status in ('confirmed', 'fulfilled') and l.state <> 'committed'))
        or (r.status in ('released', 'expired', 'late-paid', 'refund-due', 'refunded') and l.state = 'committed')
        or (r.status in ('confirmed', 'fulfilled') and l.state = 'returned')
        or (r.status = 'cancelled' and l.state <> 'returned' and not exists (
          select from outbox o where o.reservation_id = r.id and o.kind = 'return-stock' and o.done_at is null))`);
  }

  /** I4: what a buyer has is within the limit it was taken under, and is what the lines say. */
  buyersBeyondLimit(): Promise<Violation[]> {
    return this.violations(sql`
      select b.sku, b.buyer_id, b.held, b.committed, b.buyer_limit from buyer_units b left join (
        select l.sku, r.buyer_id, sum(l.quantity) filter (where l.state = 'held')::bigint as held,
          sum(l.quantity) filter (where l.state = 'committed')::bigint as committed
        from reservation_lines l join reservations r on r.id = l.reservation_id
        where l.state <> 'returned' group by 1, 2
      ) u on u.sku = b.sku and u.buyer_id = b.buyer_id
      where b.held + b.committed > b.buyer_limit
        or b.held <> coalesce(u.held, 0) or b.committed <> coalesce(u.committed, 0)`);
  }

  /** I5: a cart that is held is held in every line. */
  partlyHeld(): Promise<Violation[]> {
    return this.violations(sql`
      select r.id, r.status from reservations r
      where r.status in ('held', 'paying') and (
        exists (select from reservation_lines l where l.reservation_id = r.id and l.state = 'returned')
        or (select count(distinct l.partition) from reservation_lines l where l.reservation_id = r.id)
          <> array_length(r.partitions, 1))`);
  }

  /**
   * I6: captured money belongs to an order or to a refund, or is on its way there: by an errand that is recorded with it, and
   * is carried out within a second or two. Its attempts are counted, not its age: the clock may have been set since. And what
   * an order names as its payment is captured.
   */
  moneyWithoutOrder(): Promise<Violation[]> {
    return this.violations(sql`
      select p.id, p.reservation_id, p.status, p.captured_at, o.id as order_id, o.status as order_status, f.status as refund
      from payments p
      left join orders o on o.reservation_id = p.reservation_id and o.payment_id = p.id::text
      left join refunds f on f.payment_id = p.id
      where (p.status = 'captured' and f.id is null and (o.id is null or o.status = 'cancelled')
          and not exists (select from outbox s where s.payment_id = p.id and s.kind = 'settle' and s.done_at is null
            and s.attempts < ${settleAttemptsMax}))
        or (p.status = 'captured' and p.settled_at is not null and (o.id is null or o.status = 'cancelled'))
        or (p.status in ('refund-due', 'refunded') and (f.id is null or (p.status = 'refunded') <> (f.status = 'done')))
        or (p.status not in ('refund-due', 'refunded') and f.id is not null)
        or (p.status in ('created', 'pending', 'failed') and o.status in ('confirmed', 'fulfilled'))`);
  }

  /** I7: of one order's payments one is captured, or none; any other goes back. */
  ordersPaidTwice(): Promise<Violation[]> {
    return this.violations(sql`
      select o.id as order_id, o.reservation_id, count(*) as captured from orders o
      join payments p on p.reservation_id = o.reservation_id and p.status = 'captured' and p.settled_at is not null
      group by o.id having count(*) > 1 or bool_or(o.payment_id is distinct from p.id::text)`);
  }

  /** I8: no reservation was expired before the deadline it was promised, nor before that of a payment under way. */
  expiredEarly(): Promise<Violation[]> {
    return this.violations(sql`
      select r.id, r.expires_at, e.at from reservations r
      join ledger_entries e on e.reservation_id = r.id and e.kind = 'expired'
      where r.status = 'expired' and e.partition = r.partitions[1] and (e.at < r.expires_at
        or e.at < r.payment_deadline and not exists (
          select from ledger_entries f where f.reservation_id = r.id and f.kind = 'payment-failed'
            and f.body->>'paymentId' = r.payment_id::text))`);
  }

  /** I9: a reservation belongs to one key. */
  acknowledgedTwice(): Promise<Violation[]> {
    return this.violations(sql`
      select k.body::json->>'id' as reservation, count(*) as keys from idempotency_keys k
      where k.status = 201 group by 1 having count(*) > 1`);
  }

  /**
   * I10: the entries of each epoch are numbered without gaps, from the start or from where the one before ended, up to where
   * the ledger says it is.
   */
  journalGaps(): Promise<Violation[]> {
    return this.violations(sql`
      select e.* from (
        select partition, epoch, count(*) as entries, min(sequence) as first, max(sequence) as last,
          coalesce(lag(max(sequence)) over (partition by partition order by epoch), 0) as before,
          lead(epoch) over (partition by partition order by epoch) is null as is_last
        from ledger_entries group by partition, epoch
      ) e join partitions p on p.partition = e.partition
      where e.entries <> e.last - e.first + 1 or e.first not in (1, e.before + 1)
        or (e.is_last and p.sequence <> e.last and (e.epoch = p.epoch or p.sequence <> 0))`);
  }

  /**
   * I11: a row of a provider that was judged is matched or ignored with its reason, or open with a discrepancy that says
   * why; a match is with a payment that there is; and no payment has the money of two charges.
   */
  transactionsUnaccounted(): Promise<Violation[]> {
    return this.violations(sql`
      select t.provider, t.account, t.id, t.state, t.rule from provider_transactions t
        left join payments p on p.id = t.payment_id
      where (t.judged and t.state = 'open' and not exists (select from discrepancies d
          where d.number = t.number and d.state in ('open', 'assigned', 'pending')))
        or (t.payment_id is not null and (p.id is null or p.reservation_id <> t.reservation_id))
        or not exists (select from reconciliation_runs r where r.id = t.run_id)
      union all
      select t.provider, t.account, string_agg(t.id, ' '), 'matched twice', 'charge' from provider_transactions t
      where t.rule = 'charge' group by t.provider, t.account, t.payment_id having count(*) > 1
      union all
      select t.provider, t.account, string_agg(e.key, ' '), 'applied twice', 'capture'
      from reconciliation_effects e join provider_transactions t on t.number = e.number
      where e.kind = 'capture' and e.state = 'done' group by t.provider, t.account, e.payment_id having count(*) > 1`);
  }

  /** Levels of a partition, in chunks by SKU, and where its journal stood at the same instant: the entries in them. */
  async levelsOf(partition: number, after: string, limit: number): Promise<LevelsAt> {
    const found = await guarded(
      this.db
        .selectFrom('skus')
        .innerJoin('partitions', 'partitions.partition', 'skus.partition')
        .selectAll('skus')
        .select(['partitions.epoch', 'partitions.sequence'])
        .where('skus.partition', '=', partition)
        .where('sku', '>', after)
        .orderBy('sku')
        .limit(limit)
        .execute(),
    );
    const [{ epoch, sequence } = { epoch: 0, sequence: 0 }] = found;
    return { epoch, sequence, levels: found.map(toLevel) };
  }

  /**
   * Every question goes over whole tables, so it is answered by hashing them, in time that grows with their size:
   * without statistics (PGlite gathers none) the planner would rather look each row up one by one.
   */
  private async violations(query: RawBuilder<unknown>): Promise<Violation[]> {
    return guarded(
      this.db.transaction().execute(async (tx) => {
        await sql`set local enable_nestloop = off`.execute(tx);
        return (await sql<Violation>`${query} limit ${shownMax}`.execute(tx)).rows;
      }),
    );
  }
}
