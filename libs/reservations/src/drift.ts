/**
 * Where Redis and the ledger differ for longer than decisions take on their way: the levels of every SKU. Asked by the
 * audit, which reports it, and once a minute by each instance, which has the partition filled from the ledger again; the
 * ledger keeps the reason with the epoch that begins so (`repairs`).
 */
import type { StockLevel } from '#domain';
import type { AuditRepository, Violation } from '#ledger';
import type { Timer, Timers } from '#platform';
import type { PartitionEpoch, StockStore } from '#stock';
import type { Public, StockLedger } from './ports.js';

export type DriftParts = {
  readonly store: StockStore;
  readonly ledger: Pick<Public<AuditRepository>, 'levelsOf'>;
  readonly stock: StockLedger;
  readonly timers: Timers;
};

const chunkSize = 500;
/** Under load Redis is ahead of the ledger for as long as a commit takes; a difference that lasts longer is one. */
export const patience = { looks: 20, pauseMs: 100 };

export class Drift {
  constructor(private readonly parts: DriftParts) {}

  /** What differs in a partition; none, they agree. Throws when the partition is in another epoch by now. */
  async of(at: PartitionEpoch): Promise<Violation[]> {
    const found: Violation[] = [];
    let after = '';
    for (;;) {
      const ledger = await this.parts.ledger.levelsOf(at.partition, after, chunkSize);
      if (ledger.length === 0) return found;
      found.push(...(await this.lastingDifferences(at, ledger)));
      after = ledger.at(-1)!.sku;
    }
  }

  /** Looks again at the SKUs that differ until they agree, or have had time enough to. */
  private async lastingDifferences(at: PartitionEpoch, first: readonly StockLevel[]): Promise<Violation[]> {
    let ledger = first;
    let differing: Violation[] = [];
    for (let look = 0; look < patience.looks; look += 1) {
      const { levels } = await this.parts.store.levels(
        at,
        ledger.map(({ sku }) => sku),
      );
      const redis = new Map(levels.map((level) => [level.sku, level]));
      const differ = ledger.filter((level) => !sameLevel(level, redis.get(level.sku)));
      if (differ.length === 0) return [];
      differing = differ.map((level) => ({
        sku: level.sku,
        ledger: level,
        redis: redis.get(level.sku) ?? null,
      }));
      await this.parts.timers.sleep(patience.pauseMs);
      ledger = await this.parts.stock.findMany(differ.map(({ sku }) => sku));
    }
    return differing;
  }
}

function sameLevel(ledger: StockLevel, redis: StockLevel | undefined): boolean {
  return (
    redis !== undefined &&
    ledger.onHand === redis.onHand &&
    ledger.held === redis.held &&
    ledger.committed === redis.committed &&
    ledger.version === redis.version
  );
}

export type DriftWatchOptions = DriftParts & {
  readonly openPartitions: () => readonly PartitionEpoch[];
  /** Has the partition rebuilt, for the reason given. */
  readonly broke: (partition: number, reason: string) => void;
  readonly report: (message: string, facts: Record<string, unknown>) => void;
};

const everyMs = 60_000;

/** Compares each open partition once a minute, and has those mended that differ. */
export class DriftWatch {
  private readonly drift: Drift;
  private timer: Timer | null = null;
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly options: DriftWatchOptions) {
    this.drift = new Drift(options);
  }

  start(): void {
    this.timer = this.options.timers.after(everyMs, () => {
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

  /** One comparison of everything. What cannot be compared now is left to the next. */
  async look(): Promise<void> {
    for (const at of this.options.openPartitions()) {
      if (this.stopped) return;
      try {
        const [first] = await this.drift.of(at);
        const isStill = this.options
          .openPartitions()
          .some(({ partition, epoch }) => partition === at.partition && epoch === at.epoch);
        if (first && isStill)
          this.options.broke(at.partition, `Redis and the ledger differ: ${JSON.stringify(first)}`);
      } catch (error) {
        this.options.report('a comparison failed and is tried again', { ...at, error: String(error) });
      }
    }
  }
}
