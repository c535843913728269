/**
 * One fact about a partition, as the ledger knows it: what a rebuild brings back to the stock store.
 */
import type { Paying, ReservationLine } from './reservation.js';
import type { StockLevel } from './stock-level.js';

export type PartitionRecord =
  | { readonly kind: 'level'; readonly level: StockLevel }
  | {
      readonly kind: 'hold';
      readonly reservationId: string;
      readonly buyerId: string;
      readonly createdAtMs: number;
      readonly expiresAtMs: number;
      readonly partitions: readonly number[];
      readonly lines: readonly ReservationLine[];
      /** False: a part of a cart that is not decided, as far as the ledger knows; an attempt may be about to. */
      readonly decided: boolean;
      /** The payment that keeps it, in the partition that decides. */
      readonly paying: Paying | null;
    }
  | {
      readonly kind: 'buyer';
      readonly sku: string;
      readonly buyerId: string;
      readonly reservationId: string | null;
      readonly held: number;
      readonly committed: number;
    };
