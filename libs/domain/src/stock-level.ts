/**
 * How much there is of one SKU, and for how many it is spoken: on hand = available + held + committed (I1).
 * `available` is never stored, so it cannot disagree.
 */
export type StockPolicy = {
  /** Units of this SKU one buyer may hold or have bought; null: no limit. */
  readonly buyerLimit: number | null;
  /** How long a hold lasts when the request does not say. */
  readonly holdTtlSeconds: number;
};

export type StockLevel = StockPolicy & {
  readonly sku: string;
  readonly onHand: number;
  readonly held: number;
  readonly committed: number;
  /** Grows with every change of the level or its policy. */
  readonly version: number;
};

export function availableOf(level: Pick<StockLevel, 'onHand' | 'held' | 'committed'>): number {
  return level.onHand - level.held - level.committed;
}
