/**
 * The stock store on Redis: one function call per batch. It sends a batch once and says so when it does not know whether it ran;
 * asking again is the caller's decision (see `StockDesk`), with the same ids.
 */
import type { Cluster, Redis } from 'ioredis';
import { limits, UnavailableError, type JournalEntry, type PartitionRecord } from '#domain';
import type { Clock } from '#platform';
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
  type ExpireResult,
  type ExtendCommand,
  type ExtendDecision,
  type FailCommand,
  type FailDecision,
  type HoldCommand,
  type HoldDecision,
  type Holder,
  type PartitionEpoch,
  type PartitionState,
  type PayCommand,
  type PayDecision,
  type PutCommand,
  type PutDecision,
  type ReacquireCommand,
  type ReacquireDecision,
  type ReleaseCommand,
  type ReleaseDecision,
  type RestoreAttempt,
  type StockStore,
} from '../stock-store.js';
import { adjustDecision, endedDecision, holdDecision, notDone } from './decision-codec.js';
import { readFunctionLibrary, type FunctionLibrary } from './function-library.js';
import {
  decodeEntry,
  decodeHolding,
  decodeLevel,
  decodeRecord,
  decodeReserved,
  decodeSeen,
  encodeHoldCommand,
  encodeRestored,
  holdsNow,
  type RawDecision,
} from './journal-codec.js';
import { PartitionClock, type ClockComplaint, type Window } from './partition-clock.js';
import { isReply, translateRedisError } from './redis-errors.js';

type Argument = string | number;
type RawReply<Raw> = readonly [
  nowMs: number,
  sequence: number,
  /** JSON: a list of the entries' fields. */
  entries: string,
  decisions: Raw,
  seen: readonly (string | number)[],
  incarnation: string,
  skewMs: number,
];

const keyNames = [
  'meta',
  'levels',
  'holds',
  'buyers',
  'deadlines',
  'parts',
  'retired',
  'retirements',
  'journal',
] as const;

/** How many entries a record of the journal has, or less. */
const entriesOfRecord = 128;
/** To admit is no part of an attempt: the ledger has its outcome. */
const noAttempt = 0;
/** How many operations one `tidy` forgets at most, so that it never blocks Redis for long. */
const forgottenMax = 1_000;

export class RedisStockStore implements StockStore {
  private readonly library: FunctionLibrary;
  private readonly keys = new Map<number, string[]>();
  private readonly clocks = new Map<number, PartitionClock>();

  constructor(
    private readonly redis: Redis | Cluster,
    /** In front of every key; several stores can share one Redis. No braces. */
    private readonly keyPrefix: string,
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly report: (message: string, facts: Record<string, unknown>) => void,
  ) {
    this.library = readFunctionLibrary();
  }

  /** Puts the functions on every node that can run them, where they are not: loaded anew they would be taken for another incarnation. */
  async load(): Promise<void> {
    const nodes = 'nodes' in this.redis ? this.redis.nodes('master') : [this.redis];
    await Promise.all(
      nodes.map((node) =>
        node.function('LOAD', this.library.code).catch((error: unknown) => {
          if (!isReply(error, `ERR Library '${this.library.name}' already exists`)) throw error;
        }),
      ),
    );
  }

  reserve(at: PartitionEpoch, commands: readonly HoldCommand[]): Promise<Decisions<HoldDecision>> {
    const text = JSON.stringify(commands.map(encodeHoldCommand));
    return this.decide(at, 'reserve', [text], holdDecision, (reply, decisions) => {
      const held = commands
        .map((command, index) => [command, decisions[index]!] as const)
        .filter(([, decision]) => holdsNow(decision));
      const call = { first: reply[1] + 1, atMs: reply[0] };
      return decodeReserved(at, call, JSON.parse(reply[2]) as (string[] | 0)[], held);
    });
  }

  extend(at: PartitionEpoch, commands: readonly ExtendCommand[]): Promise<Decisions<ExtendDecision>> {
    const args = commands.flatMap((command) =>
      'untilMs' in command
        ? [command.reservationId, '', command.untilMs]
        : [command.reservationId, command.ttlSeconds, ''],
    );
    return this.decide(at, 'extend', args, ([kind, sequence, expiresAtMs]) =>
      kind === 'extended'
        ? { kind, sequence: Number(sequence), expiresAtMs: Number(expiresAtMs) }
        : notDone([kind, sequence!, expiresAtMs!]),
    );
  }

  release(at: PartitionEpoch, commands: readonly ReleaseCommand[]): Promise<Decisions<ReleaseDecision>> {
    const args = commands.flatMap((command) => [command.reservationId, command.what ?? 'hold']);
    return this.decide(at, 'release', args, (raw) =>
      raw[0] === 'released' ? { kind: 'released', sequence: Number(raw[1]) } : notDone(raw),
    );
  }

  confirm(at: PartitionEpoch, commands: readonly ConfirmCommand[]): Promise<Decisions<ConfirmDecision>> {
    const args = commands.flatMap((command) => [
      command.reservationId,
      command.paymentId ?? '',
      command.captured ? '1' : '',
    ]);
    return this.decide(at, 'confirm', args, (raw) =>
      raw[0] === 'confirmed' ? { kind: 'confirmed', sequence: Number(raw[1]) } : notDone(raw),
    );
  }

  pay(at: PartitionEpoch, commands: readonly PayCommand[]): Promise<Decisions<PayDecision>> {
    const args = commands.flatMap(({ reservationId, paymentId, provider, amount, ttlSeconds }) => [
      reservationId,
      paymentId,
      provider,
      amount.value,
      amount.currency,
      ttlSeconds,
    ]);
    return this.decide(at, 'pay', args, (raw): PayDecision => {
      const [kind, sequence, deadlineMs] = raw;
      if (kind === 'paying') return { kind, sequence: Number(sequence), deadlineMs: Number(deadlineMs) };
      return kind === 'payment-ended' ? { kind, sequence: Number(sequence) } : notDone(raw);
    });
  }

  fail(at: PartitionEpoch, commands: readonly FailCommand[]): Promise<Decisions<FailDecision>> {
    const args = commands.flatMap(({ reservationId, paymentId }) => [reservationId, paymentId]);
    return this.decide(at, 'fail', args, (raw) =>
      raw[0] === 'held' ? { kind: 'held', sequence: Number(raw[1]) } : endedDecision(raw),
    );
  }

  reacquire(
    at: PartitionEpoch,
    commands: readonly ReacquireCommand[],
  ): Promise<Decisions<ReacquireDecision>> {
    const args = commands.flatMap((command) => [
      command.reservationId,
      command.paymentId,
      command.whole ? '1' : '',
      command.buyerId,
      ...lineArguments(command.lines),
    ]);
    return this.decide(at, 'reacquire', args, ([kind, sequence]) => ({
      kind: kind as ReacquireDecision['kind'],
      sequence: Number(sequence),
    }));
  }

  cancel(at: PartitionEpoch, commands: readonly CancelCommand[]): Promise<Decisions<CancelDecision>> {
    const args = commands.flatMap((command) => [
      command.reservationId,
      command.buyerId,
      ...lineArguments(command.lines),
    ]);
    return this.decide(at, 'cancel', args, ([, sequence]) => ({
      kind: 'cancelled',
      sequence: Number(sequence),
    }));
  }

  adjust(at: PartitionEpoch, commands: readonly AdjustCommand[]): Promise<Decisions<AdjustDecision>> {
    const args = commands.flatMap((command) => [
      command.operationId,
      command.sku,
      command.delta,
      command.expectedVersion ?? '',
      command.reason,
    ]);
    return this.decide(at, 'adjust', args, (raw, index) => adjustDecision(raw, commands[index]!.sku));
  }

  put(at: PartitionEpoch, commands: readonly PutCommand[]): Promise<Decisions<PutDecision>> {
    const args = commands.flatMap((command) => [
      command.sku,
      command.onHand,
      command.buyerLimit === null ? '-' : (command.buyerLimit ?? ''),
      command.holdTtlSeconds ?? '',
      limits.holdTtlSecondsDefault,
    ]);
    return this.decide(at, 'put', args, ([kind, sequence, level], index) => ({
      kind: kind as PutDecision['kind'],
      sequence: Number(sequence),
      level: decodeLevel(commands[index]!.sku, String(level)),
    }));
  }

  async expire(at: PartitionEpoch, limit: number): Promise<ExpireResult> {
    const reply = await this.decided<RawReply<readonly [due: number, parts: string[]]>>(at, 'expire', [
      limit,
    ]);
    const [due, parts] = reply[3];
    return { entries: entriesOf(at, reply), more: due >= limit || parts.length >= limit, parts };
  }

  async levels(at: PartitionEpoch, skus: readonly string[]): ReturnType<StockStore['levels']> {
    const reply = await this.decided<RawReply<string[]>>(at, 'levels', skus, 'read');
    const levels = reply[3].flatMap((text, index) => (text ? [decodeLevel(skus[index]!, text)] : []));
    return { sequence: reply[1], levels };
  }

  async holdings(partition: number, holders: readonly Holder[]): Promise<readonly (string | null)[]> {
    if (holders.length === 0) return [];
    const buyers = this.keysOf(partition)[keyNames.indexOf('buyers')]!;
    const names = holders.map(({ sku, buyerId }) => `${sku} ${buyerId}`);
    return (await this.guard(() => this.redis.hmget(buyers, ...names))).map(decodeHolding);
  }

  async state(partition: number): Promise<PartitionState> {
    type Numbers = [number, number, number, number, number];
    type Reply = [...Numbers, incarnation: string, filled: number, forgotten: number];
    const reply = await this.call<Reply>({ partition, epoch: 1 }, 'state', [], 'read');
    const [nowMs, epoch, sequence, holds, restored, incarnation, filled, forgotten] = reply;
    return { nowMs, epoch, sequence, holds, restored, incarnation, filled, forgotten };
  }

  async hasRoom(partition: number): Promise<boolean> {
    try {
      await this.call({ partition, epoch: 1 }, 'room', []);
      return true;
    } catch (error) {
      if (error instanceof NoRoomError) return false;
      throw error;
    }
  }

  expectTime(partition: number, window: Window): void {
    this.clockOf(partition).told(window, this.clock.monotonicMs());
  }

  async readJournal(at: PartitionEpoch, after: number, limit: number): Promise<readonly JournalEntry[]> {
    const key = this.keysOf(at.partition).at(-1)!;
    const to = `${at.epoch}-${limits.unitsMax}`;
    const entries: JournalEntry[] = [];
    // A record has one entry or as many as a call: few are asked for first, and more when they were small.
    for (let count = Math.ceil(limit / entriesOfRecord), from = after + 1; ; count *= 2) {
      const records = await this.guard(() =>
        this.redis.xrange(key, `${at.epoch}-${from}`, to, 'COUNT', count),
      );
      for (const [id, fields] of records) {
        from = Number(id.split('-')[1]) + 1;
        entries.push(...decodeRecord(at, from - 1, fields));
      }
      if (records.length < count || entries.length > limit + entriesOfRecord) break;
    }
    return entries.filter(({ sequence }) => sequence > after).slice(0, limit);
  }

  async tidy(
    at: PartitionEpoch,
    { drained, retentionMs }: { drained: number; retentionMs: number },
  ): Promise<{ readonly more: boolean }> {
    const { decisions } = await this.decide(at, 'tidy', [drained, retentionMs, forgottenMax], Number);
    return { more: decisions[0] === forgottenMax };
  }

  async restore(at: RestoreAttempt, records: AsyncIterable<readonly PartitionRecord[]>): Promise<string> {
    const loaded = { level: 0, hold: 0, buyer: 0 };
    await this.call(at, 'restore', [at.attempt, 'open']);
    for await (const chunk of records) {
      for (const { kind } of chunk) loaded[kind] += 1;
      await this.call(at, 'restore', [at.attempt, 'load', ...encodeRestored(at, chunk)]);
    }
    return this.call(at, 'restore', [at.attempt, 'ready', loaded.level, loaded.hold, loaded.buyer]);
  }

  keep(at: RestoreAttempt, from: PartitionEpoch & { readonly sequence: number }): Promise<string> {
    return this.call(at, 'restore', [at.attempt, 'keep', from.epoch, from.sequence]);
  }

  async admit(partition: number, { epoch, incarnation }: Admission): Promise<void> {
    await this.call({ partition, epoch }, 'restore', [noAttempt, 'admit', incarnation]);
  }

  private async decide<Decision>(
    at: PartitionEpoch,
    name: string,
    args: readonly Argument[],
    decode: (raw: RawDecision, index: number) => Decision,
    entries = (reply: RawReply<unknown>, _decisions: RawDecision[]) => entriesOf(at, reply),
  ): Promise<Decisions<Decision>> {
    const reply = await this.decided<RawReply<RawDecision[] | string>>(at, name, args);
    const raw = reply[3];
    const decisions = typeof raw === 'string' ? (JSON.parse(raw) as RawDecision[]) : raw;
    return {
      nowMs: reply[0],
      entries: entries(reply, decisions),
      decisions: decisions.map(decode),
      seen: decodeSeen(reply[4]),
      incarnation: reply[5],
    };
  }

  /** Calls a function that goes by the partition's clock, with what this process expects it to be. */
  private async decided<Reply extends RawReply<unknown>>(
    at: PartitionEpoch,
    name: string,
    args: readonly Argument[],
    mode: 'write' | 'read' = 'write',
  ): Promise<Reply> {
    const clock = this.clockOf(at.partition);
    const sentMs = this.clock.monotonicMs();
    const expected = clock.expected(sentMs);
    try {
      const reply = await this.call<Reply>(at, name, args, mode, [
        expected?.fromMs ?? '',
        expected?.toMs ?? '',
      ]);
      clock.saw({ nowMs: reply[0], skewMs: reply[6], sentMs, receivedMs: this.clock.monotonicMs() });
      return reply;
    } catch (error) {
      if (error instanceof UnavailableError && error.cause instanceof Error)
        await this.mendClock(at, error.cause.message, sentMs);
      throw error;
    }
  }

  /** Nothing was decided, because the clock is not where it should be: sets it right, or believes it from now on. */
  private async mendClock(at: PartitionEpoch, message: string, sentMs: number): Promise<void> {
    const complaint = complaintIn(message);
    if (!complaint) return;
    const clock = this.clockOf(at.partition);
    const reading = { ...complaint, sentMs, receivedMs: this.clock.monotonicMs() };
    const skewMs = clock.correction(reading);
    if (skewMs === null) return clock.saw(reading);
    const jumpedMs = reading.skewMs - skewMs;
    this.report("the clock of Redis was set; the partition's goes on as before", { ...at, jumpedMs });
    await this.call(at, 'clock', [reading.skewMs, skewMs]);
    clock.saw({ ...reading, nowMs: reading.nowMs - jumpedMs, skewMs });
  }

  private clockOf(partition: number): PartitionClock {
    let clock = this.clocks.get(partition);
    if (!clock) this.clocks.set(partition, (clock = new PartitionClock()));
    return clock;
  }

  /** Calls a function; when Redis does not know it (a fresh node, another master), brings it there and calls again. */
  private async call<Reply>(
    at: PartitionEpoch,
    name: string,
    args: readonly Argument[],
    mode: 'write' | 'read' = 'write',
    expected: readonly [from: Argument, to: Argument] = ['', ''],
  ): Promise<Reply> {
    const keys = this.keysOf(at.partition);
    const send = (): Promise<unknown> => {
      const rest = [this.library.nameOf(name), keys.length, ...keys, at.epoch, ...expected, ...args] as const;
      return mode === 'write' ? this.redis.fcall(...rest) : this.redis.fcall_ro(...rest);
    };
    return this.guard(async () => {
      try {
        return (await send()) as Reply;
      } catch (error) {
        if (!isReply(error, 'ERR Function not found')) throw error;
        await this.load();
        return (await send()) as Reply;
      }
    });
  }

  private async guard<Reply>(send: () => Promise<Reply>): Promise<Reply> {
    try {
      return await send();
    } catch (error) {
      throw translateRedisError(error);
    }
  }

  private keysOf(partition: number): string[] {
    let keys = this.keys.get(partition);
    if (!keys) {
      keys = keyNames.map((name) => `${this.keyPrefix}:{${partition}}:${name}`);
      this.keys.set(partition, keys);
    }
    return keys;
  }
}

function lineArguments(lines: HoldCommand['lines']): Argument[] {
  return [lines.length, ...lines.flatMap(({ sku, quantity }) => [sku, quantity])];
}

function entriesOf(at: PartitionEpoch, reply: RawReply<unknown>): JournalEntry[] {
  return (JSON.parse(reply[2]) as string[][]).map((fields, index) =>
    decodeEntry(at, reply[1] + 1 + index, fields),
  );
}

/** The facts of a complaint: the partition's time, its skew, and a time that it has had. */
function complaintIn(message: string): Pick<ClockComplaint, 'nowMs' | 'skewMs' | 'livedMs'> | undefined {
  const facts = /^HFCLOCK (\d+) (-?\d+) (\d+)/.exec(message);
  return facts ? { nowMs: Number(facts[1]), skewMs: Number(facts[2]), livedMs: Number(facts[3]) } : undefined;
}
