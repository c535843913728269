/** The stock store in memory: the model of the Redis functions behind the same interface. For specs and simulation. */
import { UnavailableError, type PartitionRecord } from '#domain';
import type {
  Admission,
  Decisions,
  ExpireResult,
  Holder,
  PartitionEpoch,
  PartitionState,
  RestoreAttempt,
  StockStore,
} from '../stock-store.js';
import { expiredAtOnceMax, PartitionModel } from './partition-model.js';

export class InMemoryStockStore implements StockStore {
  private readonly partitions = new Map<number, PartitionModel>();
  /** The attempts at filling a partition that are under way: the last of each. */
  private readonly restoring = new Map<number, RestoreAttempt>();
  /** Ready for another epoch and not admitted. */
  private readonly restored = new Map<number, PartitionModel>();
  private incarnation = 1;

  constructor(private readonly nowMs: () => number) {}

  reserve: StockStore['reserve'] = (at, commands) =>
    this.decide(at, commands, (partition, command) => partition.reserve(command), expiredAtOnceMax);
  extend: StockStore['extend'] = (at, commands) =>
    this.decide(at, commands, (partition, command) => partition.extend(command));
  release: StockStore['release'] = (at, commands) =>
    this.decide(at, commands, (partition, command) => partition.release(command));
  confirm: StockStore['confirm'] = (at, commands) =>
    this.decide(at, commands, (partition, command) => partition.confirm(command));
  pay: StockStore['pay'] = (at, commands) =>
    this.decide(at, commands, (partition, command) => partition.pay(command));
  fail: StockStore['fail'] = (at, commands) =>
    this.decide(at, commands, (partition, command) => partition.fail(command));
  reacquire: StockStore['reacquire'] = (at, commands) =>
    this.decide(at, commands, (partition, command) => partition.reacquire(command), expiredAtOnceMax);
  cancel: StockStore['cancel'] = (at, commands) =>
    this.decide(at, commands, (partition, command) => partition.cancel(command));
  adjust: StockStore['adjust'] = (at, commands) =>
    this.decide(at, commands, (partition, command) => partition.adjust(command), expiredAtOnceMax);
  put: StockStore['put'] = (at, commands) =>
    this.decide(at, commands, (partition, command) => partition.put(command));

  async expire(at: PartitionEpoch, limit: number): Promise<ExpireResult> {
    const partition = this.open(at);
    const before = partition.sequence;
    const due = partition.expireDue(limit);
    const parts = partition.dueParts(limit);
    return { entries: partition.entriesAfter(before), more: due >= limit || parts.length >= limit, parts };
  }

  async levels(at: PartitionEpoch, skus: readonly string[]): ReturnType<StockStore['levels']> {
    const partition = this.open(at);
    return { sequence: partition.sequence, levels: partition.levelsOf(skus) };
  }

  async holdings(partition: number, holders: readonly Holder[]): Promise<readonly (string | null)[]> {
    const model = this.partitions.get(partition);
    return holders.map(({ sku, buyerId }) => model?.shelf.buyerOf(sku, buyerId).reservationId ?? null);
  }

  async state(partition: number): Promise<PartitionState> {
    const model = this.partitions.get(partition);
    return {
      nowMs: this.nowMs(),
      epoch: model?.epoch ?? 0,
      sequence: model?.sequence ?? 0,
      holds: model?.liveHolds ?? 0,
      restored: this.restored.get(partition)?.epoch ?? 0,
      incarnation: String(this.incarnation),
      filled: (model ?? this.restored.get(partition))?.filled ?? 0,
      forgotten: (model?.entriesAfter(0, 1)[0]?.sequence ?? 1) - 1,
    };
  }

  /** As much as there is memory. */
  async hasRoom(): Promise<boolean> {
    return true;
  }

  /** Its clock is nobody's to set. */
  expectTime(): void {}

  async readJournal(at: PartitionEpoch, after: number, limit: number): ReturnType<StockStore['readJournal']> {
    const model = this.partitions.get(at.partition);
    return model?.epoch === at.epoch ? model.entriesAfter(after, limit) : [];
  }

  async tidy(
    at: PartitionEpoch,
    options: { drained: number; retentionMs: number },
  ): Promise<{ readonly more: boolean }> {
    this.open(at).tidy(options.drained, options.retentionMs);
    return { more: false };
  }

  async restore(at: RestoreAttempt, records: AsyncIterable<readonly PartitionRecord[]>): Promise<string> {
    const { partition, epoch } = at;
    const known = [this.partitions, this.restoring, this.restored];
    if (known.some((epochs) => (epochs.get(partition)?.epoch ?? 0) > epoch))
      throw notReady('the partition has seen a later epoch');
    for (const epochs of known) epochs.delete(partition);
    this.restoring.set(partition, at);
    const model = new PartitionModel(partition, epoch, this.nowMs);
    for await (const chunk of records) for (const record of chunk) model.restore(record);
    if (this.restoring.get(partition) !== at) throw notReady('another rebuild has taken over');
    this.restoring.delete(partition);
    this.restored.set(partition, model);
    return String(this.incarnation);
  }

  async keep(at: RestoreAttempt, from: PartitionEpoch & { readonly sequence: number }): Promise<string> {
    const model = this.partitions.get(at.partition);
    if (model?.epoch !== from.epoch || model.sequence !== from.sequence)
      throw notReady('the partition is not where the ledger is');
    this.partitions.delete(at.partition);
    model.begin(at.epoch);
    this.restored.set(at.partition, model);
    return String(this.incarnation);
  }

  async admit(partition: number, { epoch, incarnation }: Admission): Promise<void> {
    if (incarnation !== String(this.incarnation))
      throw notReady('this is not the memory that was made ready');
    if (this.partitions.get(partition)?.epoch === epoch) return;
    const restored = this.restored.get(partition);
    if (restored?.epoch !== epoch) throw notReady('another rebuild has taken over');
    this.restored.delete(partition);
    this.partitions.set(partition, restored);
  }

  /** Loses everything, as a Redis that was replaced by an empty one. */
  flush(): void {
    this.partitions.clear();
    this.restoring.clear();
    this.restored.clear();
    this.incarnation += 1;
  }

  private async decide<Command, Decision>(
    at: PartitionEpoch,
    commands: readonly Command[],
    one: (partition: PartitionModel, command: Command) => Decision,
    expireFirst = 0,
  ): Promise<Decisions<Decision>> {
    const partition = this.open(at);
    const before = partition.sequence;
    if (expireFirst > 0) partition.expireDue(expireFirst);
    const decisions = commands.map((command) => one(partition, command));
    return {
      decisions,
      entries: partition.entriesAfter(before),
      nowMs: this.nowMs(),
      seen: [],
      incarnation: String(this.incarnation),
    };
  }

  private open(at: PartitionEpoch): PartitionModel {
    const partition = this.partitions.get(at.partition);
    if (partition?.epoch !== at.epoch)
      throw notReady(`the partition is in epoch ${partition?.epoch ?? 'none'}`);
    return partition;
  }
}

function notReady(message: string): UnavailableError {
  return new UnavailableError('stock-not-ready', message, false);
}
