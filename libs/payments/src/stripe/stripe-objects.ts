/** Of Stripe's objects what we read, checked, and in the words of our ports. */
import { z } from 'zod';

import type { Charge, RefundProgress } from '../payment-provider.js';
import { providerText } from '../provider-text.js';
import { fromStripe } from './stripe-amounts.js';

const metadata = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});
/** An object or its id: which, depends on what was asked to be expanded. */
const idOf = z
  .union([providerText(), z.looseObject({ id: providerText() }).transform(({ id }) => id)])
  .nullish()
  .transform((value) => value ?? null);

export const stripeIntent = z.looseObject({
  id: providerText(),
  amount: z.int(),
  amount_received: z.int().default(0),
  currency: z.string(),
  status: z.string(),
  metadata,
});
export type StripeIntent = z.output<typeof stripeIntent>;

export const stripeRefund = z.looseObject({
  id: providerText(),
  status: z.string().nullish(),
  payment_intent: idOf,
  charge: idOf,
  metadata,
});
export type StripeRefund = z.output<typeof stripeRefund>;

/**
 * The object that a balance transaction comes from: a charge, a refund, a dispute, a payout. A charge's own
 * `balance_transaction` may still be null when its webhook arrives, so nothing here is read from that side.
 */
const stripeSource = z.looseObject({
  id: z.string(),
  object: z.string().default(''),
  payment_intent: idOf,
  charge: idOf,
  metadata,
});

export const stripeBalanceTransaction = z.looseObject({
  id: z.string(),
  amount: z.int(),
  fee: z.int(),
  net: z.int(),
  currency: z.string(),
  created: z.int(),
  type: z.string(),
  reporting_category: z.string().default(''),
  description: z.string().nullish(),
  source: z.union([z.string(), stripeSource]).nullish(),
});
export type StripeBalanceTransaction = z.output<typeof stripeBalanceTransaction>;

/**
 * A payment intent that wants another card may still be paid, so only a cancelled one has failed.
 * @returns null: its amount is finer than its currency
 */
export function chargeOf({ id, status, amount, amount_received, currency }: StripeIntent): Charge | null {
  const captured = status === 'succeeded';
  const money = fromStripe(captured ? amount_received : amount, currency);
  if (money === null) return null;
  const known = captured ? 'captured' : status === 'canceled' ? 'failed' : 'pending';
  return { providerPaymentId: id, status: known, amount: money };
}

export function progressOf({ id, status }: StripeRefund): RefundProgress {
  if (status === 'succeeded') return { providerRefundId: id, status: 'done' };
  if (status === 'failed' || status === 'canceled') return { providerRefundId: id, status: 'failed' };
  return { providerRefundId: id, status: 'pending' };
}
