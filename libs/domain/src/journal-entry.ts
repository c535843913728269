/**
 * One decision of the stock store, numbered without gaps per partition and epoch. The store writes it in the same
 * step as the decision; the ledger takes it in that order, exactly once (I10). It carries everything the ledger
 * needs, so that a process which dies between the two forgets nothing.
 */
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
};

/**
 * A reservation that ends, or whose units change hands. Of a cart over several partitions each one journals its own
 * lines, and the entry of the partition that `decides` moves the reservation.
 */
export type SettledEntry = {
  readonly kind: 'released' | 'expired' | 'confirmed' | 'cancelled';
  readonly reservationId: string;
  readonly buyerId: string;
  readonly lines: readonly JournalLine[];
  readonly decides: boolean;
  /** Of a confirmation: the payment that the shop named. */
  readonly paymentId: string | null;
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
  | SettledEntry;

/** `atMs` is the store's clock at the decision, in milliseconds since 1970. */
export type JournalEntry = JournalPosition & { readonly atMs: number } & JournalDecision;

export type JournalKind = JournalDecision['kind'];
