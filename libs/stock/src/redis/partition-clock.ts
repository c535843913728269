/**
 * What a partition's clock should say now, by this process's own monotonic clock; until it has been seen, by what others say.
 * Redis's TIME may be set while holds rest on it; a monotonic clock cannot. Each reply states a time that the partition had between
 * sending and receiving, so what it should be later is known to within that interval.
 *
 * When the partition's clock says something else, there are three explanations: the call took long, this process was asleep, or
 * the machine's clock was set. Only the last is corrected, and only when the partition's own memory of its last second does not
 * contradict it.
 */
export type ClockReading = {
  readonly nowMs: number;
  readonly skewMs: number;
  /** By this process's steady clock. */
  readonly sentMs: number;
  readonly receivedMs: number;
};

/** What the functions say when they find the clock elsewhere. */
export type ClockComplaint = ClockReading & { readonly livedMs: number };

export type Window = { readonly fromMs: number; readonly toMs: number };

/** As in the functions. */
const clockToleranceMs = 1_000;
/** The partition remembers a time that it has had, at most this much old while anybody calls. */
const memoryMs = 1_500;

export class PartitionClock {
  private last: ClockReading | null = null;

  /** Between what the partition's time must be at a moment of the steady clock; undefined: it was never seen. */
  expected(atMs: number): Window | undefined {
    if (!this.last) return undefined;
    const { nowMs, sentMs, receivedMs } = this.last;
    return { fromMs: Math.floor(nowMs + atMs - receivedMs), toMs: Math.ceil(nowMs + atMs - sentMs) };
  }

  saw(reading: ClockReading): void {
    this.last = reading;
  }

  /** What others say that it is at a moment of the steady clock. Nothing, once it was seen. */
  told({ fromMs, toMs }: Window, atMs: number): void {
    this.last ??= { nowMs: toMs, skewMs: 0, sentMs: atMs, receivedMs: atMs + toMs - fromMs };
  }

  /** Answers with the skew that sets the clock right, when it was set wrong; null: it is to be believed. */
  correction(complaint: ClockComplaint): number | null {
    const { nowMs, skewMs, livedMs, sentMs, receivedMs } = complaint;
    const from = this.expected(sentMs)?.fromMs;
    const to = this.expected(receivedMs)?.toMs;
    if (from === undefined || to === undefined) return null;
    // Never early: of all the times that it may be, the first.
    const correction = skewMs + from - nowMs;
    if (nowMs > to + clockToleranceMs) return livedMs <= to + clockToleranceMs ? correction : null;
    if (nowMs >= from - clockToleranceMs) return null;
    // A store that was emptied remembers nothing, and does not contradict; one that remembers a later time was set back.
    const wasSetBack = livedMs > nowMs + clockToleranceMs;
    const isContradicted = livedMs !== 0 && livedMs < from - memoryMs - clockToleranceMs;
    return wasSetBack || !isContradicted ? correction : null;
  }
}
