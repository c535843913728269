/**
 * One movement of money as a provider reports it, whoever the provider is and whether it came by its API or in a
 * statement file. What reconciliation stores, matches and ties out.
 */
import type { Money } from '#domain';

export type TransactionKind =
  | 'charge'
  | 'refund'
  | 'refund-failed'
  | 'chargeback'
  | 'chargeback-reversed'
  | 'fee'
  | 'conversion'
  | 'payout'
  /** Money of a payout that the bank did not take, or that was called back: a later payout carries it. */
  | 'payout-returned'
  | 'adjustment'
  /** Money of the account that is kept back for a time (`hold`), or given free again. */
  | 'hold'
  /** A balance that goes from one batch of the account to the next: what leaves one arrives in the other. */
  | 'carry-over'
  /** Announced, pending, denied or for information: it moves no money, and its `net` is 0. */
  | 'memo'
  | 'other';

export type ProviderTransaction = {
  /** Unique within the provider's account: the provider's own id, or one made of what the row says. */
  readonly id: string;
  readonly kind: TransactionKind;
  /** Before fees; positive where money comes to us. */
  readonly gross: Money;
  /** What the provider keeps, in the currency of `net`; positive where it costs us. Null: not stated. */
  readonly fee: Money | null;
  /** What the balance moves by. */
  readonly net: Money;
  /** The provider's id of the payment that this row belongs to: of the charge that a refund gives back. */
  readonly paymentReference: string | null;
  /** Our own reference that the provider carries: the reservation or order it was charged for. */
  readonly merchantReference: string | null;
  /** The payout that carries it to the bank; null: none yet, or not stated. */
  readonly payoutId: string | null;
  /** When it happened, in the provider's clock; milliseconds since 1970. */
  readonly occurredAtMs: number;
  /** The row as it came, as JSON text: compared when the same id comes again. */
  readonly raw: string;
};
