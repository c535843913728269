/** What a buyer can ask of a shop: the same over HTTP, against a naive strategy, or in virtual time. */
import type { Refusal } from './measurement.js';
import type { PlannedLine } from '../scenario/plan.js';

export type ReserveAnswer =
  | {
      readonly kind: 'accepted';
      readonly id: string;
      /** By the clock of the shop; null: it gives none. */
      readonly createdAtMs: number | null;
      /** Null: it is sold at once. */
      readonly expiresAtMs: number | null;
    }
  | { readonly kind: 'refused'; readonly because: Refusal };

/** `too-late`: the hold has ended; `unknown`: no answer came within the buyer's patience. */
export type PayAnswer = 'confirmed' | 'declined' | 'too-late' | 'unknown';

export interface Checkout {
  reserve(request: {
    readonly buyerId: string;
    readonly lines: readonly PlannedLine[];
    readonly key: string;
  }): Promise<ReserveAnswer>;
  pay(reservationId: string): Promise<PayAnswer>;
  release(reservationId: string): Promise<void>;
  restock(sku: string, units: number): Promise<void>;
}
