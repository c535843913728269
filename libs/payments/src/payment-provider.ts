/**
 * A payment provider as the service uses it. Every request carries an id of ours under which the provider does it
 * once, so a lost reply is cured by asking again. Nobody holds a lock or a transaction while one of these runs.
 *
 * Whatever a provider says may be late, doubled or out of order: the ledger's tables decide what it changes.
 */
import type { Money } from '#domain';

export type ChargeRequest = {
  /** Our payment: the provider's idempotency key, and the reference by which it can be found again. */
  readonly paymentId: string;
  readonly reservationId: string;
  readonly amount: Money;
};

export type ChargeStatus = 'pending' | 'captured' | 'failed';
export type Charge = {
  readonly providerPaymentId: string;
  readonly status: ChargeStatus;
  /** What was taken, or would be. */
  readonly amount: Money;
};

export type RefundRequest = {
  /** Our refund: the provider's idempotency key. */
  readonly refundId: string;
  readonly paymentId: string;
  readonly providerPaymentId: string;
  readonly amount: Money;
};

export type RefundProgress = {
  readonly providerRefundId: string;
  readonly status: 'pending' | 'done' | 'failed';
};

/** What a provider tells by a webhook, in our words. */
export type ProviderEvent = {
  /** The provider's id of the event: one that comes again is one that is known. */
  readonly eventId: string;
} & (
  | {
      readonly kind: 'charge';
      /** Our id, where the provider carries it. */
      readonly paymentId: string | null;
      readonly charge: Charge;
    }
  | { readonly kind: 'refund'; readonly providerPaymentId: string; readonly refund: RefundProgress }
  /** Genuine, and nothing that concerns us; its own name for it. */
  | { readonly kind: 'other'; readonly name: string }
);

export type WebhookVerdict =
  | { readonly kind: 'genuine'; readonly event: ProviderEvent }
  /** Not signed with the secret that we share. */
  | { readonly kind: 'forged' }
  /** Signed too long ago: somebody may be replaying a recorded message. */
  | { readonly kind: 'stale' }
  /** Signed and fresh, and not of the form that is agreed on. */
  | { readonly kind: 'unreadable' };

/** Each call throws `UnavailableError` `provider-unavailable` when the provider did not answer, or not so far. */
export interface PaymentProvider {
  /** As in the address of its webhooks and in `pay`. */
  readonly name: string;

  /** Asks for money, once per payment id. `refused`: the provider will not, whatever we do. */
  createCharge(request: ChargeRequest): Promise<Charge | 'refused'>;

  /** How a charge stands; null: the provider has none for this payment. */
  fetchCharge(payment: {
    readonly paymentId: string;
    readonly providerPaymentId: string | null;
  }): Promise<Charge | null>;

  /**
   * Gives up a charge that nobody waits for any more. Answers how it stands then: one that had been captured is captured
   * still. null: the provider has none for this payment.
   */
  cancelCharge(payment: {
    readonly paymentId: string;
    readonly providerPaymentId: string | null;
  }): Promise<Charge | null>;

  /** Gives money back, once per refund id; asked again it says how far it is. `refused`: it never will. */
  refund(request: RefundRequest): Promise<RefundProgress | 'refused'>;

  /** Whether a webhook is the provider's own, and what it says. Compares in constant time. */
  verifyWebhook(webhook: {
    readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
    /** The body, byte by byte as it came. */
    readonly rawBody: Buffer;
    readonly nowMs: number;
  }): WebhookVerdict;
}
