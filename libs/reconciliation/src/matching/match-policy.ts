/** What may differ before it is a discrepancy. Amounts are minor units of the currency in question. */
export type MatchPolicy = {
  /** A difference up to this is rounding: matched, and named. */
  readonly roundingMax: number;
  /** What the provider is to keep of a charge, by its currency, `*` for every other; none: any fee is right. */
  readonly fees: Readonly<Record<string, FeePolicy>>;
  /** Rates that were agreed on, by pair, as `EURUSD`; none: what a conversion came to is taken as it is. */
  readonly rates: Readonly<Record<string, RatePolicy>>;
  /** A charge without a reference is ours when amount and currency are, within this time of our capture. */
  readonly dateWindowMs: number;
  /** How long after our capture the provider's row is waited for; after it, it is missing. */
  readonly termMs: number;
};

/** `basisPoints` of the gross and a fixed part, both in the currency of the gross. */
type FeePolicy = {
  readonly basisPoints: number;
  readonly fixed: number;
  readonly tolerance: number;
};

/** Units of the second currency for a million units of the first, in minor units of both. */
type RatePolicy = { readonly perMillion: number; readonly toleranceBasisPoints: number };

const dayMs = 86_400_000;

export const matchPolicyDefault: MatchPolicy = {
  roundingMax: 1,
  fees: {},
  rates: {},
  dateWindowMs: 3 * dayMs,
  termMs: dayMs,
};
