/**
 * The stock cache: refuses in this process what Redis would refuse, so that a sold-out crowd costs no network. It may
 * say "no", never "yes".
 *
 * Taking units is the explicit load, then conditional store (stock-cells.ts): `load` the units left, refuse when there
 * are none, else `compareAndSwap` them away and go on to Redis, whose answer sets the cell right again. A plain store
 * after the load would let two callers take the same last unit. A buyer whom Redis may refuse for more than a lack of units
 * takes none: others would be told "sold out" of what is still there.
 *
 * Its refusals are Redis's own order of refusals: "sold out" only for a buyer who is known to have nothing of the SKU,
 * or it would have to be "duplicate". So a SKU that has sold out gets a complete list of who has units of it, from
 * the ledger and kept current by the news; until it is complete, or when it would be too long, Redis is asked.
 *
 * What it knows is as old as the news, some milliseconds. Levels carry an epoch and a version, so that older news
 * never overwrites newer. When the news breaks off, everything is forgotten.
 */
import { ConcurrentMap } from '#concurrent-map';
import type { JournalEntry } from '#domain';
import { partitionOf } from '../partitions.js';
import type { Holder, SeenLevel, StockNews } from '../stock-store.js';
import { type LiveHold, LiveHolds } from './live-holds.js';
import { SkuBuyers } from './sku-buyers.js';
import { type Stamp, stampOf, type StockCells } from './stock-cells.js';

export type CachedRefusal =
  | { readonly kind: 'sold-out'; readonly sku: string; readonly available: 0 }
  | { readonly kind: 'duplicate-reservation'; readonly sku: string; readonly reservationId: string };

export type StockCacheOptions = {
  /** The units left, which all threads of the process share; everything else a thread learns for itself. */
  readonly cells: StockCells;
  readonly partitionCount: number;
  /** The clock that deadlines are compared with; being wrong by a little costs a question to Redis. */
  readonly nowMs: () => number;
  /**
   * Everybody who has units of a SKU, as the ledger will have it once it has what was decided up to now; at most
   * `limit` of them.
   */
  readonly buyersOf: (sku: string, limit: number) => Promise<readonly string[]>;
};

type Line = { readonly sku: string; readonly quantity: number };
type Known = {
  readonly epoch: number;
  readonly version: number;
  readonly stamp: Stamp;
  readonly buyerLimit: number | null;
};

/** SKUs whose buyers are known, and buyers of each: beyond, Redis answers. */
const soldOutSkusMax = 1_000;
const buyersMax = 100_000;
/** Holds that refuse somebody between two looks at them: beyond, Redis answers. */
const refusingHoldsMax = 10_000;

export class StockCache {
  private readonly known = new ConcurrentMap<string, Known>();
  private readonly buyers = new Map<string, SkuBuyers>();
  private readonly holds = new LiveHolds();
  /** SKUs that were sold out, and holds that were in the way, in refusals since the last `takeRefused`. */
  private soldOut = new Set<string>();
  private refusing = new Map<string, Holder>();
  /** The last news of each partition. */
  private readonly lastNews = new Map<number, { readonly epoch: number; readonly sequence: number }>();
  private live = false;

  constructor(private readonly options: StockCacheOptions) {}

  /** The news flows: what is learned from now on stays true. */
  open(): void {
    this.forget();
    this.live = true;
  }

  /** The news has broken off: nothing is refused until it flows again. */
  close(): void {
    this.live = false;
    this.forget();
  }

  /** Nothing that is known can be relied on: the store begins a new epoch. */
  forget(): void {
    this.options.cells.clear();
    this.known.clear();
    this.buyers.clear();
    this.holds.clear();
  }

  /** What Redis would refuse for certain; undefined: ask it. Looks at carts of one line. */
  refuse(buyerId: string, lines: readonly Line[]): CachedRefusal | undefined {
    const [line, ...more] = lines;
    if (!this.live || !line || more.length > 0) return undefined;
    const { sku } = line;
    const hold = this.holds.find(sku, buyerId);
    if (hold && hold.expiresAtMs > this.options.nowMs()) {
      if (!this.willBeLookedAt(sku, buyerId)) return undefined;
      return { kind: 'duplicate-reservation', sku, reservationId: hold.reservationId };
    }
    const known = this.known.load(sku);
    // A cell that another thread has brought further speaks of buyers that this one has not heard of yet.
    if (!known || this.options.cells.unitsAt(sku, known.stamp) !== 0) return undefined;
    if (!this.mayHave(buyerId, line)) return undefined;
    this.soldOut.add(sku);
    return { kind: 'sold-out', sku, available: 0 };
  }

  /**
   * Takes units that a request is about to ask Redis for, where they are known to be left. What is taken refuses others, so
   * nothing is for whom Redis may refuse all the same. Looks at carts of one line.
   */
  take(buyerId: string, lines: readonly Line[]): boolean {
    const [line, ...more] = lines;
    if (!line || more.length > 0 || !this.mayHave(buyerId, line)) return false;
    return this.options.cells.take(line.sku, line.quantity);
  }

  /** Gives back what was taken when Redis did not say what became of it; where it did, its level says more. */
  giveBack(lines: readonly Line[]): void {
    for (const { sku, quantity } of lines) this.options.cells.giveBack(sku, quantity);
  }

  /**
   * A decision of our own: the levels it saw, and the holds it made and ended. Before anybody is answered. The news may have been
   * faster: a hold that it has told of may have ended since.
   */
  decided(epoch: number, entries: readonly JournalEntry[], seen: readonly SeenLevel[]): void {
    const [first] = entries;
    const heardUpTo = first ? this.heardUpTo(first.partition, epoch) : 0;
    for (const entry of entries) this.learnEntry(entry, heardUpTo);
    for (const level of seen) this.learnLevel(epoch, level);
  }

  /** What any instance has decided. */
  heard(news: StockNews): void {
    const { epoch, sequence } = news;
    const of = news.levels[0] ?? news.buyers[0];
    if (!of) return;
    const partition = partitionOf(of.sku, this.options.partitionCount);
    if (sequence <= this.heardUpTo(partition, epoch)) return;
    this.lastNews.set(partition, { epoch, sequence });
    for (const { sku, buyerId, hold, units } of news.buyers) {
      if (hold) this.remember(sku, buyerId, { ...hold, sequence });
      else this.holds.remove(sku, buyerId, sequence);
      this.buyers.get(sku)?.heard(buyerId, units, sequence);
    }
    for (const level of news.levels) this.learnLevel(epoch, level);
  }

  /** What refusals since the last call rest on: worth asking Redis for, in case that news was lost. */
  takeRefused(): { readonly soldOut: readonly string[]; readonly refusing: readonly Holder[] } {
    const refused = { soldOut: [...this.soldOut], refusing: [...this.refusing.values()] };
    this.soldOut = new Set();
    this.refusing = new Map();
    return refused;
  }

  /** By which reservation the store says that they hold it. If by another than is known, Redis is asked from now on. */
  learnHolding({ sku, buyerId }: Holder, reservationId: string | null): void {
    const hold = this.holds.find(sku, buyerId);
    if (hold && hold.reservationId !== reservationId) this.holds.remove(sku, buyerId, hold.sequence);
  }

  /** A level as the store gave it; older ones change nothing. */
  learnLevel(epoch: number, { sku, available, version, buyerLimit }: SeenLevel): void {
    const known = this.known.load(sku);
    if (known && (epoch < known.epoch || (epoch === known.epoch && version < known.version))) return;
    const stamp = stampOf(epoch, version);
    // One SKU too many: Redis answers for it.
    if (!this.options.cells.learn(sku, stamp, available)) return;
    this.known.store(sku, { epoch, version, stamp, buyerLimit });
    if (available === 0) this.learnBuyers(sku);
  }

  /**
   * The sequence of the last news in this epoch; of an epoch that is over, nothing counts any more. When a later one begins, nothing
   * that is known does: its sequences may begin anew.
   */
  private heardUpTo(partition: number, epoch: number): number {
    const last = this.lastNews.get(partition);
    if (last?.epoch === epoch) return last.sequence;
    if (last && epoch < last.epoch) return Infinity;
    if (last) this.forget();
    this.lastNews.set(partition, { epoch, sequence: 0 });
    return 0;
  }

  /** Whether nothing but a lack of units is in the way: the buyer is known to have none, and wants no more than one may have. */
  private mayHave(buyerId: string, { sku, quantity }: Line): boolean {
    const buyerLimit = this.known.load(sku)?.buyerLimit ?? null;
    if (buyerLimit !== null && quantity > buyerLimit) return false;
    return this.buyers.get(sku)?.hasNothing(buyerId) ?? false;
  }

  private learnEntry(entry: JournalEntry, heardUpTo: number): void {
    if (entry.kind === 'held') {
      const { reservationId, buyerId, expiresAtMs, sequence } = entry;
      for (const { sku, quantity } of entry.lines) {
        if (sequence > heardUpTo) this.remember(sku, buyerId, { reservationId, expiresAtMs, sequence });
        this.buyers.get(sku)?.heard(buyerId, quantity, sequence);
      }
    } else if ('buyerId' in entry) {
      for (const { sku } of entry.lines) this.holds.remove(sku, entry.buyerId, entry.sequence);
    }
  }

  private remember(sku: string, buyerId: string, hold: LiveHold): void {
    if (this.live) this.holds.put(sku, buyerId, hold);
  }

  private willBeLookedAt(sku: string, buyerId: string): boolean {
    const name = `${sku} ${buyerId}`;
    if (this.refusing.has(name)) return true;
    if (this.refusing.size >= refusingHoldsMax) return false;
    this.refusing.set(name, { sku, buyerId });
    return true;
  }

  /** From now on the news adds to the list; the ledger brings what was decided before. */
  private learnBuyers(sku: string): void {
    if (!this.live || this.buyers.has(sku) || this.buyers.size >= soldOutSkusMax) return;
    const buyers = new SkuBuyers(buyersMax);
    this.buyers.set(sku, buyers);
    this.options.buyersOf(sku, buyersMax + 1).then(
      (names) => buyers.complete(names),
      // The ledger could not be asked: the next sold-out answer of Redis tries again.
      () => this.buyers.get(sku) === buyers && this.buyers.delete(sku),
    );
  }
}
