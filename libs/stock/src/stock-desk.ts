/**
 * Where single commands become batches: the commands of one turn for one partition go in one call, and the journal entries that
 * come back are passed on before anybody is answered. A call whose reply was lost is repeated with the same ids, within a budget:
 * the store answers a command that it knows with the decision it made.
 */
import { UnavailableError, type JournalEntry } from '#domain';
import { Batcher, type Clock, type Timers } from '#platform';
import {
  NoRoomError,
  type AdjustCommand,
  type AdjustDecision,
  type Admission,
  type CancelCommand,
  type CancelDecision,
  type ConfirmCommand,
  type ConfirmDecision,
  type Decisions,
  type ExtendCommand,
  type ExtendDecision,
  type FailCommand,
  type FailDecision,
  type HoldCommand,
  type HoldDecision,
  type PartitionEpoch,
  type PayCommand,
  type PayDecision,
  type PutCommand,
  type PutDecision,
  type ReacquireCommand,
  type ReacquireDecision,
  type ReleaseCommand,
  type ReleaseDecision,
  type SeenLevel,
  type StockStore,
} from './stock-store.js';

/** A decision with where and when it was made: with its sequence, a position in the journal. */
export type Made<Decision> = Decision & PartitionEpoch & { readonly nowMs: number };

/** What a partition is open for, and since which epoch the store knows what it decided. */
export type Opening = Admission & { readonly filled: number };

/** A command that rests on what was so when its partition was in this epoch. */
export type InEpoch<Command> = { readonly epoch: number; readonly command: Command };

/** A command that rests on a look some time ago: by then, in the process's monotonic clock, it is sent or it is not. */
export type InTime<Command> = { readonly byMs: number; readonly command: Command };

/** The partition is closed, and opens within a moment: it is only taken into its next epoch. */
export class OpensSoonError extends UnavailableError {}

/**
 * The epoch that the command was meant for, or sent in, has passed: the store may have forgotten what it decided then.
 * An earlier attempt may have been carried out: the ledger says so by now, if it was.
 */
export class EpochPassedError extends UnavailableError {
  constructor() {
    super(
      'stock-not-ready',
      'Redis began another epoch meanwhile: the ledger is to be looked at again',
      true,
    );
  }
}

/** A command was not sent in time, because others before it took long. */
export class TooLateError extends UnavailableError {
  constructor() {
    super('stock-not-ready', 'Redis took too long for those before: ask again', true);
  }
}

export type StockDeskOptions = {
  readonly store: StockStore;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Timers;
  /** What a partition is open for. Throws `UnavailableError` while it is closed, `OpensSoonError` when that is worth waiting for. */
  readonly openingOf: (partition: number) => Opening;
  /** Takes the journal entries of every decision, in order, and the levels it saw. */
  readonly onDecided: (
    at: PartitionEpoch,
    entries: readonly JournalEntry[],
    seen: readonly SeenLevel[],
  ) => void;
  /** Hears of every failed call, so that the partition can be looked at. */
  readonly onTrouble: (partition: number) => void;
};

type Call<Command, Decision> = (
  at: PartitionEpoch,
  commands: readonly Command[],
  filled: number,
) => Promise<Decisions<Decision>>;

/**
 * Commands in one call: Redis is blocked for some 25 µs each. Smaller than a crowd, so that Redis decides one part of it while
 * the ledger takes another.
 */
const batchSizeMax = 128;
/** Calls of one kind under way per partition: one travels while one is decided. */
const inFlightMax = 2;
const waitingMax = 10_000;
/** How long a call is tried again before its outcome is called unknown. */
const budgetMs = 1_500;
const retryDelayMs = 25;

export class StockDesk {
  readonly reserve: (partition: number, command: HoldCommand) => Promise<Made<HoldDecision>>;
  /**
   * Holds the last part of a cart, in that epoch and in time or not at all: throws `EpochPassedError` in any other, `TooLateError`
   * later.
   */
  readonly decide: (
    partition: number,
    command: InEpoch<HoldCommand> & InTime<HoldCommand>,
  ) => Promise<Made<HoldDecision>>;
  readonly extend: (partition: number, command: ExtendCommand) => Promise<Made<ExtendDecision>>;
  readonly release: (partition: number, command: ReleaseCommand) => Promise<Made<ReleaseDecision>>;
  /** Releases a part of a cart, on the strength of a look at the whole, in time or not at all: throws `TooLateError`. */
  readonly releasePart: (
    partition: number,
    command: InTime<ReleaseCommand>,
  ) => Promise<Made<ReleaseDecision>>;
  readonly confirm: (partition: number, command: ConfirmCommand) => Promise<Made<ConfirmDecision>>;
  readonly pay: (partition: number, command: PayCommand) => Promise<Made<PayDecision>>;
  readonly fail: (partition: number, command: FailCommand) => Promise<Made<FailDecision>>;
  /**
   * Throws `EpochPassedError` when that epoch is forgotten: so do `revive`, which holds a part of a cart that has ended, and
   * `cancel`.
   */
  readonly reacquire: (
    partition: number,
    command: InEpoch<ReacquireCommand>,
  ) => Promise<Made<ReacquireDecision>>;
  readonly revive: (partition: number, command: InEpoch<HoldCommand>) => Promise<Made<HoldDecision>>;
  readonly cancel: (partition: number, command: InEpoch<CancelCommand>) => Promise<Made<CancelDecision>>;
  readonly adjust: (partition: number, command: AdjustCommand) => Promise<Made<AdjustDecision>>;
  readonly put: (partition: number, command: PutCommand) => Promise<Made<PutDecision>>;

  constructor(private readonly options: StockDeskOptions) {
    const { store } = options;
    // By the first SKU of the cart: a crowd at one of them does not hold up the buyers of the others.
    this.reserve = this.desk<HoldCommand, HoldDecision>(
      (at, commands) => store.reserve(at, commands),
      ({ lines }) => lines[0]!.sku,
    );
    this.decide = this.desk<InEpoch<HoldCommand> & InTime<HoldCommand>, HoldDecision>((at, commands) => {
      if (commands.some(({ epoch }) => epoch !== at.epoch)) throw new EpochPassedError();
      return store.reserve(at, this.inTime(commands));
    });
    this.extend = this.desk<ExtendCommand, ExtendDecision>((at, commands) => store.extend(at, commands));
    this.release = this.desk<ReleaseCommand, ReleaseDecision>((at, commands) => store.release(at, commands));
    this.releasePart = this.desk<InTime<ReleaseCommand>, ReleaseDecision>((at, commands) =>
      store.release(at, this.inTime(commands)),
    );
    this.confirm = this.desk<ConfirmCommand, ConfirmDecision>((at, commands) => store.confirm(at, commands));
    this.pay = this.desk<PayCommand, PayDecision>((at, commands) => store.pay(at, commands));
    this.fail = this.desk<FailCommand, FailDecision>((at, commands) => store.fail(at, commands));
    this.reacquire = this.fenced<ReacquireCommand, ReacquireDecision>((at, commands) =>
      store.reacquire(at, commands),
    );
    this.revive = this.fenced<HoldCommand, HoldDecision>((at, commands) =>
      store.reserve(
        at,
        commands.map((command) => ({ ...command, revive: true })),
      ),
    );
    this.cancel = this.fenced<CancelCommand, CancelDecision>((at, commands) => store.cancel(at, commands));
    this.adjust = this.desk<AdjustCommand, AdjustDecision>((at, commands) => store.adjust(at, commands));
    this.put = this.desk<PutCommand, PutDecision>((at, commands) => store.put(at, commands));
  }

  /** The epoch that a partition is open in. Throws `UnavailableError` while it is closed. */
  epochOf(partition: number): number {
    return this.options.openingOf(partition).epoch;
  }

  /** When the epoch of one of them has passed, all in the call are refused: whoever asked looks again. */
  private fenced<Command, Decision>(
    call: (at: PartitionEpoch, commands: readonly Command[]) => Promise<Decisions<Decision>>,
  ): (partition: number, command: InEpoch<Command>) => Promise<Made<Decision>> {
    return this.desk<InEpoch<Command>, Decision>(async (at, commands, filled) => {
      if (commands.some(({ epoch }) => epoch < filled)) throw new EpochPassedError();
      return call(
        at,
        commands.map(({ command }) => command),
      );
    });
  }

  /** Asked right before they are sent, however long they have waited here. When it is late for one of them, none is sent. */
  private inTime<Command>(commands: readonly InTime<Command>[]): Command[] {
    const nowMs = this.options.clock.monotonicMs();
    if (commands.some(({ byMs }) => nowMs > byMs)) throw new TooLateError();
    return commands.map(({ command }) => command);
  }

  private desk<Command, Decision>(
    call: Call<Command, Decision>,
    laneOf?: (command: Command) => string,
  ): (partition: number, command: Command) => Promise<Made<Decision>> {
    const options = { timers: this.options.timers, batchSizeMax, inFlightMax, waitingMax };
    const batchers = new Map<number, Batcher<Command, Made<Decision>>>();
    return (partition, command) => {
      let batcher = batchers.get(partition);
      if (!batcher) {
        batcher = new Batcher({ ...options, ...(laneOf && { laneOf }) }, (commands) =>
          this.call(partition, commands, call),
        );
        batchers.set(partition, batcher);
      }
      return batcher.call(command);
    };
  }

  private async call<Command, Decision>(
    partition: number,
    commands: readonly Command[],
    call: Call<Command, Decision>,
  ): Promise<Made<Decision>[]> {
    const { clock, timers, openingOf, onDecided, onTrouble } = this.options;
    const giveUpAtMs = clock.monotonicMs() + budgetMs;
    /** In which it was sent first. */
    let sentIn = Infinity;
    let unknown = false;
    for (;;) {
      let open = false;
      try {
        const { epoch, incarnation, filled } = openingOf(partition);
        const at = { partition, epoch };
        open = true;
        // Whoever would decide it anew has forgotten whether it was decided.
        if (unknown && sentIn < filled) throw new EpochPassedError();
        sentIn = Math.min(sentIn, epoch);
        const { decisions, entries, nowMs, seen, ...reply } = await call(at, commands, filled);
        if (reply.incarnation !== incarnation) throw notLookedAt();
        onDecided(at, entries, seen);
        return decisions.map((decision) => Object.assign(decision as Decision & object, at, { nowMs }));
      } catch (error) {
        if (!(error instanceof UnavailableError) || isOver(error)) throw error;
        if (open) onTrouble(partition);
        unknown ||= error.outcomeUnknown;
        const isWorthWaiting = (open && !(error instanceof NoRoomError)) || error instanceof OpensSoonError;
        if (!isWorthWaiting || clock.monotonicMs() >= giveUpAtMs) {
          throw new UnavailableError(error.code, error.message, unknown, { cause: error });
        }
        await timers.sleep(retryDelayMs);
      }
    }
  }
}

/** Nothing that is asked again would come of it. */
function isOver(error: UnavailableError): boolean {
  return error instanceof EpochPassedError || error instanceof TooLateError;
}

/** A store that may have lost what it knew; even its refusals are not to be believed. What it decided is asked again. */
function notLookedAt(): UnavailableError {
  return new UnavailableError('stock-not-ready', 'Redis is another process now and is looked at first', true);
}
