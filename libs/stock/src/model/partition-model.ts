/**
 * One partition of the stock store as a plain sequential machine: what the Redis functions must do, told in the
 * language of the rest. The property tests run both on one trace; the simulator runs this one in virtual time.
 */
import {
  availableOf,
  limits,
  type HeldEntry,
  type JournalDecision,
  type JournalEntry,
  type JournalLine,
  type StockLevel,
  type PartitionRecord,
} from '#domain';
import type {
  AdjustCommand,
  AdjustDecision,
  CancelCommand,
  CancelDecision,
  ConfirmCommand,
  ConfirmDecision,
  EndedDecision,
  ExtendCommand,
  ExtendDecision,
  FailCommand,
  FailDecision,
  HoldCommand,
  HoldDecision,
  PayCommand,
  PayDecision,
  PutCommand,
  PutDecision,
  ReacquireCommand,
  ReacquireDecision,
  ReleaseCommand,
  ReleaseDecision,
  UnknownDecision,
} from '../stock-store.js';
import { checkAgainMs, checkMs, checkOfHeld, deadlineOf, isUndecided, pendingOn, type Hold } from './hold.js';
import { StockShelf, type Level } from './stock-shelf.js';

type Retired = { outcome: string; sequence: number; level: StockLevel | null; atMs: number };

export const expiredAtOnceMax = 128;

export class PartitionModel {
  readonly shelf = new StockShelf();
  private readonly holds = new Map<string, Hold>();
  private readonly retired = new Map<string, Retired>();
  private journal: JournalEntry[] = [];
  /** No hold ends before: a bound, so that looking for what is due costs nothing while nothing is. */
  private earliestEndMs = Infinity;
  sequence = 0;

  constructor(
    private readonly partition: number,
    public epoch: number,
    private readonly nowMs: () => number,
    /** The epoch that it was filled for. */
    readonly filled = epoch,
  ) {}

  /** The next epoch, with all that is known; the ledger has the journal of the one before. */
  begin(epoch: number): void {
    this.epoch = epoch;
    this.journal = [];
  }

  get liveHolds(): number {
    return this.holds.size;
  }

  reserve(command: HoldCommand): HoldDecision {
    const earlier = this.holds.get(command.reservationId);
    if (earlier) {
      const { sequence, createdAtMs, expiresAtMs } = earlier;
      earlier.checkAtMs = this.nowMs() + checkMs;
      return { kind: 'held', sequence, createdAtMs, expiresAtMs, again: true };
    }
    const ended = this.outcomeOf(command.reservationId);
    if (ended.kind === 'ended' && !(command.revive && ended.outcome !== 'confirmed')) return ended;
    return this.refusal(command) ?? this.hold(command);
  }

  extend(command: ExtendCommand): ExtendDecision {
    const hold = this.holds.get(command.reservationId);
    if (!hold) return this.outcomeOf(command.reservationId);
    if (this.lapsed(hold)) return this.lapse(hold);
    if (hold.paying) return pendingOn(hold, hold.paying);
    const wanted = 'untilMs' in command ? command.untilMs : this.nowMs() + command.ttlSeconds * 1000;
    if (wanted > hold.expiresAtMs) {
      hold.expiresAtMs = wanted;
      hold.sequence = this.append({
        kind: 'extended',
        reservationId: hold.id,
        expiresAtMs: wanted,
        decides: this.decides(hold),
      });
    }
    hold.checkAtMs = checkOfHeld(hold, this.nowMs());
    return { kind: 'extended', sequence: hold.sequence, expiresAtMs: hold.expiresAtMs };
  }

  release({ reservationId, what }: ReleaseCommand): ReleaseDecision {
    const hold = this.holds.get(reservationId);
    if (!hold) {
      const outcome = this.outcomeOf(reservationId);
      if (what === 'barred' && outcome.kind === 'unknown') this.retire(reservationId, 'released', 0);
      return outcome;
    }
    if (what === 'orphan' && !this.decides(hold) && isUndecided(hold, this.nowMs()))
      return { kind: 'unknown' };
    if (this.lapsed(hold)) return this.lapse(hold);
    if (hold.paying) return pendingOn(hold, hold.paying);
    return {
      kind: 'released',
      sequence: this.settle(hold, 'released', { forget: what === 'part' || what === 'orphan' }),
    };
  }

  confirm(command: ConfirmCommand): ConfirmDecision {
    const hold = this.holds.get(command.reservationId);
    if (!hold) return this.outcomeOf(command.reservationId);
    if (this.lapsed(hold)) return this.lapse(hold);
    if (hold.paying && !command.captured) return pendingOn(hold, hold.paying);
    return { kind: 'confirmed', sequence: this.settle(hold, 'confirmed', { paymentId: command.paymentId }) };
  }

  pay(command: PayCommand): PayDecision {
    const { reservationId, paymentId, provider, amount } = command;
    const hold = this.holds.get(reservationId);
    if (!hold) return this.outcomeOf(reservationId);
    if (this.lapsed(hold)) return this.lapse(hold);
    if (hold.paying?.paymentId === paymentId) {
      return { kind: 'paying', sequence: hold.sequence, deadlineMs: hold.paying.deadlineMs };
    }
    if (hold.paying) return pendingOn(hold, hold.paying);
    const earlier = this.retired.get(`pay:${paymentId}`);
    if (earlier) return { kind: 'payment-ended', sequence: earlier.sequence };
    const deadlineMs = Math.max(hold.expiresAtMs, this.nowMs() + command.ttlSeconds * 1000);
    hold.paying = { paymentId, deadlineMs };
    hold.sequence = this.append({ kind: 'paying', reservationId, paymentId, provider, amount, deadlineMs });
    return { kind: 'paying', sequence: hold.sequence, deadlineMs };
  }

  fail({ reservationId, paymentId }: FailCommand): FailDecision {
    const hold = this.holds.get(reservationId);
    if (!hold) return this.outcomeOf(reservationId);
    if (!this.lapsed(hold) && hold.paying?.paymentId === paymentId) {
      hold.paying = null;
      hold.sequence = this.append({ kind: 'payment-failed', reservationId, paymentId });
      this.retire(`pay:${paymentId}`, 'failed', hold.sequence);
    }
    if (this.lapsed(hold)) return this.lapse(hold);
    return { kind: 'held', sequence: hold.sequence };
  }

  reacquire(command: ReacquireCommand): ReacquireDecision {
    const { reservationId, buyerId, paymentId } = command;
    const hold = this.holds.get(reservationId);
    if (hold && !this.lapsed(hold)) return { kind: 'held', sequence: hold.sequence };
    if (hold) this.settle(hold, 'expired');
    const ended = this.retired.get(reservationId);
    if (ended?.outcome === 'confirmed') return { kind: 'reacquired', sequence: ended.sequence };
    if (ended?.outcome === 'refund-due') return { kind: 'refund-due', sequence: ended.sequence };
    if (!command.whole || this.refusal(command)) {
      const sequence = this.append({ kind: 'refund-due', reservationId, paymentId });
      this.retire(reservationId, 'refund-due', sequence);
      return { kind: 'refund-due', sequence };
    }
    const lines = command.lines.map((line): JournalLine => {
      this.shelf.moveBuyer(line.sku, buyerId, { committed: line.quantity });
      const level = this.shelf.levelOf(line.sku);
      const version = this.shelf.move(level, { committed: line.quantity });
      return { ...line, version, buyerLimit: level.buyerLimit };
    });
    const sold = { reservationId, buyerId, lines, decides: true, paymentId };
    const sequence = this.append({ kind: 'reacquired', ...sold });
    this.retire(reservationId, 'confirmed', sequence);
    return { kind: 'reacquired', sequence };
  }

  cancel(command: CancelCommand): CancelDecision {
    const operation = `cancel:${command.reservationId}`;
    const earlier = this.retired.get(operation);
    if (earlier) return { kind: 'cancelled', sequence: earlier.sequence };
    const lines = command.lines.map((line): JournalLine => {
      this.shelf.moveBuyer(line.sku, command.buyerId, { committed: -line.quantity });
      const version = this.shelf.move(this.shelf.levelOf(line.sku), { committed: -line.quantity });
      return { ...line, version, buyerLimit: null };
    });
    const { reservationId, buyerId } = command;
    const sequence = this.append({
      kind: 'cancelled',
      reservationId,
      buyerId,
      lines,
      decides: false,
      paymentId: null,
    });
    this.retire(operation, 'cancelled', sequence);
    return { kind: 'cancelled', sequence };
  }

  adjust(command: AdjustCommand): AdjustDecision {
    const earlier = this.retired.get(command.operationId);
    if (earlier?.level) return { kind: 'adjusted', sequence: earlier.sequence, level: earlier.level };
    const { sku, delta } = command;
    const level = this.shelf.levels.get(sku);
    if (!level) return { kind: 'unknown-sku', sku };
    if (command.expectedVersion !== null && command.expectedVersion !== level.version) {
      return { kind: 'version-mismatch', sku, version: level.version };
    }
    const available = availableOf(level);
    if (available + delta < 0) return { kind: 'insufficient-stock', sku, available };
    if (level.onHand + delta > limits.unitsMax) return { kind: 'too-much-stock', sku };
    const version = this.shelf.move(level, { onHand: delta });
    const { operationId, reason } = command;
    const sequence = this.append({ kind: 'adjusted', sku, version, delta, operationId, reason });
    this.retire(operationId, 'adjusted', sequence, { ...level });
    return { kind: 'adjusted', sequence, level: { ...level } };
  }

  put(command: PutCommand): PutDecision {
    const { sku } = command;
    const level = this.shelf.levels.get(sku);
    if (!level) {
      const created: Level = {
        sku,
        onHand: command.onHand,
        held: 0,
        committed: 0,
        buyerLimit: command.buyerLimit ?? null,
        holdTtlSeconds: command.holdTtlSeconds ?? limits.holdTtlSecondsDefault,
        version: 1,
      };
      this.shelf.levels.set(sku, created);
      const { onHand, buyerLimit, holdTtlSeconds, version } = created;
      const sequence = this.append({ kind: 'sku-created', sku, onHand, buyerLimit, holdTtlSeconds, version });
      return { kind: 'created', sequence, level: { ...created } };
    }
    const buyerLimit = command.buyerLimit === undefined ? level.buyerLimit : command.buyerLimit;
    const holdTtlSeconds = command.holdTtlSeconds ?? level.holdTtlSeconds;
    if (buyerLimit === level.buyerLimit && holdTtlSeconds === level.holdTtlSeconds) {
      return { kind: 'same', sequence: this.sequence, level: { ...level } };
    }
    Object.assign(level, { buyerLimit, holdTtlSeconds });
    const version = this.shelf.move(level, {});
    const sequence = this.append({ kind: 'policy-changed', sku, buyerLimit, holdTtlSeconds, version });
    return { kind: 'changed', sequence, level: { ...level } };
  }

  /** Expires what is due; says how many it looked at. */
  expireDue(limit: number): number {
    if (this.nowMs() < this.earliestEndMs) return 0;
    const due = [...this.holds.values()]
      .filter((hold) => this.lapsed(hold))
      .sort((left, right) => deadlineOf(left) - deadlineOf(right) || (left.id < right.id ? -1 : 1))
      .slice(0, limit);
    for (const hold of due) this.settle(hold, 'expired');
    this.earliestEndMs = Infinity;
    // A payment may keep a hold for longer, and may fail again: the promised end is the bound.
    for (const { expiresAtMs } of this.holds.values()) {
      this.earliestEndMs = Math.min(this.earliestEndMs, expiresAtMs);
    }
    return due.length;
  }

  dueParts(limit: number): string[] {
    const due = [...this.holds.values()]
      .filter((hold) => !this.decides(hold) && hold.checkAtMs <= this.nowMs())
      .slice(0, limit);
    for (const hold of due) hold.checkAtMs = this.nowMs() + checkAgainMs;
    return due.map((hold) => hold.id);
  }

  levelsOf(skus: readonly string[]): StockLevel[] {
    return this.shelf.levelsOf(skus);
  }

  entriesAfter(sequence: number, limit = Number.MAX_SAFE_INTEGER): JournalEntry[] {
    // Numbered without gaps, so the place follows from the number.
    const from = Math.max(0, sequence + 1 - (this.journal[0]?.sequence ?? 0));
    return this.journal.slice(from, from + limit);
  }

  tidy(drained: number, retentionMs: number): void {
    this.journal = this.journal.filter((entry) => entry.sequence >= drained);
    for (const [operation, record] of this.retired) {
      if (record.sequence <= drained && record.atMs <= this.nowMs() - retentionMs)
        this.retired.delete(operation);
    }
  }

  restore(record: PartitionRecord): void {
    switch (record.kind) {
      case 'level':
        this.shelf.levels.set(record.level.sku, { ...record.level });
        return;
      case 'hold': {
        const { reservationId: id, kind: _, ...hold } = record;
        const checkAtMs = record.decided ? record.expiresAtMs : this.nowMs() + checkMs;
        this.holds.set(id, { ...hold, id, sequence: 0, checkAtMs });
        this.earliestEndMs = Math.min(this.earliestEndMs, record.expiresAtMs);
        return;
      }
      case 'buyer': {
        const { sku, buyerId, reservationId, held, committed } = record;
        this.shelf.putBuyer(sku, buyerId, { reservationId, held, committed });
      }
    }
  }

  /** Looked for in the order that the contract names, over all lines each. */
  private refusal(command: Pick<HoldCommand, 'buyerId' | 'lines'>): HoldDecision | undefined {
    const missing = command.lines.find((line) => !this.shelf.levels.has(line.sku));
    if (missing) return { kind: 'unknown-sku', sku: missing.sku };
    for (const { sku } of command.lines) {
      const { reservationId } = this.shelf.buyerOf(sku, command.buyerId);
      const hold = reservationId === null ? undefined : this.holds.get(reservationId);
      if (hold && this.lapsed(hold)) this.settle(hold, 'expired');
      else if (hold) return { kind: 'duplicate-reservation', sku, reservationId: hold.id };
    }
    for (const { sku, quantity } of command.lines) {
      const { buyerLimit } = this.shelf.levelOf(sku);
      const units = this.shelf.buyerOf(sku, command.buyerId);
      if (buyerLimit !== null && units.held + units.committed + quantity > buyerLimit) {
        return { kind: 'buyer-limit-exceeded', sku, buyerLimit };
      }
    }
    const left = command.lines.map((line) => ({
      ...line,
      available: availableOf(this.shelf.levelOf(line.sku)),
    }));
    const soldOut = left.find(({ available }) => available === 0);
    if (soldOut) return { kind: 'sold-out', sku: soldOut.sku, available: 0 };
    const short = left.find(({ available, quantity }) => available < quantity);
    return short && { kind: 'insufficient-stock', sku: short.sku, available: short.available };
  }

  private hold(command: HoldCommand): HoldDecision {
    const { reservationId, buyerId, metadata, partitions } = command;
    const createdAtMs = this.nowMs();
    const ttlSeconds =
      command.ttlSeconds ??
      Math.min(...command.lines.map(({ sku }) => this.shelf.levelOf(sku).holdTtlSeconds));
    const expiresAtMs = createdAtMs + ttlSeconds * 1000;
    this.earliestEndMs = Math.min(this.earliestEndMs, expiresAtMs);
    const lines = command.lines.map((line): JournalLine => {
      this.shelf.moveBuyer(line.sku, buyerId, { reservationId, held: line.quantity });
      const level = this.shelf.levelOf(line.sku);
      return {
        ...line,
        version: this.shelf.move(level, { held: line.quantity }),
        buyerLimit: level.buyerLimit,
      };
    });
    const entry: HeldEntry = {
      kind: 'held',
      reservationId,
      buyerId,
      expiresAtMs,
      lines,
      metadata,
      partitions,
      revived: command.revive ?? false,
    };
    const sequence = this.append(entry);
    const checkAtMs = Math.min(expiresAtMs, createdAtMs + checkMs);
    const { lines: held } = command;
    this.holds.set(reservationId, {
      id: reservationId,
      buyerId,
      lines: held,
      partitions,
      sequence,
      createdAtMs,
      expiresAtMs,
      paying: null,
      checkAtMs,
    });
    return { kind: 'held', sequence, createdAtMs, expiresAtMs, again: false };
  }

  /** Ends a hold: its units go back to the shelf, or on to the buyer who has confirmed. */
  private settle(
    hold: Hold,
    outcome: 'released' | 'expired' | 'confirmed',
    { forget = false, paymentId = null }: { forget?: boolean | undefined; paymentId?: string | null } = {},
  ): number {
    const lines = hold.lines.map((line): JournalLine => {
      const change = { held: -line.quantity, committed: outcome === 'confirmed' ? line.quantity : 0 };
      this.shelf.moveBuyer(line.sku, hold.buyerId, { ...change, reservationId: null });
      return { ...line, version: this.shelf.move(this.shelf.levelOf(line.sku), change), buyerLimit: null };
    });
    this.holds.delete(hold.id);
    const { id: reservationId, buyerId } = hold;
    const sequence = this.append({
      kind: outcome,
      reservationId,
      buyerId,
      lines,
      decides: this.decides(hold),
      paymentId,
    });
    if (!forget) this.retire(hold.id, outcome, sequence);
    return sequence;
  }

  private lapse(hold: Hold): EndedDecision {
    return { kind: 'ended', outcome: 'expired', sequence: this.settle(hold, 'expired') };
  }

  private decides(hold: Hold): boolean {
    return hold.partitions[0] === this.partition;
  }

  private lapsed(hold: Hold): boolean {
    return this.decides(hold) && deadlineOf(hold) <= this.nowMs();
  }

  private outcomeOf(operation: string): EndedDecision | UnknownDecision {
    const record = this.retired.get(operation);
    if (!record) return { kind: 'unknown' };
    return { kind: 'ended', outcome: record.outcome as EndedDecision['outcome'], sequence: record.sequence };
  }

  private append(decision: JournalDecision): number {
    this.sequence += 1;
    const { partition, epoch, sequence } = this;
    this.journal.push({ partition, epoch, sequence, atMs: this.nowMs(), ...decision });
    return sequence;
  }

  private retire(
    operation: string,
    outcome: string,
    sequence: number,
    level: StockLevel | null = null,
  ): void {
    this.retired.set(operation, { outcome, sequence, level, atMs: this.nowMs() });
  }
}
