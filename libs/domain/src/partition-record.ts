/**
 * One fact about a partition, as the ledger knows it: what a rebuild brings back to the stock store.
 */
import type { ReservationLine } from './reservation.js';
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
    }
  | {
      readonly kind: 'buyer';
      readonly sku: string;
      readonly buyerId: string;
      readonly reservationId: string | null;
      readonly held: number;
      readonly committed: number;
    };
