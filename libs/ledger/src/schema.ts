/** The tables of the ledger that queries are built for; the others are met in SQL alone. migrations/ makes them all. */
import type { Generated } from 'kysely';
import type { PaymentStatus, RefundReason, RefundStatus, ReservationStatus } from '#domain';

export type LineState = 'held' | 'committed' | 'returned';
export type Line = { sku: string; quantity: number; partition: number };

export type Schema = {
  settings: { name: string; value: string };
  repairs: { partition: number; epoch: number; at: Generated<Date>; reason: string; incarnation: string };
  partitions: { partition: number; epoch: number; sequence: number };
  skus: {
    sku: string;
    partition: number;
    on_hand: number;
    held: number;
    committed: number;
    buyer_limit: number | null;
    hold_ttl_seconds: number;
    version: number;
    created_at: Date;
  };
  buyer_units: { sku: string; buyer_id: string; held: number; committed: number; buyer_limit: number | null };
  reservations: {
    id: string;
    status: ReservationStatus | 'pending';
    buyer_id: string;
    partitions: number[];
    metadata: string | null;
    created_at: Date;
    expires_at: Date;
    /** Where it was extended: what it was at first. */
    first_expires_at: Date | null;
    /** The payment that was started last, and until when it keeps the units. */
    payment_id: string | null;
    payment_deadline: Date | null;
    /** Since when it is known that it was paid late; null: it never was. */
    late_paid_at: Date | null;
    /** As the view `reservation_lines` shows them. Where they are held and sold; elsewhere they have been given back. */
    lines: Line[];
    held_in: number[];
    committed_in: number[];
  };
  idempotency_keys: {
    digest: Buffer;
    fingerprint: Buffer;
    claimed_at: Date;
    status: number | null;
    body: string | null;
  };
  payments: {
    id: string;
    reservation_id: string;
    provider: string;
    provider_payment_id: string | null;
    amount: number;
    currency: string;
    status: PaymentStatus;
    captured_amount: number | null;
    captured_currency: string | null;
    created_at: Date;
    captured_at: Date | null;
    settled_at: Date | null;
  };
  refunds: {
    id: string;
    payment_id: string;
    amount: number;
    currency: string;
    reason: RefundReason;
    status: RefundStatus;
    provider_refund_id: string | null;
    created_at: Generated<Date>;
    done_at: Date | null;
  };
};
