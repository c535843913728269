/**
 * Stripe as a payment provider. A charge is a payment intent, which the buyer completes in the shop's own page; our ids go
 * along as idempotency keys and as metadata, by which the intent and its refunds are found again after a lost reply.
 */
import { Stripe } from 'stripe';

import type {
  Charge,
  ChargeRequest,
  PaymentProvider,
  RefundProgress,
  RefundRequest,
  WebhookVerdict,
} from '../payment-provider.js';
import { toStripe } from './stripe-amounts.js';
import {
  ask,
  isRefusal,
  isUnknown,
  openStripe,
  stripeName,
  unavailable,
  type StripeAccount,
} from './stripe-client.js';
import { chargeOf, progressOf, stripeIntent, stripeRefund } from './stripe-objects.js';
import { verifyStripeWebhook } from './stripe-webhook.js';

const refundsMax = 100;
const refused = (error: unknown): 'refused' | undefined => (isRefusal(error) ? 'refused' : undefined);
const nothing = (error: unknown): null | undefined => (isUnknown(error) ? null : undefined);

export class StripeProvider implements PaymentProvider {
  readonly name = stripeName;
  private readonly stripe: Stripe;

  constructor(private readonly account: StripeAccount) {
    this.stripe = openStripe(account);
  }

  async createCharge({ paymentId, reservationId, amount }: ChargeRequest): Promise<Charge | 'refused'> {
    const money = toStripe(amount);
    if (money === null) return 'refused';
    const request = {
      ...money,
      automatic_payment_methods: { enabled: true },
      description: `reservation ${reservationId}`,
      metadata: { payment_id: paymentId, reservation_id: reservationId },
    };
    const made = await ask(
      () => this.stripe.paymentIntents.create(request, { idempotencyKey: paymentId }),
      refused,
    );
    return made === 'refused' ? made : readCharge(made);
  }

  /** By its own id, or by ours in Stripe's search, which learns of a new intent within a minute. */
  async fetchCharge(payment: Parameters<PaymentProvider['fetchCharge']>[0]): Promise<Charge | null> {
    const { paymentId, providerPaymentId } = payment;
    if (providerPaymentId !== null) {
      const intent = await ask(() => this.stripe.paymentIntents.retrieve(providerPaymentId), nothing);
      return intent === null ? null : readCharge(intent);
    }
    const query = `metadata['payment_id']:'${paymentId.replaceAll(/['\\]/g, '')}'`;
    const found = await ask(() => this.stripe.paymentIntents.search({ query, limit: 1 }));
    return found.data[0] === undefined ? null : readCharge(found.data[0]);
  }

  /** Stripe refuses to cancel what has been decided, or is being decided: then it is asked how it stands. */
  async cancelCharge(payment: Parameters<PaymentProvider['cancelCharge']>[0]): Promise<Charge | null> {
    const found = await this.fetchCharge(payment);
    if (found?.status !== 'pending') return found;
    const cancelled = await ask(
      () => this.stripe.paymentIntents.cancel(found.providerPaymentId, { cancellation_reason: 'abandoned' }),
      refused,
    );
    return cancelled === 'refused' ? this.fetchCharge(payment) : readCharge(cancelled);
  }

  /**
   * Looks before it asks: Stripe forgets an idempotency key after a day, and a repeated request gets the answer of the
   * first one, which may be out of date.
   */
  async refund(request: RefundRequest): Promise<RefundProgress | 'refused'> {
    const { refundId, providerPaymentId, amount } = request;
    const money = toStripe(amount);
    if (money === null) return 'refused';
    const earlier = await this.findRefund(providerPaymentId, refundId);
    if (earlier !== null) return earlier;
    const metadata = { refund_id: refundId, payment_id: request.paymentId };
    const made = await ask(
      () =>
        this.stripe.refunds.create(
          { payment_intent: providerPaymentId, amount: money.amount, metadata },
          { idempotencyKey: refundId },
        ),
      (error) => (isUnknown(error) ? 'refused' : refused(error)),
    );
    return made === 'refused' ? made : readRefund(made);
  }

  verifyWebhook(webhook: Parameters<PaymentProvider['verifyWebhook']>[0]): WebhookVerdict {
    return verifyStripeWebhook(webhook, this.account.webhookSecret);
  }

  private async findRefund(providerPaymentId: string, refundId: string): Promise<RefundProgress | null> {
    const list = await ask(
      () => this.stripe.refunds.list({ payment_intent: providerPaymentId, limit: refundsMax }),
      nothing,
    );
    const found = list?.data.find(({ metadata }) => metadata?.['refund_id'] === refundId);
    return found === undefined ? null : readRefund(found);
  }
}

function readCharge(intent: unknown): Charge {
  const read = stripeIntent.safeParse(intent);
  const charge = read.success ? chargeOf(read.data) : null;
  if (charge === null) throw unavailable(new Error('a payment intent of another form than agreed on'));
  return charge;
}

function readRefund(refund: unknown): RefundProgress {
  const read = stripeRefund.safeParse(refund);
  if (!read.success) throw unavailable(read.error);
  return progressOf(read.data);
}
