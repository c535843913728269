/**
 * The stock store as its callers see it: one atomic step per batch and partition, every decision numbered in the
 * partition's journal. `RedisStockStore` is the real one, `InMemoryStockStore` the model of it; both pass one suite.
 *
 * Every command carries an id of its own and is decided once: sending it again answers with the same decision, so a
 * lost reply is cured by asking again.
 */
import {
  UnavailableError,
  type JournalEntry,
  type Money,
  type PartitionRecord,
  type ReservationLine,
  type StockLevel,
} from '#domain';

/** Which partition, in which epoch. Another epoch is refused with `stock-not-ready`. */
export type PartitionEpoch = { readonly partition: number; readonly epoch: number };

/** One attempt at the next epoch of a partition; `attempt` is its own, a whole number that no other has. */
export type RestoreAttempt = PartitionEpoch & { readonly attempt: number };

/** An epoch, and the memory in which it began: what the ledger has admitted, and nothing else is believed. */
export type Admission = { readonly epoch: number; readonly incarnation: string };

export type HoldCommand = {
  readonly reservationId: string;
  readonly buyerId: string;
  /** Undefined: the shortest policy among the lines' SKUs. */
  readonly ttlSeconds: number | undefined;
  readonly metadata: string | null;
  /** The lines of this partition, one per SKU. */
  readonly lines: readonly ReservationLine[];
  /** Every partition of the cart; the first decides, the others follow. */
  readonly partitions: readonly number[];
  /** Though it has been released or has expired: for the parts of a cart that was paid late. */
  readonly revive?: boolean;
};

/** `sequence`: the decision is final once the ledger has the partition's journal up to here. */
type Decided = { readonly sequence: number };

/** What an earlier attempt came to, whose hold is gone by now. */
export type EndedDecision = Decided & {
  readonly kind: 'ended';
  readonly outcome: 'released' | 'expired' | 'confirmed' | 'refund-due';
};
/** A payment is under way, and nothing else may end or change the hold. */
export type PendingDecision = Decided & { readonly kind: 'payment-pending'; readonly paymentId: string };
export type UnknownDecision = { readonly kind: 'unknown' };

export type HoldDecision =
  | (Decided & {
      readonly kind: 'held';
      readonly createdAtMs: number;
      readonly expiresAtMs: number;
      /** By an earlier command under this id, which may have been another one. */
      readonly again: boolean;
    })
  | EndedDecision
  | { readonly kind: 'unknown-sku'; readonly sku: string }
  | { readonly kind: 'duplicate-reservation'; readonly sku: string; readonly reservationId: string }
  | { readonly kind: 'buyer-limit-exceeded'; readonly sku: string; readonly buyerLimit: number }
  | { readonly kind: 'sold-out'; readonly sku: string; readonly available: number }
  | { readonly kind: 'insufficient-stock'; readonly sku: string; readonly available: number };

export type ReleaseCommand = {
  readonly reservationId: string;
  /**
   * Of a cart that came to nothing. `part`: forgotten as if it had never been held, so that a later attempt may hold it.
   * `orphan`: the same, found by its date; unknown when an attempt has asked for it again. `barred`: where the cart is
   * decided, also when nothing is held, so that an attempt which is still under way holds nothing either.
   */
  readonly what?: 'hold' | 'part' | 'orphan' | 'barred';
};
export type ReleaseDecision =
  (Decided & { readonly kind: 'released' }) | PendingDecision | EndedDecision | UnknownDecision;

export type ExtendCommand = { readonly reservationId: string } & (
  | { readonly ttlSeconds: number }
  /** The deadline that the deciding partition has given. */
  | { readonly untilMs: number }
);
export type ExtendDecision =
  | (Decided & { readonly kind: 'extended'; readonly expiresAtMs: number })
  | PendingDecision
  | EndedDecision
  | UnknownDecision;

export type ConfirmCommand = {
  readonly reservationId: string;
  /** The payment that the shop names, for the order. */
  readonly paymentId: string | null;
  /** The money of that payment is there: no payment under way is in the way. */
  readonly captured?: boolean;
};
export type ConfirmDecision =
  (Decided & { readonly kind: 'confirmed' }) | PendingDecision | EndedDecision | UnknownDecision;

export type PayCommand = {
  readonly reservationId: string;
  readonly paymentId: string;
  readonly provider: string;
  readonly amount: Money;
  /** How long the payment keeps the units, at least; never less than the hold would. */
  readonly ttlSeconds: number;
};
export type PayDecision =
  | (Decided & { readonly kind: 'paying'; readonly deadlineMs: number })
  /** Another payment is. */
  | PendingDecision
  /** This one was, and keeps nothing any more. */
  | (Decided & { readonly kind: 'payment-ended' })
  | EndedDecision
  | UnknownDecision;

/** A payment that has come to nothing. */
export type FailCommand = { readonly reservationId: string; readonly paymentId: string };
/** `held`: that payment keeps nothing, now or before. */
export type FailDecision = (Decided & { readonly kind: 'held' }) | EndedDecision | UnknownDecision;

export type ReacquireCommand = {
  readonly reservationId: string;
  readonly buyerId: string;
  readonly paymentId: string;
  /** The lines of this partition, which decides for the cart. */
  readonly lines: readonly ReservationLine[];
  /** Whether the cart's other parts are held; if not, it is a refund. */
  readonly whole: boolean;
};
/** `held`: the reservation has not ended, so there is nothing to decide. */
export type ReacquireDecision = Decided & { readonly kind: 'reacquired' | 'refund-due' | 'held' };

export type CancelCommand = {
  readonly reservationId: string;
  readonly buyerId: string;
  readonly lines: readonly ReservationLine[];
};
export type CancelDecision = Decided & { readonly kind: 'cancelled' };

export type AdjustCommand = {
  readonly operationId: string;
  readonly sku: string;
  readonly delta: number;
  readonly expectedVersion: number | null;
  readonly reason: string;
};
export type AdjustDecision =
  | (Decided & { readonly kind: 'adjusted'; readonly level: StockLevel })
  | { readonly kind: 'unknown-sku'; readonly sku: string }
  | { readonly kind: 'version-mismatch'; readonly sku: string; readonly version: number }
  | { readonly kind: 'insufficient-stock'; readonly sku: string; readonly available: number }
  | { readonly kind: 'too-much-stock'; readonly sku: string };

export type PutCommand = {
  readonly sku: string;
  /** Counts at creation only. */
  readonly onHand: number;
  /** Undefined: unchanged, or none at creation. Null: no limit. */
  readonly buyerLimit: number | null | undefined;
  readonly holdTtlSeconds: number | undefined;
};
export type PutDecision = Decided & {
  readonly kind: 'created' | 'changed' | 'same';
  readonly level: StockLevel;
};

/** How many units of a SKU were left, at a version of its level: what a stock cache learns. */
export type SeenLevel = {
  readonly sku: string;
  readonly available: number;
  readonly version: number;
  readonly buyerLimit: number | null;
};

/** A buyer, and one of the SKUs. */
export type Holder = { readonly sku: string; readonly buyerId: string };

/** What one call decided: the decisions in the order of the commands, and the journal entries they made. */
export type Decisions<Decision> = {
  readonly decisions: readonly Decision[];
  readonly entries: readonly JournalEntry[];
  /** The store's clock. */
  readonly nowMs: number;
  /** The levels that the call looked at, as they are after it. */
  readonly seen: readonly SeenLevel[];
  /** See `PartitionState`. */
  readonly incarnation: string;
};

export type ExpireResult = {
  readonly entries: readonly JournalEntry[];
  /** There may be more that is due. */
  readonly more: boolean;
  /** Reservations of which this partition holds a part that another one decides, due for a look. */
  readonly parts: readonly string[];
};

export type PartitionState = {
  readonly nowMs: number;
  /** 0: the partition has none and decides nothing. */
  readonly epoch: number;
  readonly sequence: number;
  readonly holds: number;
  /** The epoch that it is ready for and not admitted in; 0: none. */
  readonly restored: number;
  /**
   * Names the memory in which the epoch began (`restore`, `keep`) as long as the partition is in it: after a restart, a failover,
   * a full resynchronisation it has another name.
   */
  readonly incarnation: string;
  /** The epoch that it was last filled for: what was decided since then, it knows. */
  readonly filled: number;
  /** The journal up to here may be forgotten, because the ledger had it. */
  readonly forgotten: number;
};

/** The store is full: it takes what gives units back or sells what is held, and nothing that needs more room. */
export class NoRoomError extends UnavailableError {
  constructor(options?: ErrorOptions) {
    super(
      'stock-not-ready',
      'Redis is full (maxmemory): nothing new is taken until it has room',
      false,
      options,
    );
  }
}

/**
 * Every method throws `UnavailableError`: `stock-not-ready` when the partition is in another epoch or in none, or
 * the store cannot be reached; its `outcomeUnknown` says whether the batch may have been decided all the same.
 */
export interface StockStore {
  reserve(at: PartitionEpoch, commands: readonly HoldCommand[]): Promise<Decisions<HoldDecision>>;
  extend(at: PartitionEpoch, commands: readonly ExtendCommand[]): Promise<Decisions<ExtendDecision>>;
  release(at: PartitionEpoch, commands: readonly ReleaseCommand[]): Promise<Decisions<ReleaseDecision>>;
  confirm(at: PartitionEpoch, commands: readonly ConfirmCommand[]): Promise<Decisions<ConfirmDecision>>;
  pay(at: PartitionEpoch, commands: readonly PayCommand[]): Promise<Decisions<PayDecision>>;
  fail(at: PartitionEpoch, commands: readonly FailCommand[]): Promise<Decisions<FailDecision>>;
  reacquire(at: PartitionEpoch, commands: readonly ReacquireCommand[]): Promise<Decisions<ReacquireDecision>>;
  cancel(at: PartitionEpoch, commands: readonly CancelCommand[]): Promise<Decisions<CancelDecision>>;
  adjust(at: PartitionEpoch, commands: readonly AdjustCommand[]): Promise<Decisions<AdjustDecision>>;
  put(at: PartitionEpoch, commands: readonly PutCommand[]): Promise<Decisions<PutDecision>>;
  /** Returns the units of at most `limit` holds past their deadline. */
  expire(at: PartitionEpoch, limit: number): Promise<ExpireResult>;
  /** The levels of those SKUs that exist, at one instant, with the sequence then. */
  levels(
    at: PartitionEpoch,
    skus: readonly string[],
  ): Promise<{ readonly sequence: number; readonly levels: readonly StockLevel[] }>;
  /** The reservation by which each of them holds the SKU; null: none. Not at one instant, and in whatever epoch. */
  holdings(partition: number, holders: readonly Holder[]): Promise<readonly (string | null)[]>;
  state(partition: number): Promise<PartitionState>;
  /** Whether a reservation would be taken, as far as room goes; throws where nothing could be written. */
  hasRoom(partition: number): Promise<boolean>;
  /**
   * Between which times the partition's clock must be now, by what others know. Counts until this process has seen it: a
   * clock that was set while nobody looked is not believed.
   */
  expectTime(partition: number, window: { readonly fromMs: number; readonly toMs: number }): void;
  /** Journal entries after a sequence, in order, at most `limit`. */
  readJournal(at: PartitionEpoch, after: number, limit: number): Promise<readonly JournalEntry[]>;
  /**
   * Forgets what the ledger has: entries before `drained`, but for those that one call decided with it, and operations that
   * ended `retentionMs` ago, as many as can be forgotten at once. `more`: there may be others.
   */
  tidy(
    at: PartitionEpoch,
    options: { readonly drained: number; readonly retentionMs: number },
  ): Promise<{ readonly more: boolean }>;
  /** Empties the partition and fills it for a new epoch, whose incarnation it answers with. It decides nothing until it is admitted. */
  restore(at: RestoreAttempt, records: AsyncIterable<readonly PartitionRecord[]>): Promise<string>;
  /**
   * Takes the partition as it is into a new epoch, whose incarnation it answers with; its sequence goes on. It must be in that
   * epoch at that sequence, or nothing is changed (`stock-not-ready`). It decides nothing until it is admitted.
   */
  keep(at: RestoreAttempt, from: PartitionEpoch & { readonly sequence: number }): Promise<string>;
  /** Opens what was made ready under that name, once the ledger is in the new epoch. Safe to repeat, by anybody. */
  admit(partition: number, to: Admission): Promise<void>;
}

/** What the functions tell everybody about a batch: levels that moved, and what the buyers concerned have now. */
export type StockNews = {
  readonly epoch: number;
  /** The partition's sequence after the batch. */
  readonly sequence: number;
  readonly levels: readonly SeenLevel[];
  readonly buyers: readonly BuyerNews[];
};

type BuyerNews = {
  readonly sku: string;
  readonly buyerId: string;
  /** The live hold, with the end that was promised; null: none. */
  readonly hold: { readonly reservationId: string; readonly expiresAtMs: number } | null;
  /** Held and committed. */
  readonly units: number;
};
