/**
 * What a confirmation that names a payment must be told first. A payment of ours has to belong to this reservation, and its money
 * has to stay: that is settled before the confirmation is, so no order is made or reported for money that goes back. An id of the
 * kind that we give out is one of ours, known or not; any other name is the shop's own affair, which may take payments elsewhere.
 */
import { isUuid } from '#contracts';
import { reservationTransitions } from '#domain';
import { isUuidOfDigest } from '#platform';
import type { Parts } from '../ports.js';
import type { ConfirmOutcome } from '../use-cases.js';
import type { Settlement } from './settlement.js';

export class NamedPayments {
  constructor(
    private readonly parts: Pick<Parts, 'onItsWay' | 'payments' | 'reservations'>,
    private readonly settlement: Pick<Settlement, 'settle'>,
  ) {}

  /** Undefined: nothing is in the way. */
  async refusal(reservationId: string, paymentId: string | null): Promise<ConfirmOutcome | undefined> {
    if (paymentId === null || !isUuid(paymentId)) return undefined;
    const { onItsWay, payments, reservations } = this.parts;
    const payment = await onItsWay.find(() => payments.find(paymentId));
    if (!payment && !isUuidOfDigest(paymentId)) return undefined;
    const reservation = await onItsWay.find(() => reservations.find(reservationId));
    if (!reservation) return { kind: 'unknown-reservation' };
    if (payment?.reservationId !== reservationId) return { kind: 'unknown-payment' };
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
        return this.refusalOfMoney(payment.id, reservationId);
    }
  }

  /**
   * Once it is settled. Money that stays has its order; where it goes back, a reservation that has ended says more than
   * its payment does.
   */
  private async refusalOfMoney(
    paymentId: string,
    reservationId: string,
  ): Promise<ConfirmOutcome | undefined> {
    const { status } = (await this.parts.payments.find(paymentId))!;
    if (status !== 'refund-due' && status !== 'refunded') return undefined;
    const reservation = (await this.parts.reservations.find(reservationId))!;
    const hasEnded = reservationTransitions[reservation.status].confirm === 'too-late';
    if (hasEnded) return { kind: 'too-late', reservation };
    return { kind: `payment-${status}`, paymentId, orderId: reservation.orderId };
  }
}
