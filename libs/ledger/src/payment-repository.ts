/** Payments as the ledger has them: what was asked, what the provider has said, and what follows from it. */
import { sql, type Transaction } from 'kysely';
import {
  assert,
  paymentAfter,
  type Money,
  type Payment,
  type PaymentEvent,
  type PaymentStatus,
  type RefundReason,
  type ReservationLine,
  type ReservationStatus,
} from '#domain';
import type { Database } from './database.js';
import { applyRefund, giveBack, type RefundWord } from './refunds.js';
import { nextPosition, type KeysetPage, type ListPage } from './paging.js';
import type { Schema } from './schema.js';
import { guarded } from './unavailable.js';

type Tx = Transaction<Schema>;
type Row = Schema['payments'] & { deadline: Date | null };

/** What a provider says of a charge. */
export type ChargeWord = {
  readonly providerPaymentId: string;
  readonly status: 'pending' | 'captured' | 'failed';
  readonly amount: Money;
};

/** An event of a provider, verified. `body`: as it came. */
export type InboxEvent = { readonly provider: string; readonly eventId: string; readonly body: string } & (
  | { readonly kind: 'charge'; readonly paymentId: string | null; readonly charge: ChargeWord }
  | { readonly kind: 'refund'; readonly providerPaymentId: string; readonly refund: RefundWord }
  | { readonly kind: 'other'; readonly name: string }
);

/** Everything that says what captured money means. */
export type Settlement = {
  readonly payment: Payment;
  readonly settled: boolean;
  readonly reservationStatus: ReservationStatus;
  /** The payment that the reservation was last kept by, or was paid late with. */
  readonly reservationPaymentId: string | null;
  readonly buyerId: string;
  readonly lines: readonly ReservationLine[];
  /** The epochs, at the moment of looking, of the partitions that the lines are in. */
  readonly epochs: ReadonlyMap<number, number>;
  /** For how long the ledger has known that the reservation was paid late; null: it does not say since when. */
  readonly lateForMs: number | null;
  /** Of the order, when there is one: its payment, as the shop or we named it. */
  readonly orderPaymentId: string | null;
};

export type PaymentFilter = {
  readonly reservationId?: string | undefined;
  readonly status?: PaymentStatus | undefined;
};

const eventOf = { pending: 'accept', captured: 'capture', failed: 'fail' } as const satisfies Record<
  ChargeWord['status'],
  PaymentEvent
>;

const columns = sql`p.*, case when r.payment_id = p.id then r.payment_deadline end as deadline`;

export class PaymentRepository {
  constructor(private readonly db: Database) {}

  async find(id: string): Promise<Payment | undefined> {
    const found = await guarded(
      sql<Row>`select ${columns} from payments p join reservations r on r.id = p.reservation_id
        where p.id = ${id}::uuid`.execute(this.db),
    );
    return found.rows.map(toPayment)[0];
  }

  /** Newest first. A position is to the microsecond, as the column is: a `Date` would cut it, and rows be skipped. */
  async list(filter: PaymentFilter, page: KeysetPage): Promise<ListPage<Payment>> {
    const [at, id] = page.after ?? [];
    const found = await guarded(
      sql<Row & { cursor: string }>`
        select ${columns}, p.created_at::text as cursor from payments p join reservations r on r.id = p.reservation_id
        where true
          ${filter.status === undefined ? sql`` : sql`and p.status = ${filter.status}`}
          ${filter.reservationId === undefined ? sql`` : sql`and p.reservation_id = ${filter.reservationId}::uuid`}
          ${page.after ? sql`and (p.created_at, p.id) < (${at}::timestamptz, ${id}::uuid)` : sql``}
        order by p.created_at desc, p.id desc limit ${page.limit + 1}`.execute(this.db),
    );
    return nextPosition(found.rows, page.limit, toPayment, ({ cursor, id }) => [cursor, id]);
  }

  /**
   * Takes a provider's event, once: the event and what it changes are one transaction, so one that comes again finds
   * itself and changes nothing. Answers with what it came to.
   */
  async take(event: InboxEvent): Promise<string> {
    return guarded(
      this.db.transaction().execute(async (tx) => {
        const kind = event.kind === 'other' ? event.name : event.kind;
        const first = await sql`
          insert into webhook_inbox (provider, event_id, kind, outcome, body)
          values (${event.provider}, ${event.eventId}, ${kind}, 'ignored', ${event.body})
          on conflict do nothing returning event_id`.execute(tx);
        if (first.rows.length === 0) return 'replayed';
        if (event.kind === 'other') return 'ignored';
        const paymentId = await paymentOf(tx, event);
        const outcome = paymentId === null ? 'unknown-payment' : await applyEvent(tx, paymentId, event);
        await sql`
          update webhook_inbox set payment_id = ${paymentId}::uuid, outcome = ${outcome}
          where provider = ${event.provider} and event_id = ${event.eventId}`.execute(tx);
        return outcome;
      }),
    );
  }

  /** What the provider answered when it was asked. Answers with the status that the payment has then. */
  async heard(paymentId: string, word: ChargeWord): Promise<PaymentStatus> {
    await guarded(this.db.transaction().execute((tx) => applyCharge(tx, paymentId, word)));
    return (await this.find(paymentId))!.status;
  }

  /** The provider will not charge, or has never been asked and will not be. */
  async failed(paymentId: string): Promise<void> {
    await guarded(
      this.db.transaction().execute(async (tx) => {
        const { status } = await lock(tx, paymentId);
        if (paymentAfter(status, 'fail')) await move(tx, paymentId, 'failed');
      }),
    );
  }

  async settlement(paymentId: string): Promise<Settlement | undefined> {
    type View = Row & {
      reservation_status: ReservationStatus;
      reservation_payment: string | null;
      buyer_id: string;
      lines: ReservationLine[];
      epochs: { partition: number; epoch: number }[];
      late_for: number | null;
      order_payment: string | null;
    };
    const found = await guarded(
      sql<View>`
        select ${columns}, r.status as reservation_status, r.payment_id as reservation_payment, r.buyer_id,
          (select json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity) order by l.sku)
            from unnest(r.lines) l) as lines,
          (select json_agg(json_build_object('partition', e.partition, 'epoch', e.epoch))
            from partitions e where e.partition = any(r.partitions)) as epochs,
          round(date_part('epoch', clock_timestamp() - r.late_paid_at) * 1000) as late_for,
          o.payment_id as order_payment
        from payments p join reservations r on r.id = p.reservation_id
        left join orders o on o.reservation_id = r.id
        where p.id = ${paymentId}::uuid`.execute(this.db),
    );
    return found.rows.map((row) => ({
      payment: toPayment(row),
      settled: row.settled_at !== null,
      reservationStatus: row.reservation_status,
      reservationPaymentId: row.reservation_payment,
      buyerId: row.buyer_id,
      lines: row.lines,
      epochs: new Map(row.epochs.map(({ partition, epoch }) => [partition, epoch])),
      lateForMs: row.late_for,
      orderPaymentId: row.order_payment,
    }))[0];
  }

  /**
   * Puts a charge on record that the provider has and nobody here has asked for. False: it is another payment's already.
   */
  async adopt(charge: {
    readonly id: string;
    readonly reservationId: string;
    readonly provider: string;
    readonly providerPaymentId: string;
    readonly amount: Money;
  }): Promise<boolean> {
    const { id, reservationId, provider, providerPaymentId, amount } = charge;
    await guarded(
      sql`
        insert into payments (id, reservation_id, provider, provider_payment_id, amount, currency, status, created_at)
        values (${id}::uuid, ${reservationId}::uuid, ${provider}, ${providerPaymentId}, ${amount.value}, ${amount.currency},
          'created', now())
        on conflict do nothing`.execute(this.db),
    );
    return (await this.find(id)) !== undefined;
  }

  /** Money has come for what had ended: from here on the stock store decides, with this payment. */
  async paidLate({ id, reservationId }: Payment): Promise<void> {
    await guarded(
      sql`update reservations set status = 'late-paid', payment_id = ${id}::uuid, late_paid_at = clock_timestamp()
        where id = ${reservationId}::uuid and status in ('released', 'expired')`.execute(this.db),
    );
  }

  /** The order's money is this: the order was confirmed with it, or without naming any. */
  async belongsToOrder({ id, reservationId }: Payment): Promise<void> {
    await guarded(
      this.db.transaction().execute(async (tx) => {
        const taken = await sql`
          update orders set payment_id = ${id}::text
          where reservation_id = ${reservationId}::uuid and status <> 'cancelled' and coalesce(payment_id, ${id}) = ${id}
          returning id`.execute(tx);
        if (taken.rows.length === 0) return;
        await sql`update payments set settled_at = now() where id = ${id}::uuid and status = 'captured'`.execute(
          tx,
        );
      }),
    );
  }

  /** The money belongs to no order: it goes back, which is an errand from now on. */
  async owe(paymentId: string, reason: RefundReason): Promise<void> {
    await guarded(
      this.db.transaction().execute(async (tx) => {
        await lock(tx, paymentId);
        await giveBack(tx, [paymentId], reason);
      }),
    );
  }

  /** Forgets events that are older than any replay, at most `limit`. @returns how many */
  async forgetEvents(days: number, limit: number): Promise<number> {
    const { numAffectedRows } = await guarded(
      sql`
        delete from webhook_inbox where ctid = any(array(
          select ctid from webhook_inbox where received_at < now() - make_interval(days => ${days})
          order by received_at limit ${limit} for update skip locked
        ))`.execute(this.db),
    );
    return Number(numAffectedRows);
  }
}

async function paymentOf(tx: Tx, event: Exclude<InboxEvent, { kind: 'other' }>): Promise<string | null> {
  const ours = event.kind === 'charge' ? event.paymentId : null;
  const theirs = event.kind === 'charge' ? event.charge.providerPaymentId : event.providerPaymentId;
  const { rows } = await sql<{ id: string }>`
    select id from payments where provider = ${event.provider}
      and (id = ${ours}::uuid or provider_payment_id = ${theirs})
    order by id = ${ours}::uuid desc nulls last limit 1`.execute(tx);
  return rows[0]?.id ?? null;
}

async function applyEvent(
  tx: Tx,
  paymentId: string,
  event: Exclude<InboxEvent, { kind: 'other' }>,
): Promise<string> {
  if (event.kind === 'charge') return applyCharge(tx, paymentId, event.charge);
  await lock(tx, paymentId);
  return applyRefund(tx, paymentId, event.refund);
}

/** What the word changes is said by the table, whatever the order in which words arrive. */
async function applyCharge(tx: Tx, paymentId: string, word: ChargeWord): Promise<string> {
  const payment = await lock(tx, paymentId);
  const { providerPaymentId } = word;
  // One payment of ours is one charge: another one is reconciliation's to find.
  if (payment.provider_payment_id !== null && payment.provider_payment_id !== providerPaymentId)
    return 'other-charge';
  if (payment.provider_payment_id === null) {
    await sql`update payments set provider_payment_id = ${providerPaymentId} where id = ${paymentId}::uuid`.execute(
      tx,
    );
  }
  const next = paymentAfter(payment.status, eventOf[word.status]);
  if (!next) return 'unchanged';
  await move(tx, paymentId, next, word.amount);
  return next;
}

async function lock(tx: Tx, paymentId: string): Promise<Schema['payments']> {
  const payment = await tx
    .selectFrom('payments')
    .selectAll()
    .where('id', '=', paymentId)
    .forUpdate()
    .executeTakeFirst();
  assert(payment, 'a payment that was spoken of is not in the ledger', { paymentId });
  return payment;
}

/** Moves the payment; what is decided at the provider is now to be settled here. */
async function move(tx: Tx, paymentId: string, status: PaymentStatus, taken?: Money): Promise<void> {
  const captured = status === 'captured' && taken ? taken : null;
  await sql`
    update payments set status = ${status},
      captured_at = case when ${captured !== null} then now() end,
      captured_amount = ${captured?.value ?? null}::bigint, captured_currency = ${captured?.currency ?? null}::text
    where id = ${paymentId}::uuid`.execute(tx);
  if (status !== 'captured' && status !== 'failed') return;
  // One that is under way already is begun again: its worker's claim is void by the number of attempts.
  await sql`
    insert into outbox as known (kind, reservation_id, payment_id)
    select 'settle', reservation_id, id from payments where id = ${paymentId}::uuid
    on conflict (kind, reservation_id, payment_id) do update
      set done_at = null, due_at = now(), attempts = known.attempts + 1,
        created_at = case when known.done_at is null then known.created_at else now() end`.execute(tx);
}

function toPayment(row: Row): Payment {
  return {
    id: row.id,
    reservationId: row.reservation_id,
    provider: row.provider,
    providerPaymentId: row.provider_payment_id,
    amount: { value: row.amount, currency: row.currency },
    status: row.status,
    createdAtMs: row.created_at.getTime(),
    deadlineMs: row.deadline?.getTime() ?? null,
    captured:
      row.captured_amount === null ? null : { value: row.captured_amount, currency: row.captured_currency! },
  };
}
