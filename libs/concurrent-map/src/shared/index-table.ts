/**
 * The index: open addressing with linear probing, from the hash of a key to the reference of its record.
 *
 * A slot is [reference, flags and six bits of the key's hash; tag], changed by one 64-bit compare-and-swap. It belongs
 * to an index only when its tag is that index's root; with any other tag it is empty, so a new index starts empty
 * without being wiped, and what a thread that slept through two eras writes into an area is empty to everyone else.
 * Under one root a slot goes
 *
 *     empty ──link──▶ reference ──relink──▶ reference of the same key        relink: the old record is expunged
 *       │                 │
 *       └──freeze──▶ FROZEN ──done──▶ FROZEN + DONE      a frozen slot keeps its reference and takes no other;
 *                                                        done: the reference is in the next index, or expunged
 *
 * While an index is frozen slot by slot, its successor takes the new keys: who finds a key's place frozen and the key
 * not there, or its record expunged, looks into the successor. Whoever links a key there has first evacuated all
 * slots in which the old index could have it, so that it is in one of the two and never in both under two records.
 *
 * Slots never become empty under their root, so a key's first empty slot is the same for all threads and two threads
 * that link one key meet there. Before a slot with a foreign tag is taken, the root is confirmed: the tag is then old.
 */
import { eraAfter, eraOf, header, indexLog2Of, limits, type Geometry } from './layout.js';
import type { SharedMemory } from './memory.js';
import { EXPUNGED, type Records } from './records.js';

const FROZEN = 1 << 24;
const DONE = 1 << 25;
const referenceMask = FROZEN - 1;
/** The other bits are of the hash: of most slots they tell without a look at the record that it is of another key. */
const hashMask = ~(FROZEN | DONE | referenceMask);
const countMask = FROZEN - 1;
/** A thread counts the slots that it takes so many at once, in a small index fewer: one for every 1,024 of its slots. */
const countBatchMax = 64;
const countBatchLog2 = 10;

/** What a probe ends at when it does not end at the key: an open slot, or one that keeps its key's place closed. */
const none = 0;
const frozen = -1;

/** What became of an attempt to link a record. */
export const linked = 0;
/** The key has a record that is not expunged. */
export const taken = 1;
/** The index is frozen or full: it has to be rebuilt first. Or it is not the current one any more. */
export const closed = 2;
export type LinkOutcome = typeof linked | typeof taken | typeof closed;

export type Tally = {
  /** Keys that are present. */
  readonly live: number;
  /** False when the index was replaced during the count. */
  readonly settled: boolean;
};

export class IndexTable {
  private readonly memory: SharedMemory;
  private readonly records: Records;
  private readonly geometry: Geometry;
  /** Slots that this thread has taken in the index {@link countedIn} and not yet counted there. */
  private uncounted = 0;
  private countedIn = 0;

  constructor(memory: SharedMemory, records: Records) {
    this.memory = memory;
    this.records = records;
    this.geometry = memory.geometry;
  }

  /** Position of a slot of the index `root`. */
  private slotAt(root: number, slot: number): number {
    const area = (eraOf(root) & 1) << this.geometry.indexLog2Max;
    return this.geometry.indexAt + (area + slot) * 2;
  }

  /** The index that is being built after the index `root`, or 0. */
  successor(root: number): number {
    const next = this.memory.read(header.next);
    return eraOf(next) === eraAfter(root) ? next : 0;
  }

  /**
   * The reference of the key's record, 0 for none. Counts only if the root is confirmed later. Where the index `root`
   * is frozen, new keys go into its successor; so it is asked there.
   */
  find(root: number, key: string, hash: number): number {
    const reference = this.probe(root, key, hash);
    if (reference === none) return 0;
    if (reference !== frozen && !this.records.isExpunged(reference)) return reference;
    const successor = this.successor(root);
    return successor === 0 ? 0 : Math.max(this.probe(successor, key, hash), 0);
  }

  /** The key's reference in this index, `none` when it ends at an open slot, `frozen` when it could go on elsewhere. */
  private probe(root: number, key: string, hash: number): number {
    const mask = (1 << indexLog2Of(root)) - 1;
    for (let step = 0; step <= mask; step++) {
      const at = this.slotAt(root, (hash + step) & mask);
      if (this.memory.read(at + 1) !== root) return none;
      const low = this.memory.read(at);
      const reference = low & referenceMask;
      if (reference === 0) return frozen;
      if (((low ^ hash) & hashMask) === 0 && this.records.holdsKey(reference, key, hash)) return reference;
    }
    return frozen;
  }

  /**
   * Publishes a written record under its key in the index `root`, the current one or its successor: in the key's first
   * empty slot or over an expunged record of the same key. Its success is the linearization point of a first insert.
   */
  link(root: number, key: string, hash: number, fresh: number): LinkOutcome {
    const { memory, records } = this;
    const entry = fresh | (hash & hashMask);
    const mask = (1 << indexLog2Of(root)) - 1;
    for (let step = 0; step <= mask;) {
      const at = this.slotAt(root, (hash + step) & mask);
      const tag = memory.read(at + 1);
      const low = memory.read(at);
      if (tag !== root) {
        if (!this.takesKeys(root)) return closed;
        if (!memory.replacePair(at, low, tag, entry, root)) continue;
        this.countUsed(root);
        return linked;
      }
      const reference = low & referenceMask;
      if (reference === 0) return closed;
      if (((low ^ hash) & hashMask) !== 0 || !records.holdsKey(reference, key, hash)) {
        step++;
        continue;
      }
      if (!records.isExpunged(reference)) return taken;
      if ((low & FROZEN) !== 0) return closed;
      if (memory.replacePair(at, low, root, entry, root)) return linked;
    }
    return closed;
  }

  /** Whether an index is the current one or its successor, so that foreign tags in its area are of earlier eras. */
  private takesKeys(index: number): boolean {
    const root = this.memory.root();
    return root === index || eraAfter(root) === eraOf(index);
  }

  /** Makes sure that a record of the index `source` is in the index `target`, once. False: `source` is over. */
  carry(source: number, target: number, reference: number): boolean {
    const { memory, records } = this;
    if (!records.carryOver(reference, source, target)) return false;
    const hash = records.hashOf(reference);
    const entry = reference | (hash & hashMask);
    const mask = (1 << indexLog2Of(target)) - 1;
    for (let step = 0; ;) {
      const at = this.slotAt(target, (hash + step) & mask);
      const tag = memory.read(at + 1);
      const low = memory.read(at);
      if (tag === target) {
        if ((low & referenceMask) === reference) return true;
        step++;
        continue;
      }
      if (memory.root() !== source) return false;
      if (!memory.replacePair(at, low, tag, entry, target)) continue;
      this.countUsed(target);
      return true;
    }
  }

  /**
   * Freezes one slot of the index `source` and brings its record into the index `target` or, if its key is absent,
   * expunges it. Any number of threads may do this at once, and any may stop in the middle. False: `source` is over.
   */
  evacuate(source: number, target: number, slot: number): boolean {
    const { memory } = this;
    const at = this.slotAt(source, slot);
    for (;;) {
      const tag = memory.read(at + 1);
      const low = memory.read(at);
      if (tag !== source) {
        if (memory.root() !== source) return false;
        if (memory.replacePair(at, low, tag, FROZEN | DONE, source)) return true;
      } else if ((low & DONE) !== 0) {
        return true;
      } else if ((low & FROZEN) === 0) {
        memory.replacePair(at, low, source, low | FROZEN, source);
      } else {
        const reference = low & referenceMask;
        const dropped = this.records.expunge(reference);
        if (!dropped && !this.carry(source, target, reference)) return false;
        if (memory.replacePair(at, low, source, low | DONE, source) && dropped)
          memory.countUnder(source, header.dropped);
      }
    }
  }

  /**
   * Evacuates the slots in which a key of this hash could be or come: from then on it cannot be linked in `source`, and
   * if it is there, it is in `target` too. False: `source` is over.
   */
  evacuateChain(source: number, target: number, hash: number): boolean {
    const mask = (1 << indexLog2Of(source)) - 1;
    for (let step = 0; step <= mask; step++) {
      const slot = (hash + step) & mask;
      if (!this.evacuate(source, target, slot)) return false;
      if ((this.memory.read(this.slotAt(source, slot)) & referenceMask) === 0) return true;
    }
    return true;
  }

  /** Calls back with every reference of the index `root`, until it is overwritten by a later one: then false. */
  eachReference(root: number, visit: (reference: number) => void): boolean {
    const { memory } = this;
    const size = 1 << indexLog2Of(root);
    for (let slot = 0; slot < size; slot++) {
      const at = this.slotAt(root, slot);
      const tag = memory.read(at + 1);
      const reference = memory.read(at) & referenceMask;
      if (tag === root) {
        if (reference !== 0) visit(reference);
      } else if (memory.root() !== root) {
        return false;
      }
    }
    return true;
  }

  /** How many of the keys in so many slots of the index `root` are present, the slots spread over it. */
  sample(root: number, slots: number): number {
    const mask = (1 << indexLog2Of(root)) - 1;
    let live = 0;
    for (let step = 0; step < slots; step++) {
      const at = this.slotAt(root, Math.imul(step, 0x9e37_79b1) & mask);
      const reference = this.memory.read(at) & referenceMask;
      if (reference === 0 || this.memory.read(at + 1) !== root) continue;
      if (this.memory.read(this.records.stateAt(reference)) > EXPUNGED) live++;
    }
    return live;
  }

  /** Counts the keys that are present, but for `except`: exact while nobody writes. */
  tally(root: number, except: string | undefined, hash: number): Tally {
    let live = 0;
    const whole = this.eachReference(root, (reference) => {
      if (Atomics.load(this.memory.words, this.records.stateAt(reference)) <= EXPUNGED) return;
      if (except === undefined || !this.records.holdsKey(reference, except, hash)) live++;
    });
    return { live, settled: whole && this.memory.root() === root };
  }

  /** How many slots of the index `root` are taken: a hint, short by up to a batch for each thread. */
  used(root: number): number {
    const word = this.memory.read(header.used);
    return word >>> 24 === (eraOf(root) & 0xff) ? word & countMask : 0;
  }

  isCrowded(root: number): boolean {
    const indexLog2 = indexLog2Of(root);
    return indexLog2 < this.geometry.indexLog2Max && this.used(root) >= limits.loadMax * (1 << indexLog2);
  }

  /**
   * Whether it is time to bring back the records of deleted keys. A rebuild takes so many inserts, each with a record of
   * its own, and what it drops can be used only when the next one is published: there must be enough for two.
   */
  isScarce(root: number): boolean {
    const { recordsMax, entriesMax } = this.geometry;
    const replaced = this.memory.read(header.dropped + 1);
    const dropped = eraAfter(replaced) === eraOf(root) ? this.memory.read(header.dropped) : 0;
    const insertsOfRebuild = (1 << indexLog2Of(root)) / limits.batchSlots;
    const wanted = Math.min(2 * insertsOfRebuild, (recordsMax - entriesMax) / 2);
    return recordsMax - this.used(root) - dropped < wanted;
  }

  /** Counts a slot as taken: in a large index not one by one, so that threads do not wait for each other's counts. */
  private countUsed(root: number): void {
    if (this.countedIn !== root) this.uncounted = 0;
    this.countedIn = root;
    this.uncounted++;
    if (this.uncounted < Math.min((1 << indexLog2Of(root)) >> countBatchLog2, countBatchMax)) return;
    this.addUsed(root, this.uncounted);
    this.uncounted = 0;
  }

  private addUsed(root: number, slots: number): void {
    const { words } = this.memory;
    const tag = eraOf(root) & 0xff;
    for (;;) {
      const word = this.memory.read(header.used);
      const age = (tag - (word >>> 24)) & 0xff;
      if (age >= 0x80) return;
      const next = age === 0 ? word + slots : (tag << 24) | slots;
      if (Atomics.compareExchange(words, header.used, word, next | 0) === word) return;
    }
  }
}
