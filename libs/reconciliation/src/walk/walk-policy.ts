/** How an account is walked. Lags and lengths are in the source's clock: milliseconds, or transactions for `commits`. */
export type WalkPolicy = {
  /** Rows asked for at once; 1 to 5,000. */
  readonly pageSize: number;
  /** How far below what was read a window begins again: for rows that are visible later than the lag allows for. */
  readonly overlap: number;
  /** How long after its time a row may become visible: a window ends this long before the source's now. */
  readonly safetyLag: number;
  /** A window is at most this long, so that closing it is bounded work. */
  readonly windowMax: number;
  /** Where an account that was never walked begins, counted back from the source's now. */
  readonly lookBack: number;
  /** Between the two fetches that close a window. */
  readonly closeSpacing: number;
  /** When a closed window is looked at again, each counted from the closing. */
  readonly checksAfterClose: readonly number[];
};

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export const pageSizeMax = 5_000;

/** Providers show a transaction within seconds, as a rule; within minutes when they have a bad day. */
export const walkPolicyOfTime: WalkPolicy = {
  pageSize: 1_000,
  overlap: 10 * minuteMs,
  safetyLag: minuteMs,
  windowMax: dayMs,
  lookBack: 90 * dayMs,
  closeSpacing: 5 * minuteMs,
  checksAfterClose: [hourMs, dayMs, 3 * dayMs],
};

/** Below the snapshot's horizon nothing can appear any more: no lag, no overlap, nothing to look at again. */
export const walkPolicyOfCommits: WalkPolicy = {
  pageSize: 1_000,
  overlap: 0,
  safetyLag: 0,
  windowMax: Number.MAX_SAFE_INTEGER,
  lookBack: Number.MAX_SAFE_INTEGER,
  closeSpacing: 0,
  checksAfterClose: [],
};
