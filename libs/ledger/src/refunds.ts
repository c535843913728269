/** Money that goes back: decided in the ledger together with what it follows from, carried out by an errand. */
import { sql, type Transaction } from 'kysely';
import type { Money, RefundReason, RefundStatus } from '#domain';
import type { Database } from './database.js';
import type { Schema } from './schema.js';
import { guarded } from './unavailable.js';

type Tx = Transaction<Schema>;

/** What a provider says of a refund. */
export type RefundWord = {
  readonly providerRefundId: string | null;
  readonly status: 'pending' | 'done' | 'failed';
};

export type Refund = {
  readonly id: string;
  readonly paymentId: string;
  readonly provider: string;
  readonly providerPaymentId: string | null;
  readonly amount: Money;
  readonly status: RefundStatus;
};

const statusOf = { pending: 'requested', done: 'done', failed: 'failed' } as const;

export class RefundRepository {
  constructor(private readonly db: Database) {}

  async ofPayment(paymentId: string): Promise<Refund | undefined> {
    const found = await guarded(
      this.db
        .selectFrom('refunds as f')
        .innerJoin('payments as p', 'p.id', 'f.payment_id')
        .select([
          'f.id',
          'f.payment_id',
          'p.provider',
          'p.provider_payment_id',
          'f.amount',
          'f.currency',
          'f.status',
        ])
        .where('f.payment_id', '=', paymentId)
        .execute(),
    );
    return found.map((row) => ({
      id: row.id,
      paymentId: row.payment_id,
      provider: row.provider,
      providerPaymentId: row.provider_payment_id,
      amount: { value: row.amount, currency: row.currency },
      status: row.status,
    }))[0];
  }

  /** What the provider answered when it was asked to give back. */
  async heard(paymentId: string, word: RefundWord): Promise<void> {
    await guarded(this.db.transaction().execute((tx) => applyRefund(tx, paymentId, word)));
  }
}

/**
 * Captured payments go back, each once: with its refund and the errand to ask for it. The refund's id is the payment's
 * own, so that whoever decides it again decides the same.
 */
export async function giveBack(tx: Tx, paymentIds: readonly string[], reason: RefundReason): Promise<void> {
  await sql`
    with owed as (
      update payments set status = 'refund-due', settled_at = now()
      where id = any(${paymentIds}::uuid[]) and status = 'captured'
      returning id, reservation_id, captured_amount, captured_currency
    ), noted as (
      insert into refunds (id, payment_id, amount, currency, reason, status)
      select id, id, captured_amount, captured_currency, ${reason}, 'due' from owed
    )
    insert into outbox (kind, reservation_id, payment_id) select 'refund', reservation_id, id from owed`.execute(
    tx,
  );
}

/** A refund that is done stays done; one that failed may still be done by hand at the provider. */
export async function applyRefund(tx: Tx, paymentId: string, word: RefundWord): Promise<string> {
  const status = statusOf[word.status];
  const moved = await sql`
    update refunds set status = ${status}, provider_refund_id = coalesce(${word.providerRefundId}::text, provider_refund_id),
      done_at = case when ${status} = 'done' then now() end
    where payment_id = ${paymentId}::uuid and status <> 'done' and status <> ${status}
      and not (status = 'failed' and ${status} = 'requested')
    returning id`.execute(tx);
  if (moved.rows.length === 0) return 'unchanged';
  if (status === 'done') {
    await sql`
      with back as (
        update payments set status = 'refunded' where id = ${paymentId}::uuid returning reservation_id, id
      )
      update reservations r set status = 'refunded' from back
      where r.id = back.reservation_id and r.status = 'refund-due' and r.payment_id = back.id`.execute(tx);
  }
  return `refund-${status}`;
}
