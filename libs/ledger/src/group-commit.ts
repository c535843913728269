/**
 * Group commit: everything that waits when a transaction ends goes into the next one. Callers offer journal entries
 * as the store decides them, and wait for the position that their answer rests on.
 *
 * The journal of a partition is committed in order. When another process is ahead of us with earlier entries, or
 * died before committing them, they are read from the store's own journal and committed here: whoever comes first
 * helps, and a second taking is skipped by its number.
 */
import { InvariantError, UnavailableError, type JournalEntry, type JournalPosition } from '#domain';
import type { Clock, Timers } from '#platform';
import type { EarlierAnswer, KeptAnswer, LedgerWriter, Receipt } from './ledger-writer.js';

export type CommitRequest = {
  /** The last position the answer rests on, per partition; none for a refusal. */
  readonly requires: readonly JournalPosition[];
  readonly receipt: Receipt | null;
};

/** What the key of the receipt had been answered with by another attempt; null: it belongs to another request. */
export type AnsweredBefore = { readonly by: KeptAnswer | null };

type Waiting = CommitRequest & {
  readonly deadlineMs: number;
  /** It was sent before, and nobody saw whether it was committed. */
  maybeDone: boolean;
  readonly resolve: (before: AnsweredBefore | undefined) => void;
  readonly reject: (error: unknown) => void;
};

export type JournalReader = (
  at: { readonly partition: number; readonly epoch: number },
  after: number,
  limit: number,
) => Promise<readonly JournalEntry[]>;

export type GroupCommitOptions = {
  readonly writer: LedgerWriter;
  readonly readJournal: JournalReader;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Pick<Timers, 'endOfTurn' | 'sleep'>;
  /** Told when a partition's journal and the ledger disagree: it must be rebuilt before it decides again. */
  readonly onBroken: (partition: number, reason: string) => void;
};

/** Entries in one transaction. */
const entriesMax = 1_024;
/** Entries kept per partition while the ledger is behind. */
const offeredMax = 50_000;
/** Callers that wait at once; beyond, they are refused. */
const waitingMax = 20_000;
/** How long a caller waits for its commit before it is told that the outcome is unknown. */
const patienceMs = 5_000;
/** How long to wait before a failed transaction is tried again. */
const retryMs = 100;

export class GroupCommit {
  /** By partition; what is committed leaves an empty list, because a map that loses its keys makes garbage live on. */
  private readonly offered = new Map<number, JournalEntry[]>();
  private waiting: Waiting[] = [];
  private running: Promise<void> | null = null;
  private scheduled = false;
  private closed = false;

  constructor(private readonly options: GroupCommitOptions) {}

  /** Entries as the store decided them; they are committed soon, whether or not somebody waits for them. */
  offer(entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      const journal = this.offered.get(entry.partition);
      // What does not fit is safe in the store's journal, and read from there when its turn comes.
      if (journal && journal.length >= offeredMax) continue;
      if (journal) journal.push(entry);
      else this.offered.set(entry.partition, [entry]);
    }
    if (entries.length > 0) this.schedule();
  }

  /**
   * Settles once the ledger has the required positions and the receipt, in one transaction, or had an answer for the
   * receipt's key before, which is given then. Throws `UnavailableError` when that was not seen in time, or cannot be: the outcome may be unknown.
   */
  commit(request: CommitRequest): Promise<AnsweredBefore | undefined> {
    if (this.closed) return Promise.reject(unavailable('the service is shutting down'));
    if (this.waiting.length >= waitingMax) {
      return Promise.reject(new UnavailableError('overloaded', 'too many commits are waiting', true));
    }
    return new Promise((resolve, reject) => {
      const deadlineMs = this.options.clock.monotonicMs() + patienceMs;
      this.waiting.push({ ...request, deadlineMs, maybeDone: false, resolve, reject });
      this.schedule();
    });
  }

  /** Commits what is there, then takes no more. */
  async close(): Promise<void> {
    this.closed = true;
    while (this.running || this.scheduled) {
      await (this.running ?? this.options.timers.sleep(1));
    }
  }

  private schedule(): void {
    if (this.scheduled || this.running) return;
    this.scheduled = true;
    this.options.timers.endOfTurn(() => {
      this.scheduled = false;
      this.running = this.run().finally(() => {
        this.running = null;
        if (this.busy()) this.schedule();
      });
    });
  }

  private busy(): boolean {
    return this.waiting.length > 0 || [...this.offered.values()].some((journal) => journal.length > 0);
  }

  private async run(): Promise<void> {
    while (this.busy()) {
      const batch = this.nextBatch();
      try {
        await this.commitBatch(batch);
      } catch (error) {
        this.giveUp(batch, error);
        await this.options.timers.sleep(retryMs);
      }
    }
  }

  /** The next entries of every journal, and the callers whose positions they reach. */
  private nextBatch(): { entries: JournalEntry[]; waiting: Waiting[] } {
    const entries: JournalEntry[] = [];
    const reached = new Map<number, JournalEntry>();
    for (const [partition, journal] of this.offered) {
      journal.sort((left, right) => left.epoch - right.epoch || left.sequence - right.sequence);
      const chunk = journal.slice(0, entriesMax);
      entries.push(...chunk);
      if (journal.length > entriesMax) reached.set(partition, chunk.at(-1)!);
    }
    const within = ({ partition, epoch, sequence }: JournalPosition): boolean => {
      const last = reached.get(partition);
      return !last || epoch < last.epoch || (epoch === last.epoch && sequence <= last.sequence);
    };
    const waiting = this.waiting.filter(({ requires }) => requires.every(within));
    return { entries: dedupe(entries), waiting };
  }

  private async commitBatch(batch: { entries: JournalEntry[]; waiting: Waiting[] }): Promise<void> {
    const { writer } = this.options;
    const requires = batch.waiting.flatMap((caller) => caller.requires);
    const receipts = batch.waiting.flatMap(({ receipt }) => receipt ?? []);
    const result = await writer.commit({ entries: batch.entries, requires, receipts });
    switch (result.kind) {
      case 'committed':
        this.forget(batch.entries);
        this.settle(batch.waiting, resolver(result.earlier));
        return;
      case 'gap':
        return this.fillGap(result);
      case 'fenced':
        return this.drop(
          result.partition,
          unavailable('the partition has moved on to another epoch'),
          result.epoch,
        );
      case 'clash':
        this.options.onBroken(result.partition, 'the stock store went back in time');
        return this.drop(result.partition, unavailable('the stock store lost decisions'));
    }
  }

  /**
   * Brings what comes before from the store's journal. What was offered has been in that journal: if it is not any more, the
   * store has lost it since, and may have decided otherwise by now; then nobody may be told of it.
   */
  private async fillGap(gap: { partition: number; epoch: number; after: number }): Promise<void> {
    const offered = this.lastOffered(gap);
    let missing: readonly JournalEntry[];
    try {
      missing = await this.options.readJournal(gap, gap.after, entriesMax);
    } catch (error) {
      // The entries are safe in the store's journal; other partitions must not wait for it.
      return this.drop(gap.partition, unavailable('the stock store did not give its journal', error));
    }
    if (missing[0]?.sequence !== gap.after + 1) {
      this.options.onBroken(gap.partition, `the stock store lacks entry ${gap.after + 1} of its journal`);
      return this.drop(gap.partition, unavailable('the stock store lost a part of its journal'));
    }
    if (missing.length < entriesMax && missing.at(-1)!.sequence < offered) {
      this.options.onBroken(gap.partition, `the stock store has lost entry ${offered} of its journal`);
      return this.drop(gap.partition, unavailable('the stock store lost decisions'));
    }
    this.offer(missing);
  }

  private lastOffered({ partition, epoch }: { partition: number; epoch: number }): number {
    const journal = this.offered.get(partition) ?? [];
    return Math.max(0, ...journal.filter((entry) => entry.epoch === epoch).map(({ sequence }) => sequence));
  }

  /**
   * A transaction failed. Callers whose time is up are told that the outcome is unknown; the entries stay and are
   * tried again. What the ledger refuses as wrong breaks its partitions, and nobody is told that it was done: whoever
   * comes again finds what the ledger has, and a store that agrees with it.
   */
  private giveUp(batch: { entries: JournalEntry[]; waiting: Waiting[] }, error: unknown): void {
    if (error instanceof InvariantError) {
      for (const partition of new Set(batch.entries.map((entry) => entry.partition))) {
        this.options.onBroken(partition, error.message);
        this.offered.set(partition, []);
      }
      const refused = new UnavailableError('stock-not-ready', 'the ledger refuses what Redis decided', true, {
        cause: error,
      });
      this.settle(batch.waiting, (caller) => caller.reject(refused));
      return;
    }
    for (const caller of batch.waiting) caller.maybeDone = true;
    const now = this.options.clock.monotonicMs();
    const late = this.waiting.filter((caller) => this.closed || caller.deadlineMs <= now);
    this.settle(late, (caller) => caller.reject(unavailable('the ledger did not commit in time', error)));
    if (this.closed) this.offered.clear();
  }

  /** Lets go of a partition's entries, but for those of the epoch that is in force. */
  private drop(partition: number, error: UnavailableError, epochInForce = -1): void {
    const gone = (entry: JournalPosition): boolean =>
      entry.partition === partition && entry.epoch !== epochInForce;
    this.offered.set(
      partition,
      (this.offered.get(partition) ?? []).filter((entry) => !gone(entry)),
    );
    const hit = this.waiting.filter(({ requires }) => requires.some(gone));
    this.settle(hit, (caller) => caller.reject(error));
  }

  private forget(committed: readonly JournalEntry[]): void {
    const last = new Map<number, JournalEntry>();
    for (const entry of committed) last.set(entry.partition, entry);
    for (const [partition, { epoch, sequence }] of last) {
      const rest = this.offered
        .get(partition)!
        .filter((entry) => entry.epoch > epoch || (entry.epoch === epoch && entry.sequence > sequence));
      this.offered.set(partition, rest);
    }
  }

  private settle(callers: readonly Waiting[], call: (caller: Waiting) => void): void {
    const settled = new Set(callers);
    this.waiting = this.waiting.filter((caller) => !settled.has(caller));
    for (const caller of callers) call(caller);
  }
}

function resolver(earlier: readonly EarlierAnswer[]): (caller: Waiting) => void {
  if (earlier.length === 0) return (caller) => caller.resolve(undefined);
  const byReceipt = new Map(earlier.map(({ receipt, answer }) => [receipt, { by: answer }]));
  return ({ receipt, maybeDone, resolve }) => {
    const before = receipt ? byReceipt.get(receipt) : undefined;
    // The same answer is ours, for all that anybody knows.
    const isOurs = maybeDone && before?.by?.status === receipt?.status && before?.by?.body === receipt?.body;
    resolve(isOurs ? undefined : before);
  };
}

/** Sorted entries without repetition: a gap filled by help may bring what was offered here as well. */
function dedupe(entries: readonly JournalEntry[]): JournalEntry[] {
  return entries.filter((entry, index) => {
    const before = entries[index - 1];
    return (
      before?.partition !== entry.partition ||
      before.epoch !== entry.epoch ||
      before.sequence !== entry.sequence
    );
  });
}

function unavailable(message: string, cause?: unknown): UnavailableError {
  return new UnavailableError('ledger-unavailable', message, true, { cause });
}
