/**
 * One decision of the stock store, numbered without gaps per partition and epoch. The store writes it in the same
 * step as the decision; the ledger takes it in that order, exactly once (I10). It carries everything the ledger
 * needs, so that a process which dies between the two forgets nothing.
 */
import type { Money } from './money.js';
import type { StockPolicy } from './stock-level.js';

export type JournalPosition = {
  readonly partition: number;
  readonly epoch: number;
  /** 1 for the first decision of an epoch. */
  readonly sequence: number;
};

/** One SKU of a decision. */
export type JournalLine = {
  readonly sku: string;
  readonly quantity: number;
  /** The level's version after the decision. */
  readonly version: number;
  /** Of units taken: the buyer limit that was in force; null where there was none, or no units were taken. */
  readonly buyerLimit: number | null;
};

type SkuDecision = { readonly sku: string; readonly version: number };

export type HeldEntry = {
  readonly kind: 'held';
  readonly reservationId: string;
  readonly buyerId: string;
  readonly expiresAtMs: number;
  readonly lines: readonly JournalLine[];
  readonly metadata: string | null;
  /** The partitions whose lines make up the cart; the first decides for all. */
  readonly partitions: readonly number[];
  /** A part of a cart that had lapsed and was paid late: held again until the deciding partition has spoken. */
  readonly revived: boolean;
};

/**
 * A reservation that ends, or whose units change hands; `reacquired`: units off the shelf for what was paid late. Of a
 * cart over several partitions each one journals its own lines, and the entry of the partition that `decides` moves the
 * reservation.
 */
export type SettledEntry = {
  readonly kind: 'released' | 'expired' | 'confirmed' | 'reacquired' | 'cancelled';
  readonly reservationId: string;
  readonly buyerId: string;
  readonly lines: readonly JournalLine[];
  readonly decides: boolean;
  /** Of what was sold: the payment that was captured, or that the shop named. */
  readonly paymentId: string | null;
};

/** A payment begins: it keeps the units until its own deadline. Made by the partition that decides. */
export type PayingEntry = {
  readonly kind: 'paying';
  readonly reservationId: string;
  readonly paymentId: string;
  readonly provider: string;
  readonly amount: Money;
  readonly deadlineMs: number;
};

export type JournalDecision =
  | (SkuDecision & StockPolicy & { readonly kind: 'sku-created'; readonly onHand: number })
  | (SkuDecision & StockPolicy & { readonly kind: 'policy-changed' })
  | (SkuDecision & {
      readonly kind: 'adjusted';
      readonly operationId: string;
      readonly delta: number;
      readonly reason: string;
    })
  | HeldEntry
  | {
      readonly kind: 'extended';
      readonly reservationId: string;
      readonly expiresAtMs: number;
      readonly decides: boolean;
    }
  | PayingEntry
  /** The payment keeps nothing any more; the reservation is held as it was, or lapses. */
  | { readonly kind: 'payment-failed'; readonly reservationId: string; readonly paymentId: string }
  /** Nothing was left for money that came late. */
  | { readonly kind: 'refund-due'; readonly reservationId: string; readonly paymentId: string }
  | SettledEntry;

/** `atMs` is the store's clock at the decision, in milliseconds since 1970. */
export type JournalEntry = JournalPosition & { readonly atMs: number } & JournalDecision;
