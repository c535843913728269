/**
 * Opens and closes admission, partition by partition. A partition is open while the stock store stands where the
 * ledger says, or ahead of it by decisions that are on their way. A store that lost data, went back in time or was
 * replaced is seen by its epoch and sequence: admission closes, the ledger fills it again for the next epoch,
 * admission opens. A store that is another process than before (a restart, a failover) may have lost what it knew:
 * the desk believes none of its answers before it was looked at here, and found to have taken the ledger's history.
 */
import { UnavailableError, type UnavailableCode } from '#domain';
import type { PartitionPosition, TakenEntry } from '#ledger';
import type { Timer, Timers } from '#platform';
import type { Admission, PartitionState, StockStore } from '#stock';
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

type Door =
  | ({ readonly open: true } & Admission)
  | { readonly open: false; readonly code: UnavailableCode; readonly reason: string };

const lookEveryMs = 500;
/** After trouble, look again at once, but not more often than this. */
const lookAgainMs = 50;
/** Looks before the first answer: when several processes start at once, others may be at the rebuilding. */
const startLooksMax = 3;
/** How often a journal that was tidied in the middle of a comparison is compared again. */
const forgottenLooksMax = 3;

export class PartitionKeeper {
  private readonly doors: Door[];
  /** Partitions that broke, and in which epoch: in a later one somebody has mended it. */
  private readonly broken = new Map<number, { readonly epoch: number; readonly reason: string }>();
  private readonly lastAdmissions = new Map<number, Admission>();
  /** Filled by another process, which is about to admit: seen once already. */
  private readonly awaited = new Map<number, number>();
  /** Rebuilds go one after the other, and do not keep the other partitions from being looked at. */
  private readonly rebuilding = new Set<number>();
  private rebuilds: Promise<void> = Promise.resolve();
  /** What the ledger had at the last look. */
  private positions: readonly PartitionPosition[] = [];
  private timer: Timer | null = null;
  private looking: Promise<void> | null = null;
  private soon = false;
  private stopped = false;

  constructor(private readonly options: KeeperOptions) {
    this.doors = Array.from({ length: options.partitionCount }, () => ({
      open: false,
      code: 'stock-not-ready',
      reason: 'not looked at yet',
    }));
  }

  /** What a partition is open for. Throws `UnavailableError` while it is closed. */
  admissionOf(partition: number): Admission {
    const door = this.doors[partition]!;
    if (door.open) return door;
    throw new UnavailableError(door.code, `partition ${partition}: ${door.reason}`, false);
  }

  /** How far the ledger was at the last look, for a partition that is open. */
  drainedOf(partition: number): number {
    return this.positions.find((position) => position.partition === partition)?.sequence ?? 0;
  }

  openPartitions(): { partition: number; epoch: number }[] {
    return this.doors.flatMap((door, partition) => (door.open ? [{ partition, epoch: door.epoch }] : []));
  }

  /** The partitions that are closed, with the reason. */
  closed(): { partition: number; reason: string }[] {
    return this.doors.flatMap((door, partition) => (door.open ? [] : [{ partition, reason: door.reason }]));
  }

  /** Looks once, and rebuilds what must be; then looks every half second until stopped. */
  async start(): Promise<void> {
    for (let look = 1; look <= startLooksMax && (look === 1 || this.closed().length > 0); look += 1) {
      await this.look();
      await this.rebuilds;
    }
    this.schedule();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.looking;
    await this.rebuilds;
  }

  /** A call failed: look soon. */
  trouble(): void {
    if (this.soon || this.stopped) return;
    this.soon = true;
    this.schedule();
  }

  /** The journal and the ledger disagree: nothing is decided here until the partition is rebuilt. */
  broke(partition: number, reason: string): void {
    this.options.report('a partition broke and will be rebuilt', { partition, reason });
    this.broken.set(partition, { epoch: this.lastAdmissions.get(partition)?.epoch ?? 0, reason });
    this.close(partition, 'stock-not-ready', reason);
    this.trouble();
  }

  /** The one next look, instead of any that was planned. */
  private schedule(): void {
    this.timer?.cancel();
    if (this.stopped) return;
    this.timer = this.options.timers.after(this.soon ? lookAgainMs : lookEveryMs, () => {
      this.soon = false;
      void this.look().finally(() => this.schedule());
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
      for (const partition of this.doors.keys())
        this.close(partition, 'ledger-unavailable', messageOf(error));
      return;
    }
    await Promise.all(
      this.positions
        .filter(({ partition }) => !this.rebuilding.has(partition))
        .map((position) =>
          this.lookAt(position).catch((error: unknown) =>
            this.close(position.partition, 'stock-not-ready', messageOf(error)),
          ),
        ),
    );
  }

  private async lookAt(seen: PartitionPosition): Promise<void> {
    const { position, state, isOurs } = await this.compare(seen);
    const { partition, epoch } = position;
    // What the ledger acknowledged and lost nobody can give back by guessing: a person decides.
    if (state.epoch > epoch) return this.close(partition, 'stock-not-ready', ledgerSetBack(position, state));
    if (this.broken.get(partition)?.epoch !== epoch) this.broken.delete(partition);
    if (!isOurs || this.broken.has(partition)) return this.mend(position, state);
    this.open(position, state);
    // Decisions that nobody here may be waiting for: of a process that died, or of a caller that gave up.
    if (state.sequence > position.sequence) {
      const decided = { partition, epoch, sequence: state.sequence };
      void this.options.drain(decided).catch(() => this.trouble());
    }
  }

  /**
   * The ledger was asked first: what it had then, the store must have now. A store that is new to us, or ahead by an
   * epoch because somebody has rebuilt it since, is compared with what the ledger has by now.
   */
  private async compare(
    seen: PartitionPosition,
  ): Promise<{ position: PartitionPosition; state: PartitionState; isOurs: boolean }> {
    const { store, partitions } = this.options;
    const { partition } = seen;
    const state = await store.state(partition);
    const isNew = state.incarnation !== this.lastAdmissions.get(partition)?.incarnation;
    if (!isNew && state.epoch <= seen.epoch) return { position: seen, state, isOurs: isWhole(seen, state) };
    for (let look = 1; ; look += 1) {
      const { position, entry } = await partitions.lastTaken(partition);
      const now = await store.state(partition);
      const history = isWhole(position, now) ? await this.historyOf(position, entry) : 'another';
      // Forgotten: the ledger has gone on meanwhile, and the journal was tidied.
      if (history !== 'forgotten' || look === forgottenLooksMax)
        return { position, state: now, isOurs: history === 'ours' };
    }
  }

  /** Whether the store's journal has, where the ledger stands, the entry that the ledger has taken. */
  private async historyOf(
    position: PartitionPosition,
    taken: TakenEntry | null,
  ): Promise<'ours' | 'another' | 'forgotten'> {
    if (taken === null) return position.sequence === 0 ? 'ours' : 'another';
    const [entry] = await this.options.store.readJournal(position, position.sequence - 1, 1);
    if (entry?.sequence !== position.sequence) return 'forgotten';
    const reservationId = 'reservationId' in entry ? entry.reservationId : null;
    const isSame =
      entry.kind === taken.kind && entry.atMs === taken.atMs && reservationId === taken.reservationId;
    return isSame ? 'ours' : 'another';
  }

  /** Not whole: rebuilt here, unless another process has just filled it and is about to open it. */
  private mend(position: PartitionPosition, state: PartitionState): void {
    const { report, rebuilds } = this.options;
    const { partition, epoch } = position;
    if (!rebuilds) return this.close(partition, 'stock-not-ready', difference(position, state));
    this.close(partition, 'stock-not-ready', 'the stock is being rebuilt from the ledger');
    if (state.restored > 0 && state.restored === epoch && this.awaited.get(partition) !== epoch) {
      this.awaited.set(partition, epoch);
      return;
    }
    report('rebuilding a partition from the ledger', { position, state });
    this.rebuilding.add(partition);
    this.rebuilds = this.rebuilds
      .then(() => this.rebuild(position, this.broken.get(partition)?.reason ?? lack(position, state)))
      .catch((error: unknown) => this.close(partition, 'stock-not-ready', messageOf(error)))
      .finally(() => this.rebuilding.delete(partition));
  }

  private async rebuild({ partition, epoch }: PartitionPosition, reason: string): Promise<void> {
    const { store, partitions } = this.options;
    const rebuilt = this.stopped
      ? null
      : await partitions.rebuild(partition, epoch, reason, (at, records) => store.restore(at, records));
    // Somebody else was faster: what came of it is seen at the next look.
    if (rebuilt === null) return this.trouble();
    await store.admit(rebuilt);
    // Opened by what the store itself says then; another rebuild, if it must be, at the next look.
    const state = await store.state(partition);
    if (isWhole(rebuilt, state)) this.open(rebuilt, state);
  }

  private open({ partition, epoch }: PartitionPosition, { incarnation }: PartitionState): void {
    if (!this.doors[partition]!.open) this.options.report('a partition opens', { partition, epoch });
    if (this.lastAdmissions.get(partition)?.epoch !== epoch) this.options.onEpoch();
    const admission = { epoch, incarnation };
    this.lastAdmissions.set(partition, admission);
    this.doors[partition] = { open: true, ...admission };
  }

  private close(partition: number, code: UnavailableCode, reason: string): void {
    this.doors[partition] = { open: false, code, reason };
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

/** Why a partition is filled from the ledger. */
function lack(position: PartitionPosition, state: PartitionState): string {
  if (position.epoch === 0) return 'the ledger begins';
  const [ledger, redis] = standings(position, state);
  return `Redis stood at ${redis}, the ledger at ${ledger}`;
}

function standings(...both: readonly [PartitionPosition, PartitionState]): string[] {
  return both.map(({ epoch, sequence }) => `${epoch}-${sequence}`);
}

/** In the operator's words, what keeps the store from being whole. */
function difference(position: PartitionPosition, state: PartitionState): string {
  const [ledger, redis] = standings(position, state);
  return `Redis stands at ${redis}, the ledger at ${ledger}: the next service to start rebuilds it`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
