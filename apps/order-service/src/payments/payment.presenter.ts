/** Payments, as answers. What a provider calls them stays inside. */
import type { WirePayment } from '#contracts';
import type { Payment } from '#domain';
import { problemAnswer } from '../http/answers.js';

export function presentPayment({
  id,
  reservationId,
  provider,
  amount,
  status,
  createdAtMs,
}: Payment): WirePayment {
  const createdAt = new Date(createdAtMs).toISOString();
  return {
    id,
    reservationId,
    provider,
    amount: { value: amount.value, currency: amount.currency },
    status,
    createdAt,
  };
}

export const unknownPayment = problemAnswer('unknown-payment', 'No payment has this id');
