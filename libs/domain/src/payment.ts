/**
 * Money asked of a buyer for a reservation, and what became of it. The provider alone knows whether money has moved,
 * and its word may come late, twice and out of order: so the life of a payment is a table too, and a capture counts
 * whatever was believed before it.
 */
import type { Money } from './money.js';

export const paymentStatuses = [
  /** On record; the provider may or may not have heard of it. */
  'created',
  /** The provider has it and has not decided. */
  'pending',
  /** The money is ours. */
  'captured',
  'failed',
  /** The money is ours and belongs to no order: it goes back. */
  'refund-due',
  'refunded',
] as const;
export type PaymentStatus = (typeof paymentStatuses)[number];

export type PaymentEvent = 'accept' | 'capture' | 'fail' | 'owe' | 'refund';

/** A status: it moves there. `same`: nothing changes. `too-late`, `too-early`: nothing changes, and it is out of order. */
export type PaymentTransition = PaymentStatus | 'same' | 'too-late' | 'too-early';

export const paymentTransitions = {
  created: {
    accept: 'pending',
    capture: 'captured',
    fail: 'failed',
    owe: 'too-early',
    refund: 'too-early',
  },
  pending: {
    accept: 'same',
    capture: 'captured',
    fail: 'failed',
    owe: 'too-early',
    refund: 'too-early',
  },
  captured: {
    accept: 'same',
    capture: 'same',
    fail: 'too-late',
    owe: 'refund-due',
    refund: 'too-early',
  },
  failed: {
    accept: 'same',
    capture: 'captured',
    fail: 'same',
    owe: 'too-early',
    refund: 'too-early',
  },
  'refund-due': {
    accept: 'same',
    capture: 'same',
    fail: 'too-late',
    owe: 'same',
    refund: 'refunded',
  },
  refunded: {
    accept: 'same',
    capture: 'same',
    fail: 'too-late',
    owe: 'same',
    refund: 'same',
  },
} as const satisfies Record<PaymentStatus, Record<PaymentEvent, PaymentTransition>>;

/** The status that an event leads to; undefined: it changes nothing. */
export function paymentAfter(status: PaymentStatus, event: PaymentEvent): PaymentStatus | undefined {
  const next = paymentTransitions[status][event];
  return next === 'same' || next === 'too-late' || next === 'too-early' ? undefined : next;
}

export type Payment = {
  readonly id: string;
  readonly reservationId: string;
  readonly provider: string;
  /** The provider's own id; null while it has not told us. */
  readonly providerPaymentId: string | null;
  readonly amount: Money;
  readonly status: PaymentStatus;
  readonly createdAtMs: number;
  /** Until when it keeps the units; null when a later payment has taken its place. */
  readonly deadlineMs: number | null;
  /** What the provider took, which should be `amount`; null: nothing yet. */
  readonly captured: Money | null;
};

/** Why money goes back. */
export type RefundReason = 'late' | 'second-capture' | 'order-cancelled' | 'wrong-amount';

/**
 * `due`: the ledger has decided it · `requested`: the provider has it · `done` · `failed`: the provider will not; a
 * person has to.
 */
export type RefundStatus = 'due' | 'requested' | 'done' | 'failed';
