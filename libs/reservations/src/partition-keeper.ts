/**
 * Opens and closes admission, partition by partition. A partition is open while the stock store stands where the
 * ledger says, or ahead of it by decisions that are on their way. A store that lost data, went back in time or was
 * replaced is seen by its epoch and sequence: admission closes, the ledger fills it again under the next epoch,
 * admission opens.
 */
import { UnavailableError, type UnavailableCode } from '#domain';
import type { PartitionPosition } from '#ledger';
import type { Timer, Timers } from '#platform';
import type { PartitionState, StockStore } from '#stock';
import type { PartitionLedger } from './ports.js';

export type KeeperOptions = {
  readonly store: StockStore;
  readonly partitions: PartitionLedger;
  readonly timers: Timers;
  readonly partitionCount: number;
  /** False: a partition that is not whole stays closed and is left as it is. */
  readonly rebuilds: boolean;
  /** Has the ledger take the store's journal up to a position; settles when it has. */
  readonly drain: (position: PartitionPosition) => Promise<void>;
  /** A partition opens in an epoch that it was not open in before. */
  readonly onEpoch: () => void;
  readonly report: (message: string, facts: Record<string, unknown>) => void;
};

type Admission =
  | { readonly open: true; readonly epoch: number }
  | { readonly open: false; readonly code: UnavailableCode; readonly reason: string };

const lookEveryMs = 500;
/** After trouble, look again at once, but not more often than this. */
const lookAgainMs = 50;

export class PartitionKeeper {
  private readonly admissions: Admission[];
  private readonly broken = new Set<number>();
  private readonly lastEpochs = new Map<number, number>();
  /** What the ledger had at the last look. */
  private positions: readonly PartitionPosition[] = [];
  private timer: Timer | null = null;
  private looking: Promise<void> | null = null;
  private soon = false;
  private stopped = false;

  constructor(private readonly options: KeeperOptions) {
    this.admissions = Array.from({ length: options.partitionCount }, () => ({
      open: false,
      code: 'stock-not-ready',
      reason: 'not looked at yet',
    }));
  }

  /** The epoch a partition is open in. Throws `UnavailableError` while it is closed. */
  epochOf(partition: number): number {
    const admission = this.admissions[partition]!;
    if (admission.open) return admission.epoch;
    throw new UnavailableError(admission.code, `partition ${partition}: ${admission.reason}`, false);
  }

  /** How far the ledger was at the last look, for a partition that is open. */
  drainedOf(partition: number): number {
    return this.positions.find((position) => position.partition === partition)?.sequence ?? 0;
  }

  openPartitions(): { partition: number; epoch: number }[] {
    return this.admissions.flatMap((admission, partition) =>
      admission.open ? [{ partition, epoch: admission.epoch }] : [],
    );
  }

  /** The partitions that are closed, with the reason. */
  closed(): { partition: number; reason: string }[] {
    return this.admissions.flatMap((admission, partition) =>
      admission.open ? [] : [{ partition, reason: admission.reason }],
    );
  }

  /** Looks once, then every half second until stopped. */
  async start(): Promise<void> {
    await this.look();
    this.schedule(lookEveryMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.looking;
  }

  /** A call failed: look soon. */
  trouble(): void {
    if (this.soon || this.stopped) return;
    this.soon = true;
    this.timer?.cancel();
    this.schedule(lookAgainMs);
  }

  /** The journal and the ledger disagree: nothing is decided here until the partition is rebuilt. */
  broke(partition: number, reason: string): void {
    this.options.report('a partition broke and will be rebuilt', { partition, reason });
    this.broken.add(partition);
    this.close(partition, 'stock-not-ready', reason);
    this.trouble();
  }

  private schedule(delayMs: number): void {
    if (this.stopped) return;
    this.timer = this.options.timers.after(delayMs, () => {
      this.soon = false;
      void this.look().finally(() => this.schedule(lookEveryMs));
    });
  }

  private look(): Promise<void> {
    this.looking ??= this.lookAtAll().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  private async lookAtAll(): Promise<void> {
    // The ledger first: what it has then, the store must have now.
    try {
      this.positions = await this.options.partitions.positions();
    } catch (error) {
      for (const partition of this.admissions.keys())
        this.close(partition, 'ledger-unavailable', messageOf(error));
      return;
    }
    for (const position of this.positions) {
      try {
        await this.lookAt(position);
      } catch (error) {
        this.close(position.partition, 'stock-not-ready', messageOf(error));
      }
    }
  }

  private async lookAt(position: PartitionPosition): Promise<void> {
    const { store, report, rebuilds } = this.options;
    const { partition, epoch } = position;
    const state = await store.state(partition);
    // What the ledger acknowledged and lost nobody can give back by guessing: a person decides.
    if (state.epoch > epoch) return this.close(partition, 'stock-not-ready', ledgerSetBack(position, state));
    if (this.broken.has(partition) || !isWhole(position, state)) {
      if (!rebuilds) return this.close(partition, 'stock-not-ready', difference(position, state));
      this.close(partition, 'stock-not-ready', 'the stock is being rebuilt from the ledger');
      report('rebuilding a partition from the ledger', { position, state });
      const rebuilt = await this.options.partitions.rebuild(partition, epoch, (at, records) =>
        store.restore(at, records),
      );
      this.broken.delete(partition);
      // Opened by what the store itself says then; another rebuild, if it must be, at the next look.
      return isWhole(rebuilt, await store.state(partition)) ? this.open(rebuilt) : undefined;
    }
    this.open(position);
    // Decisions that nobody here may be waiting for: of a process that died, or of a caller that gave up.
    if (state.sequence > position.sequence) {
      await this.options.drain({ partition, epoch, sequence: state.sequence });
    }
  }

  private open({ partition, epoch }: PartitionPosition): void {
    if (!this.admissions[partition]!.open) this.options.report('a partition opens', { partition, epoch });
    if (this.lastEpochs.get(partition) !== epoch) this.options.onEpoch();
    this.lastEpochs.set(partition, epoch);
    this.admissions[partition] = { open: true, epoch };
  }

  private close(partition: number, code: UnavailableCode, reason: string): void {
    this.admissions[partition] = { open: false, code, reason };
  }
}

function isWhole(position: PartitionPosition, state: PartitionState): boolean {
  return position.epoch > 0 && state.epoch === position.epoch && state.sequence >= position.sequence;
}

function ledgerSetBack(position: PartitionPosition, state: PartitionState): string {
  return (
    `the ledger was set back to epoch ${position.epoch}, Redis has been in ${state.epoch}: what was acknowledged between is not ` +
    'in this ledger. docs/operations.md, "A ledger set back", says what to do'
  );
}

/** In the operator's words, what keeps the store from being whole. */
function difference(position: PartitionPosition, state: PartitionState): string {
  const [ledger, redis] = [position, state].map(({ epoch, sequence }) => `${epoch}-${sequence}`);
  return `Redis stands at ${redis}, the ledger at ${ledger}: the next service to start rebuilds it`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
