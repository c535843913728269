/**
 * Opens and closes admission, partition by partition. An epoch lasts as long as the memory of the stock store in which it began:
 * a store that is another process than before (a restart, a failover) may have lost decisions, and might decide them differently.
 * So it moves to the next epoch before anybody is answered from it, and what was decided in the old one can no longer be committed.
 * If it has all that the ledger has, and the ledger has all that it has, its data stays as it is; a store that lost data, went
 * back in time or was replaced is filled from the ledger. Meanwhile admission is closed.
 */
import { UnavailableError, type UnavailableCode } from '#domain';
import type { EpochPosition, LastTaken, MakeReady, PartitionPosition, Ready, SeenPosition } from '#ledger';
import type { Clock, Timer, Timers } from '#platform';
import {
  OpensSoonError,
  type Opening,
  type PartitionEpoch,
  type PartitionState,
  type StockStore,
} from '#stock';
import type { PartitionLedger } from '../ports.js';
import { StoreRoom } from './store-room.js';

export type KeeperOptions = {
  readonly store: StockStore;
  readonly partitions: PartitionLedger;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly timers: Timers;
  readonly partitionCount: number;
  /** False: no epoch is begun; a partition that needs one stays closed, unless it is whole as it is. */
  readonly begins: boolean;
  /** Has the ledger take the store's journal up to a position; settles when it has. */
  readonly drain: (position: PartitionPosition) => Promise<void>;
  /** A partition opens in an epoch that it was not open in before. */
  readonly onEpoch: () => void;
  readonly report: (message: string, facts: Record<string, unknown>) => void;
  /** As `report`, of what refuses callers. */
  readonly warn: (message: string, facts: Record<string, unknown>) => void;
};

type Door =
  | ({ readonly open: true } & Opening)
  | {
      readonly open: false;
      readonly code: UnavailableCode;
      readonly reason: string;
      /** It is only taken into its next epoch. */
      readonly soon?: boolean;
    };

const beingRebuilt = 'the stock is being rebuilt from the ledger';
const lookEveryMs = 500;
/** After trouble, look again at once, but not more often than this. */
const lookAgainMs = 50;
/** For so long after the last look that found it open callers wait, before they are refused. */
const patienceMs = lookEveryMs + 500;
/** Looks before the first answer: when several processes start at once, others may be at the rebuilding. */
const startLooksMax = 3;
/** How often a store that goes on deciding for others is asked to come along as it is; then it is filled. */
const keepingsMax = 10;

export class PartitionKeeper {
  private readonly doors: Door[];
  /** Partitions that broke, and in which epoch: in a later one somebody has mended it. */
  private readonly broken = new Map<number, { readonly epoch: number; readonly reason: string }>();
  private readonly lastEpochs = new Map<number, number>();
  /** Partitions of which the store was told what their clock must be. */
  private readonly timed = new Set<number>();
  /** How often a partition could not be kept as it is, since it was open. */
  private readonly keepings = new Map<number, number>();
  /** When a look found a partition open last; none, when it never was. */
  private readonly openAtMs = new Map<number, number>();
  /** Epochs begin one after the other, and do not keep the other partitions from being looked at. */
  private readonly beginning = new Set<number>();
  private beginnings: Promise<void> = Promise.resolve();
  private readonly room: StoreRoom;
  /** How many entries of each journal the ledger did not have at the last look. */
  private readonly behind = new Map<number, number>();
  /** What the ledger had at the last look. */
  private positions: readonly SeenPosition[] = [];
  private timer: Timer | null = null;
  private looking: Promise<void> | null = null;
  private soon = false;
  private stopped = false;

  constructor(private readonly options: KeeperOptions) {
    this.room = new StoreRoom(options);
    this.doors = Array.from({ length: options.partitionCount }, () => ({
      open: false,
      code: 'stock-not-ready',
      reason: 'not looked at yet',
    }));
  }

  /** What a partition is open for. Throws `UnavailableError` while it is closed, `OpensSoonError` when not for long. */
  openingOf(partition: number): Opening {
    const door = this.doors[partition]!;
    if (door.open) return door;
    const Closed = door.soon ? OpensSoonError : UnavailableError;
    throw new Closed(door.code, `partition ${partition}: ${door.reason}`, false);
  }
  /** How far the ledger was at the last look, in that epoch. */
  drainedOf({ partition, epoch }: PartitionEpoch): number {
    const seen = this.positions.find((position) => position.partition === partition);
    return seen?.epoch === epoch ? seen.sequence : 0;
  }

  openPartitions(): { partition: number; epoch: number }[] {
    return this.doors.flatMap((door, partition) => (door.open ? [{ partition, epoch: door.epoch }] : []));
  }

  /** The partitions that are closed, with the reason. */
  closed(): { partition: number; reason: string }[] {
    return this.doors.flatMap((door, partition) => (door.open ? [] : [{ partition, reason: door.reason }]));
  }

  /** The partitions that are open, and have no room for reservations. */
  full(): number[] {
    return this.room.full().filter((partition) => this.doors[partition]!.open);
  }

  /** How many decisions of the store the ledger did not have at the last look. */
  entriesBehind(): number {
    return [...this.behind.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Looks once, and rebuilds what must be; then looks every half second until stopped. */
  async start(): Promise<void> {
    for (let look = 1; look <= startLooksMax && (look === 1 || this.closed().length > 0); look += 1) {
      await this.look();
      await this.beginnings;
    }
    this.schedule();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.looking;
    await this.beginnings;
  }

  /** A call failed: look soon. */
  trouble(): void {
    if (this.soon || this.stopped) return;
    this.soon = true;
    this.schedule();
  }

  /** The journal and the ledger disagree: nothing is decided here until the partition is rebuilt. */
  broke(partition: number, reason: string): void {
    this.options.warn('a partition broke and will be rebuilt', { partition, reason });
    this.broken.set(partition, { epoch: this.lastEpochs.get(partition) ?? 0, reason });
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
      for (const partition of this.doors.keys()) this.failed(partition, 'ledger-unavailable', error);
      return;
    }
    await Promise.all(
      this.positions
        .filter(({ partition }) => !this.beginning.has(partition))
        .map((position) =>
          this.lookAt(position).catch((error: unknown) =>
            this.failed(position.partition, 'stock-not-ready', error),
          ),
        ),
    );
  }

  /** A look came to nothing. A connection that was cut is soon there again, so callers wait for the next looks first. */
  private failed(partition: number, code: UnavailableCode, error: unknown): void {
    const openAtMs = this.openAtMs.get(partition) ?? -Infinity;
    const soon = this.options.clock.monotonicMs() - openAtMs <= patienceMs;
    this.close(partition, code, messageOf(error), soon);
    if (soon) this.trouble();
  }

  private async lookAt(seen: SeenPosition): Promise<void> {
    const { partition } = seen;
    if (this.options.begins && !this.timed.has(partition)) await this.tellTime(seen);
    const state = await this.options.store.state(partition);
    // The ledger was asked first: it may have gone on since.
    const position = isSetBack(seen, state) ? await this.positionOf(partition) : seen;
    // What the ledger acknowledged and lost nobody can give back by guessing: a person decides.
    if (isSetBack(position, state))
      return this.close(partition, 'stock-not-ready', ledgerSetBack(position, state));
    if (this.broken.get(partition)?.epoch !== position.epoch) this.broken.delete(partition);
    if (this.broken.has(partition) || !(await this.isOpen(position, state)))
      return this.mend(position, state);
    // A store that takes no writes at all is not open.
    this.room.saw(partition, await this.options.store.hasRoom(partition));
    this.open(position, state);
    this.behind.set(partition, state.sequence - position.sequence);
    // Decisions that nobody here may be waiting for: of a process that died, or of a caller that gave up.
    if (state.sequence > position.sequence) void this.drain(position, state).catch(() => this.trouble());
  }

  /**
   * What the clock of a partition must be when it is looked at for the first time: not before the last decision, and what PostgreSQL and this
   * machine say. One of the three may have been set wrong.
   */
  private async tellTime({ partition, nowMs }: SeenPosition): Promise<void> {
    const { clock, partitions, store } = this.options;
    const { entry } = await partitions.lastTaken(partition);
    const [lastMs, ourMs] = [entry?.atMs ?? 0, clock.nowMs()];
    const fromMs = Math.max(lastMs, Math.min(nowMs, ourMs));
    store.expectTime(partition, { fromMs, toMs: Math.max(lastMs, nowMs, ourMs) });
    this.timed.add(partition);
  }

  private async positionOf(partition: number): Promise<EpochPosition> {
    return (await this.options.partitions.positions()).find((position) => position.partition === partition)!;
  }

  private drain({ partition, epoch }: PartitionPosition, { sequence }: PartitionState): Promise<void> {
    return this.options.drain({ partition, epoch, sequence });
  }

  /** Whether the store is in the epoch of the ledger, and in the memory that it began in. Who only looks on goes by its journal. */
  private async isOpen(position: EpochPosition, state: PartitionState): Promise<boolean> {
    if (!isWhole(position, state)) return false;
    if (state.incarnation === position.incarnation) return true;
    return (
      !this.options.begins && this.isHistoryOf(await this.options.partitions.lastTaken(position.partition))
    );
  }

  /** Whether the store's journal has, where the ledger stands, the entry that the ledger has taken; none, where the epoch began. */
  private async isHistoryOf({ position, entry: taken }: LastTaken): Promise<boolean> {
    const [next] = await this.options.store.readJournal(position, position.sequence - 1, 1);
    const entry = next?.sequence === position.sequence ? next : null;
    if (!entry || !taken) return !entry && !taken;
    const reservationId = 'reservationId' in entry ? entry.reservationId : null;
    return entry.kind === taken.kind && entry.atMs === taken.atMs && reservationId === taken.reservationId;
  }

  /** Closed, until it is open in an epoch of this memory: begun here, unless another process is faster. */
  private mend(position: EpochPosition, state: PartitionState): void {
    const { partition } = position;
    if (!this.options.begins) return this.close(partition, 'stock-not-ready', difference(position, state));
    const soon = this.isToKeep(position, state) || isReady(position, state);
    const reason = soon ? 'Redis is another process than before' : beingRebuilt;
    this.close(partition, 'stock-not-ready', reason, soon);
    this.beginning.add(partition);
    this.beginnings = this.beginnings
      .then(() => this.begin(position, state))
      .catch((error: unknown) => {
        this.close(partition, 'stock-not-ready', messageOf(error), soon);
        if (soon) this.trouble();
      })
      .finally(() => this.beginning.delete(partition));
  }

  /** A store that has all that the ledger has goes on as it is, unless others have it decide all the time. */
  private isToKeep(position: PartitionPosition, state: PartitionState): boolean {
    const { partition } = position;
    return (
      isWhole(position, state) &&
      !this.broken.has(partition) &&
      (this.keepings.get(partition) ?? 0) <= keepingsMax
    );
  }

  private async begin(position: EpochPosition, state: PartitionState): Promise<void> {
    const { partition, epoch } = position;
    if (this.stopped) return;
    // Whoever made it ready has not admitted it yet, or has died before.
    if (isReady(position, state)) return this.admit(position);
    if (this.isToKeep(position, state)) {
      this.keepings.set(partition, (this.keepings.get(partition) ?? 0) + 1);
      if (state.sequence > position.sequence) await this.drain(position, state);
    }
    const begun = await this.options.partitions.begin(partition, epoch, this.makeReady);
    // Somebody else was faster: what came of it is seen at the next look.
    return begun ? this.admit(begun) : this.trouble();
  }

  /** The ledger has the epoch: opened by what the store itself says then; another epoch, if it must be, at the next look. */
  private async admit(position: EpochPosition): Promise<void> {
    const { store } = this.options;
    await store.admit(position.partition, position);
    const state = await store.state(position.partition);
    if (isWhole(position, state) && state.incarnation === position.incarnation) this.open(position, state);
    else this.trouble();
  }

  private readonly makeReady: MakeReady = async (next, from, records): Promise<Ready> => {
    const { store, report } = this.options;
    const { position } = from;
    const state = await store.state(next.partition);
    if (this.isToKeep(position, state) && (await this.isHistoryOf(from))) {
      const incarnation = await store.keep(next, position);
      const reason = kept(position);
      report('a partition goes on in its next epoch', { position, reason });
      return { sequence: position.sequence, incarnation, reason };
    }
    const reason = this.broken.get(next.partition)?.reason ?? lack(position, state);
    report('rebuilding a partition from the ledger', { position, state, reason });
    return { sequence: 0, incarnation: await store.restore(next, records), reason };
  };

  private open({ partition, epoch }: EpochPosition, { incarnation, filled }: PartitionState): void {
    if (!this.doors[partition]!.open) this.options.report('a partition opens', { partition, epoch });
    if (this.lastEpochs.get(partition) !== epoch) this.options.onEpoch();
    this.lastEpochs.set(partition, epoch);
    this.keepings.delete(partition);
    this.openAtMs.set(partition, this.options.clock.monotonicMs());
    this.doors[partition] = { open: true, epoch, incarnation, filled };
  }

  private close(partition: number, code: UnavailableCode, reason: string, soon = false): void {
    const before = this.doors[partition]!;
    // At the start nobody has been refused yet: that the stock is filled then is nothing to warn of.
    const isNew = before.open || before.soon === true || ![before.reason, beingRebuilt].includes(reason);
    if (isNew && !soon) this.options.warn('a partition is closed', { partition, code, reason });
    this.doors[partition] = { open: false, code, reason, soon };
  }
}

function isWhole(position: PartitionPosition, state: PartitionState): boolean {
  return position.epoch > 0 && state.epoch === position.epoch && state.sequence >= position.sequence;
}

/** Made ready for the ledger's epoch, in this memory, and not admitted. */
function isReady(position: EpochPosition, state: PartitionState): boolean {
  return state.restored === position.epoch && state.incarnation === position.incarnation;
}

/** The ledger lacks what it had: it was in a later epoch, or had more of the journal, which the store has forgotten for that. */
function isSetBack(position: PartitionPosition, { epoch, forgotten }: PartitionState): boolean {
  return epoch > position.epoch || (epoch === position.epoch && forgotten > position.sequence);
}

function ledgerSetBack(position: PartitionPosition, { epoch, forgotten }: PartitionState): string {
  const [back, had] =
    epoch > position.epoch
      ? [`epoch ${position.epoch}`, `been in ${epoch}`]
      : [`${epoch}-${position.sequence}`, `seen it at ${epoch}-${forgotten}`];
  return (
    `the ledger was set back to ${back}, Redis has ${had}: what was acknowledged between is not ` +
    'in this ledger. docs/operations.md, "A ledger set back", says what to do'
  );
}

/** Why an epoch begins though Redis is as it was. */
function kept({ epoch, sequence }: PartitionPosition): string {
  return `Redis was another process than before, and had what the ledger had, up to ${epoch}-${sequence}`;
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
