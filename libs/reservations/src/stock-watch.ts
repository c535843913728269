/**
 * Keeps the stock cache true: the news of every instance's decisions, and, against news that was lost, a look now and
 * then at the levels of what is being refused.
 */
import { availableOf } from '#domain';
import type { Timer, Timers } from '#platform';
import {
  partitionOf,
  type NewsListener,
  type PartitionEpoch,
  type StockCache,
  type StockStore,
} from '#stock';

export type StockWatchOptions = {
  readonly cache: StockCache;
  readonly store: StockStore;
  readonly timers: Timers;
  readonly partitionCount: number;
  readonly openPartitions: () => readonly PartitionEpoch[];
  readonly report: (message: string, facts: Record<string, unknown>) => void;
};

const lookEveryMs = 1_000;
/** SKUs looked at in one call. */
const chunkSize = 500;

export class StockWatch {
  private timer: Timer | null = null;
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly options: StockWatchOptions) {}

  /** What to do with the news. */
  get listener(): NewsListener {
    const { cache } = this.options;
    return {
      onNews: (news) => cache.heard(news),
      onOpen: () => cache.open(),
      onLost: () => cache.close(),
    };
  }

  start(): void {
    this.timer = this.options.timers.after(lookEveryMs, () => {
      this.looking = this.look().finally(() => {
        if (!this.stopped) this.start();
      });
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.looking;
  }

  private async look(): Promise<void> {
    const { cache, store, partitionCount, openPartitions, report } = this.options;
    const refused = cache.takeRefused();
    for (const at of openPartitions()) {
      const skus = refused.filter((sku) => partitionOf(sku, partitionCount) === at.partition);
      try {
        for (let from = 0; from < skus.length; from += chunkSize) {
          const { levels } = await store.levels(at, skus.slice(from, from + chunkSize));
          for (const level of levels) cache.learnLevel(at.epoch, { ...level, available: availableOf(level) });
        }
      } catch (error) {
        // The news goes on, and the next look is a second away.
        report('levels could not be looked at', { partition: at.partition, error: String(error) });
      }
    }
  }
}
