/**
 * Where Redis and the ledger differ though both know the same decisions: the levels of every SKU. Asked by the audit, which
 * reports it, and once a minute by each instance, which has the partition filled from the ledger again; the ledger keeps
 * the reason with the epoch that begins so (`repairs`).
 *
 * In a sale Redis is always ahead, by what is on its way to the ledger. So the levels of the ledger are moved by the
 * entries of the journal that it lacks, up to the one that Redis had when it was asked: then the two must be equal.
 */
import { UnavailableError, type StockLevel } from '#domain';
import { effectsOf, type AuditRepository, type LevelsAt, type Violation } from '#ledger';
import type { Timer, Timers } from '#platform';
import type { PartitionEpoch, StockStore } from '#stock';
import type { Public } from '../ports.js';

export type DriftParts = {
  readonly store: Pick<StockStore, 'levels' | 'readJournal'>;
  readonly ledger: Pick<Public<AuditRepository>, 'levelsOf'>;
  readonly timers: Timers;
};

const chunkSize = 500;
/** A ledger that is further behind is waited for. */
const entriesMax = 10_000;
/** What cannot be compared at one look is looked at again, and so is what differs. */
export const patience = { looks: 20, pauseMs: 100 };

export class Drift {
  constructor(private readonly parts: DriftParts) {}

  /** What differs in a partition; none, they agree. Throws when it is in another epoch by now, or cannot be compared. */
  async of(at: PartitionEpoch): Promise<Violation[]> {
    const found: Violation[] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      const { differing, last } = await this.lastingDifferences(at, after);
      found.push(...differing);
      after = last;
    }
    return found;
  }

  /** Of the next SKUs; `last`: none, there are no more. */
  private async lastingDifferences(
    at: PartitionEpoch,
    after: string,
  ): Promise<{ readonly differing: readonly Violation[]; readonly last: string | undefined }> {
    for (let looksLeft = patience.looks; ; looksLeft -= 1) {
      const ledger = await this.parts.ledger.levelsOf(at.partition, after, chunkSize);
      const last = ledger.levels.at(-1)?.sku;
      if (last === undefined) return { differing: [], last };
      const differing = await this.differences(at, ledger);
      if (differing?.length === 0) return { differing, last };
      if (looksLeft <= 1) {
        // Neither equal nor different: nobody may take it for either.
        if (!differing) throw tooFarBehind(at);
        return { differing, last };
      }
      await this.parts.timers.sleep(patience.pauseMs);
    }
  }

  /** Null: they cannot be compared now. */
  private async differences(at: PartitionEpoch, ledger: LevelsAt): Promise<readonly Violation[] | null> {
    const { store } = this.parts;
    const skus = ledger.levels.map(({ sku }) => sku);
    const { sequence, levels } = await store.levels(at, skus);
    const ahead = sequence - ledger.sequence;
    if (ledger.epoch !== at.epoch || ahead > entriesMax) return null;
    const entries = ahead > 0 ? await store.readJournal(at, ledger.sequence, ahead) : [];
    // Taken by the ledger meanwhile, and forgotten.
    if (entries.length < ahead) return null;
    const moved = new Map(effectsOf(entries).levels.map((change) => [change.sku, change]));
    const redis = new Map(levels.map((level) => [level.sku, level]));
    return ledger.levels.flatMap((level): Violation[] => {
      const { sku } = level;
      const expected = movedBy(level, moved.get(sku));
      const found = redis.get(sku) ?? null;
      return found && sameLevel(expected, found) ? [] : [{ sku, ledger: expected, redis: found }];
    });
  }
}

function tooFarBehind({ partition }: PartitionEpoch): UnavailableError {
  const what = `the ledger is too far behind Redis in partition ${partition} to be compared with it: ask again`;
  return new UnavailableError('ledger-unavailable', what, false);
}

type Change = ReturnType<typeof effectsOf>['levels'][number];

function movedBy(level: StockLevel, change: Change | undefined): StockLevel {
  if (!change) return level;
  return {
    ...level,
    onHand: level.onHand + change.on_hand,
    held: level.held + change.held,
    committed: level.committed + change.committed,
    version: change.version,
  };
}

function sameLevel(ledger: StockLevel, redis: StockLevel): boolean {
  return (
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
