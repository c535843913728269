/**
 * The level of one SKU over time, as far as this page has seen it: what the plot draws, how fast units go, and when
 * there will be none. Bounded: when it is full, every second point of the older half goes, so that the whole sale stays
 * in view and the latest minutes keep their detail.
 */
import type { WireStockLevel } from '#contracts';

export type StockPoint = {
  readonly atMs: number;
  readonly available: number;
  readonly held: number;
  readonly committed: number;
};

const pointsMax = 2_000;
/** Closer than this, the later point replaces the earlier one. */
const resolutionMs = 200;
const rateWindowMs = 15_000;

export class StockHistory {
  private kept: StockPoint[] = [];

  get points(): readonly StockPoint[] {
    return this.kept;
  }

  get latest(): StockPoint | undefined {
    return this.kept.at(-1);
  }

  add({ available, held, committed }: WireStockLevel, atMs: number): void {
    const point = { atMs, available, held, committed };
    const before = this.kept.at(-2);
    const crowded = before !== undefined && atMs - before.atMs < resolutionMs;
    if (crowded) this.kept[this.kept.length - 1] = point;
    else this.kept.push(point);
    if (this.kept.length > pointsMax) this.thin();
  }

  /** Change a second over the last 15 s, or over as much as was seen; null: too little was seen to say. */
  ratePerSecond(of: 'available' | 'held' | 'committed', nowMs: number): number | null {
    const latest = this.latest;
    if (latest === undefined) return null;
    const from = this.levelAt(nowMs - rateWindowMs);
    const seconds = (nowMs - Math.max(from.atMs, nowMs - rateWindowMs)) / 1_000;
    return seconds < 1 ? null : (latest[of] - from[of]) / seconds;
  }

  /** At the pace of the last seconds; null: it is not going down. */
  secondsToSellOut(nowMs: number): number | null {
    const rate = this.ratePerSecond('available', nowMs);
    if (rate === null || rate >= -0.01 || this.latest === undefined) return null;
    return this.latest.available / -rate;
  }

  /** The level in force at an instant: a level holds until the next one. */
  private levelAt(atMs: number): StockPoint {
    return this.kept.findLast((point) => point.atMs <= atMs) ?? this.kept[0]!;
  }

  private thin(): void {
    const half = this.kept.length >> 1;
    this.kept = this.kept.filter((_, at) => at >= half || at % 2 === 0);
  }
}
