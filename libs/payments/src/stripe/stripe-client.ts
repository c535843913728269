/** The official client, and its errors in our words. */
import { UnavailableError } from '#domain';
import { Stripe } from 'stripe';
import { restAskedFor } from '../rest-asked-for.js';

export type StripeAccount = {
  readonly secretKey: string;
  readonly webhookSecret: string;
  /** Where Stripe's API is, without a path; a test's own server, else Stripe's. */
  readonly url?: string;
};

const timeoutMs = 10_000;

export const stripeName = 'stripe';

/** A request that is repeated carries the same idempotency key, so the client may repeat it. */
export function openStripe({ secretKey, url = 'https://api.stripe.com' }: StripeAccount): Stripe {
  const { protocol, hostname, port } = new URL(url);
  return new Stripe(secretKey, {
    host: hostname,
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
    protocol: protocol === 'https:' ? 'https' : 'http',
    timeout: timeoutMs,
    maxNetworkRetries: 1,
    telemetry: false,
  });
}

/** Stripe will not, whatever we do: the request as such is refused. A key that is in use says nothing of the kind. */
export function isRefusal(error: unknown): boolean {
  const { errors } = Stripe;
  if (error instanceof errors.StripeIdempotencyError) return error.code !== 'idempotency_key_in_use';
  if (error instanceof errors.StripeInvalidRequestError)
    return error.code !== 'lock_timeout' && error.statusCode !== 404;
  return error instanceof errors.StripeCardError;
}

export const isUnknown = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode === 404;

/** The question as such makes no sense to Stripe, whenever it is asked. */
export const isBadRequest = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode === 400;

/** Everything else: not now, and perhaps carried out. Stripe's own text may quote the request and is left out. */
export function unavailable(error: unknown): UnavailableError {
  if (error instanceof UnavailableError) return error;
  const what = error instanceof Stripe.errors.StripeError ? `it answered ${error.type}` : 'it did not answer';
  const never =
    error instanceof Stripe.errors.StripeAuthenticationError ||
    error instanceof Stripe.errors.StripePermissionError;
  return new UnavailableError('provider-unavailable', `the payment provider ${stripeName}: ${what}`, !never, {
    cause: error,
    restMs: restOf(error),
  });
}

function restOf(error: unknown): number | undefined {
  if (!(error instanceof Stripe.errors.StripeError)) return undefined;
  const { 'retry-after': retryAfter = null, date = null } = error.headers ?? {};
  return restAskedFor(error.statusCode ?? 0, { retryAfter, date });
}

/** Asks; whatever is thrown becomes an UnavailableError, but for what `otherwise` makes an answer of. */
export async function ask<Answer, Other = never>(
  request: () => Promise<Answer>,
  otherwise?: (error: unknown) => Other | undefined,
): Promise<Answer | Other> {
  try {
    return await request();
  } catch (error) {
    const answer = otherwise?.(error);
    if (answer !== undefined) return answer;
    throw unavailable(error);
  }
}
