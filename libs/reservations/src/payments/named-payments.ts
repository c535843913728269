/**
 * What a confirmation that names a payment has to be told first. One of ours has to be this reservation's, and
 * captured: then what it means is decided before the confirmation is. Any other name is the shop's own affair.
 */
import { isUuid } from '#contracts';
import type { Parts } from '../ports.js';
import type { ConfirmOutcome } from '../use-cases.js';
import type { Settlement } from './settlement.js';

export class NamedPayments {
  constructor(
    private readonly parts: Pick<Parts, 'payments' | 'reservations'>,
    private readonly settlement: Pick<Settlement, 'settle'>,
  ) {}

  /** Undefined: nothing is in the way. */
  async refusal(reservationId: string, paymentId: string | null): Promise<ConfirmOutcome | undefined> {
    const payment = paymentId && isUuid(paymentId) ? await this.parts.payments.find(paymentId) : undefined;
    if (!payment) return undefined;
    if (payment.reservationId !== reservationId) return { kind: 'unknown-payment' };
    const reservation = await this.parts.reservations.find(reservationId);
    if (!reservation) return { kind: 'unknown-reservation' };
    switch (payment.status) {
      case 'created':
      case 'pending':
        return { kind: 'payment-pending', reservation };
      case 'failed':
        return { kind: 'payment-failed', paymentId: payment.id };
      case 'captured':
      case 'refund-due':
      case 'refunded':
        await this.settlement.settle(payment.id);
        return undefined;
    }
  }
}
