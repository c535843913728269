/**
 * Problem documents (RFC 9457): every answer that is no success. The table names each kind of problem once, with the
 * status it always has and the title it always bears; `detail` and members of its own say what is particular.
 */
import { z } from 'zod';
import { wireOrderStatuses } from './order.js';
import { wireReservationStatuses } from './reservation.js';

const fixedProblems = {
  'bad-request': [400, 'The request cannot be read'],
  'invalid-json': [400, 'The body is not JSON, or is ambiguous'],
  'invalid-url': [400, 'The URL cannot be decoded'],
  'invalid-cursor': [400, 'The cursor does not belong to this list'],
  'invalid-precondition': [400, 'The precondition cannot be read'],
  'idempotency-key-missing': [400, 'An Idempotency-Key is required'],
  'idempotency-key-invalid': [400, 'The Idempotency-Key cannot be read'],
  unauthenticated: [401, 'No valid API key'],
  'invalid-signature': [401, 'The signature is not valid'],
  'insufficient-scope': [403, 'The API key may not do this'],
  'not-found': [404, 'No such resource'],
  'unknown-sku': [404, 'No such SKU'],
  'unknown-reservation': [404, 'No such reservation'],
  'unknown-order': [404, 'No such order'],
  'unknown-payment': [404, 'No such payment'],
  'unknown-reconciliation': [404, 'No such reconciliation'],
  'unknown-discrepancy': [404, 'No such discrepancy'],
  'method-not-allowed': [405, 'This method is not allowed here'],
  'request-timeout': [408, 'The request took too long to arrive'],
  'sold-out': [409, 'Sold out'],
  'insufficient-stock': [409, 'Not enough in stock'],
  'duplicate-reservation': [409, 'This buyer already holds this SKU'],
  'buyer-limit-exceeded': [409, 'More than the limit for one buyer'],
  'payment-pending': [409, 'A payment is being decided'],
  'payment-failed': [409, 'The payment has failed'],
  'payment-refund-due': [409, 'The payment is being refunded'],
  'payment-refunded': [409, 'The payment has been refunded'],
  'discrepancy-ended': [409, 'The discrepancy has been closed in another way'],
  'idempotency-in-progress': [409, 'The first request with this Idempotency-Key is still running'],
  'version-mismatch': [412, 'The stock level has changed'],
  'body-too-large': [413, 'The body is too large'],
  'uri-too-long': [414, 'The URL is too long'],
  'unsupported-media-type': [415, 'The body must be application/json'],
  'expectation-failed': [417, 'The expectation cannot be met'],
  'invalid-request': [422, 'The request is not valid'],
  'unknown-provider': [422, 'No such payment provider'],
  'idempotency-key-reused': [422, 'The Idempotency-Key belongs to another request'],
  'headers-too-large': [431, 'The header fields are too large'],
  internal: [500, 'Something went wrong here'],
  'stock-not-ready': [503, 'The stock store is not ready'],
  'ledger-unavailable': [503, 'The ledger cannot be reached'],
  'provider-unavailable': [503, 'The payment provider cannot be reached'],
  overloaded: [503, 'Too many requests at once'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

type LateReservation = `reservation-${(typeof wireReservationStatuses)[number]}`;
type LateOrder = `order-${(typeof wireOrderStatuses)[number]}`;
export type ProblemSlug = keyof typeof fixedProblems | LateReservation | LateOrder;

const late = (noun: string, statuses: readonly string[]) =>
  statuses.map((status) => [`${noun}-${status}`, [409, `The ${noun} is ${status}`]] as const);

/** Status and title of every kind of problem. */
export const problems = {
  ...fixedProblems,
  ...Object.fromEntries(late('reservation', wireReservationStatuses)),
  ...Object.fromEntries(late('order', wireOrderStatuses)),
} as Readonly<Record<ProblemSlug, readonly [status: number, title: string]>>;

export const problemDocument = z
  .looseObject({
    type: z.string().regex(/^\/problems\/[a-z-]+$/),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'With invalid-request: what is wrong, and where' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. The type says which members of its own it has.' });
export type ProblemDocument = z.infer<typeof problemDocument>;
