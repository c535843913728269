/** Outcomes of the reservation use cases, as answers. Pure: the same outcome is the same bytes. */
import type { WireReservation } from '#contracts';
import type { Reservation } from '#domain';
import type { Answer, ConfirmOutcome, PayOutcome, ReservationOutcome, ReserveOutcome } from '#reservations';
import { jsonAnswer, problemAnswer } from '../http/answers.js';
import { presentOrder } from '../orders/order.presenter.js';
import { presentPayment, unknownPayment } from '../payments/payment.presenter.js';

export function presentReservation(reservation: Reservation): WireReservation {
  const { id, status, buyerId, lines, metadata, orderId, paying } = reservation;
  return {
    id,
    status,
    buyerId,
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
    expiresAt: new Date(reservation.expiresAtMs).toISOString(),
    createdAt: new Date(reservation.createdAtMs).toISOString(),
    ...(metadata !== null && { metadata: JSON.parse(metadata) as Record<string, unknown> }),
    ...(orderId !== null && { orderId }),
    ...(paying && {
      paying: { paymentId: paying.paymentId, deadline: new Date(paying.deadlineMs).toISOString() },
    }),
  };
}

export function presentReserve(outcome: ReserveOutcome): Answer {
  switch (outcome.kind) {
    case 'held':
      return jsonAnswer(201, presentReservation(outcome.reservation));
    case 'unknown-sku':
      return problemAnswer('unknown-sku', `There is no SKU ${outcome.sku}`, { sku: outcome.sku });
    case 'sold-out': {
      const { sku, available } = outcome;
      return problemAnswer('sold-out', `No unit of ${sku} is available`, { sku, available });
    }
    case 'insufficient-stock': {
      const { sku, available } = outcome;
      return problemAnswer('insufficient-stock', `Only ${available} of ${sku} available`, { sku, available });
    }
    case 'duplicate-reservation': {
      const { sku, reservationId } = outcome;
      const detail = `This buyer already holds ${sku} under reservation ${reservationId}`;
      return problemAnswer('duplicate-reservation', detail, { reservationId, sku });
    }
    case 'buyer-limit-exceeded': {
      const { sku, buyerLimit } = outcome;
      return problemAnswer('buyer-limit-exceeded', `A buyer may have at most ${buyerLimit} of ${sku}`, {
        sku,
        buyerLimit,
      });
    }
  }
}

/** For extend and release. */
export function presentReservationOutcome(outcome: ReservationOutcome): Answer {
  switch (outcome.kind) {
    case 'done':
      return jsonAnswer(200, presentReservation(outcome.reservation));
    case 'too-late':
      return tooLate(outcome.reservation);
    case 'payment-pending':
      return pending(outcome.reservation);
    case 'unknown-reservation':
      return unknownReservation;
  }
}

export function presentPay(outcome: PayOutcome): Answer {
  switch (outcome.kind) {
    case 'paying': {
      const { reservation, payment } = outcome;
      return jsonAnswer(200, {
        reservation: presentReservation(reservation),
        payment: presentPayment(payment),
      });
    }
    case 'payment-pending':
      return pending(outcome.reservation);
    case 'too-late':
      return tooLate(outcome.reservation);
    case 'unknown-provider': {
      const known = outcome.known.length > 0 ? `one of ${outcome.known.join(', ')}` : 'none is configured';
      const errors = [{ path: 'provider', message: `Not a payment provider here: ${known}` }];
      return problemAnswer('unknown-provider', `There is no payment provider ${outcome.provider}`, {
        errors,
      });
    }
    case 'unknown-currency': {
      const message = `ISO 4217 has no currency ${outcome.currency} with minor units`;
      const errors = [{ path: 'amount.currency', message }];
      return problemAnswer('invalid-request', 'Payments in this currency are not possible', { errors });
    }
    case 'unknown-reservation':
      return unknownReservation;
  }
}

export function presentConfirm(outcome: ConfirmOutcome): Answer {
  switch (outcome.kind) {
    case 'confirmed': {
      const { reservation, order } = outcome;
      return jsonAnswer(200, { reservation: presentReservation(reservation), order: presentOrder(order) });
    }
    case 'too-late':
      return tooLate(outcome.reservation);
    case 'payment-pending':
      return pending(outcome.reservation);
    case 'payment-failed': {
      const { paymentId } = outcome;
      return problemAnswer('payment-failed', 'The named payment has failed', { paymentId });
    }
    case 'payment-refund-due':
    case 'payment-refunded':
      return givenBack(outcome);
    case 'unknown-payment':
      return unknownPayment;
    case 'unknown-reservation':
      return unknownReservation;
  }
}

export const unknownReservation = problemAnswer('unknown-reservation', 'No reservation has this id');

function pending({ id, paying }: Reservation): Answer {
  return problemAnswer('payment-pending', 'A payment for the reservation is being decided; ask again', {
    reservationId: id,
    ...(paying && { paymentId: paying.paymentId }),
  });
}

type GivenBack = Extract<ConfirmOutcome, { kind: 'payment-refund-due' | 'payment-refunded' }>;

function givenBack({ kind, paymentId, orderId }: GivenBack): Answer {
  const money =
    kind === 'payment-refunded'
      ? 'The named payment has been refunded'
      : 'The named payment is being refunded';
  return orderId === null
    ? problemAnswer(kind, `${money}: start another payment`, { paymentId })
    : problemAnswer(kind, `${money}: the order does not depend on it; leave paymentId out to get the order`, {
        paymentId,
        orderId,
      });
}

function tooLate({ id, status }: Reservation): Answer {
  return problemAnswer(`reservation-${status}`, `The reservation is ${status}: it is too late for that`, {
    reservationId: id,
  });
}
