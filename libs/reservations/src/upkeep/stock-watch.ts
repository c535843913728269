/**
 * Keeps the stock cache true: by the news of every instance's decisions, and, in case news was lost, by checking from time to time
 * what refusals rest on: levels of SKUs that are sold out, and holds that are in the way.
 */
import { availableOf } from '#domain';
import type { Timer, Timers } from '#platform';
import {
  linesByPartition,
  type Holder,
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
/** SKUs or holds looked at in one call. */
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
    const { cache, partitionCount, openPartitions, report } = this.options;
    const { soldOut, refusing } = cache.takeRefused();
    const skus = linesByPartition(
      soldOut.map((sku) => ({ sku })),
      partitionCount,
    );
    const holders = linesByPartition(refusing, partitionCount);
    for (const at of openPartitions()) {
      try {
        for (const chunk of chunksOf(skus.get(at.partition))) await this.lookAtLevels(at, chunk);
        for (const chunk of chunksOf(holders.get(at.partition))) await this.lookAtHolds(at, chunk);
      } catch (error) {
        // The news goes on, and the next look is a second away.
        report('what is refused could not be looked at', { partition: at.partition, error: String(error) });
      }
    }
  }

  private async lookAtLevels(at: PartitionEpoch, lines: readonly { readonly sku: string }[]): Promise<void> {
    const { cache, store } = this.options;
    const { levels } = await store.levels(
      at,
      lines.map(({ sku }) => sku),
    );
    for (const level of levels) cache.learnLevel(at.epoch, { ...level, available: availableOf(level) });
  }

  private async lookAtHolds({ partition }: PartitionEpoch, holders: readonly Holder[]): Promise<void> {
    const { cache, store } = this.options;
    const holdings = await store.holdings(partition, holders);
    for (const [index, holder] of holders.entries()) cache.learnHolding(holder, holdings[index]!);
  }
}

function* chunksOf<Item>(items: readonly Item[] = []): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += chunkSize) yield items.slice(from, from + chunkSize);
}
