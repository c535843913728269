/** Stripe's webhooks: whose they are, and what they say of payments and refunds. */
import { isUuid } from '#contracts';
import { Stripe } from 'stripe';
import { z } from 'zod';

import type { PaymentProvider, ProviderEvent, WebhookVerdict } from '../payment-provider.js';
import { providerText } from '../provider-text.js';
import { chargeOf, progressOf, stripeIntent, stripeRefund } from './stripe-objects.js';

/** How old a signature may be, as Stripe advises. */
const toleranceSeconds = 300;

const stripeEvent = z.object({
  id: providerText().min(1),
  type: providerText(),
  data: z.object({ object: z.looseObject({ object: z.string() }) }),
});

export function verifyStripeWebhook(
  { headers, rawBody, nowMs }: Parameters<PaymentProvider['verifyWebhook']>[0],
  secret: string,
): WebhookVerdict {
  const header = headers['stripe-signature'];
  if (typeof header !== 'string' || !isSigned(rawBody, header, secret)) return { kind: 'forged' };
  const signedAt = Number(/(?:^|,)\s*t=(\d+)/.exec(header)?.[1]);
  if (Math.abs(nowMs / 1000 - signedAt) > toleranceSeconds) return { kind: 'stale' };
  const event = stripeEvent.safeParse(parse(rawBody));
  const read = event.success ? eventOf(event.data) : null;
  return read === null ? { kind: 'unreadable' } : { kind: 'genuine', event: read };
}

function isSigned(rawBody: Buffer, header: string, secret: string): boolean {
  try {
    return Stripe.webhooks.signature?.verifyHeader(rawBody, header, secret, 0) === true;
  } catch {
    return false;
  }
}

/** Null: of a type that we know, in a form that we do not. */
function eventOf({ id: eventId, type, data }: z.output<typeof stripeEvent>): ProviderEvent | null {
  if (type.startsWith('payment_intent.')) {
    const intent = stripeIntent.safeParse(data.object);
    const charge = intent.success ? chargeOf(intent.data) : null;
    if (!intent.success || charge === null) return null;
    const paymentId = intent.data.metadata['payment_id'] ?? '';
    return { eventId, kind: 'charge', paymentId: isUuid(paymentId) ? paymentId : null, charge };
  }
  if (data.object.object === 'refund') {
    const refund = stripeRefund.safeParse(data.object);
    if (!refund.success) return null;
    const payment = refund.data.payment_intent ?? refund.data.charge;
    if (payment !== null)
      return { eventId, kind: 'refund', providerPaymentId: payment, refund: progressOf(refund.data) };
  }
  return { eventId, kind: 'other', name: type };
}

function parse(rawBody: Buffer): unknown {
  try {
    return JSON.parse(rawBody.toString('utf8'));
  } catch {
    return undefined;
  }
}
