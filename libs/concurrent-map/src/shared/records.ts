/**
 * The arena: records that never move, each with a key that is written once per life and a cell that changes.
 *
 * A cell is [value, generation], changed by one 64-bit compare-and-swap:
 *
 *     value ──delete──▶ ABSENT ──rebuild──▶ EXPUNGED       a value comes back to an ABSENT cell, never to an
 *       ▲                  │                               EXPUNGED one: its record is about to leave the index
 *       └──────store───────┘
 *
 * The generation counts the lives of the record. A thread that slept while its record was emptied and given to another
 * key swaps with the old generation, and fails.
 *
 * The owner word of a record says whether it can be given to a new key:
 *
 *     FREE ──claim──▶ CLAIMED ──before linking──▶ root ──each rebuild that keeps it──▶ next root …
 *       ▲                                          │
 *       └──────────────────sweep───────────────────┘
 *
 * A sweep under root r frees records whose owner is older than the root before r: such a record is in neither of the
 * two latest indexes. That one era of quarantine is what makes a slow thread harmless: as long as the root is the
 * one it started from, or the one after, no record it can have met has been given away. Every change of an owner is
 * a compare-and-swap from a word that never comes back, so a sweeper that slept frees nothing that has been taken since.
 * Only CLAIMED belongs to a thread alone: if it dies in the few steps while it writes the key, that record is lost.
 */
import { eraMask, eraOf, record } from './layout.js';
import type { SharedMemory } from './memory.js';

/** No such key. */
export const ABSENT = -0x8000_0000;
/** No such key, and the record is on its way out. */
export const EXPUNGED = -0x7fff_ffff;
/** The smallest value that can be stored. */
export const valueMin = -0x7fff_fffe;
export const valueMax = 0x7fff_ffff;

const FREE = 0;
const CLAIMED = 1;
/** How many owners a sweep reads before it makes sure that the root is still the same. */
const sweepBatch = 256;

export class Records {
  private readonly memory: SharedMemory;
  private readonly firstCell: number;
  private readonly firstOwner: number;
  private readonly recordWords: number;
  private readonly recordsMax: number;
  /** Where this thread goes on looking for a free record. */
  private cursor: number;

  constructor(memory: SharedMemory, turn: number) {
    const { geometry } = memory;
    this.memory = memory;
    // References count from 1, so that 0 can mean none.
    this.firstCell = geometry.recordsAt - geometry.recordWords;
    this.firstOwner = geometry.ownersAt - 1;
    this.recordWords = geometry.recordWords;
    this.recordsMax = geometry.recordsMax;
    this.cursor = (Math.imul(turn, 0x9e37_79b1) >>> 0) % geometry.recordsMax;
  }

  cellOf(reference: number): number {
    return this.firstCell + reference * this.recordWords;
  }

  hashOf(reference: number): number {
    return Atomics.load(this.memory.words, this.cellOf(reference) + record.hash);
  }

  holdsKey(reference: number, key: string, hash: number): boolean {
    const { words, units } = this.memory;
    const at = this.cellOf(reference);
    if (Atomics.load(words, at + record.hash) !== hash) return false;
    if (words[at + record.keyLength] !== key.length) return false;
    const from = (at + record.key) * 2;
    for (let unit = 0; unit < key.length; unit++) {
      if (units[from + unit] !== key.charCodeAt(unit)) return false;
    }
    return true;
  }

  /** The key of a record; nonsense when the record is being given to another key meanwhile. */
  keyOf(reference: number): string {
    const { words, units } = this.memory;
    const at = this.cellOf(reference);
    const length = Math.min(words[at + record.keyLength]!, this.memory.geometry.keyLengthMax);
    const from = (at + record.key) * 2;
    let key = '';
    let unit = 0;
    for (; unit + 4 <= length; unit += 4) {
      const at = from + unit;
      key += String.fromCharCode(units[at]!, units[at + 1]!, units[at + 2]!, units[at + 3]!);
    }
    for (; unit < length; unit++) key += String.fromCharCode(units[from + unit]!);
    return key;
  }

  /** Takes a free record for this thread alone. Lock-free; 0 when a whole turn found none. */
  claim(): number {
    const { words } = this.memory;
    for (let step = 0; step < this.recordsMax; step++) {
      this.cursor = (this.cursor + 1) % this.recordsMax;
      const reference = this.cursor + 1;
      const owner = this.firstOwner + reference;
      if (Atomics.load(words, owner) !== FREE) continue;
      if (Atomics.compareExchange(words, owner, FREE, CLAIMED) !== FREE) continue;
      return reference;
    }
    return 0;
  }

  /** Begins a new life of a claimed record. The hash comes last: whoever reads it also sees the key. */
  write(reference: number, key: string, hash: number, value: number): void {
    const { memory } = this;
    const { words, units } = memory;
    const at = this.cellOf(reference);
    const from = (at + record.key) * 2;
    for (let unit = 0; unit < key.length; unit++) units[from + unit] = key.charCodeAt(unit);
    words[at + record.keyLength] = key.length;
    Atomics.store(words, at + record.hash, hash);
    memory.storePair(at, value, (Atomics.load(words, at + record.generation) + 1) | 0);
  }

  /** Lets go of a claimed record, so that it may be linked under `root`; sweeps of later eras may take it. */
  handOver(reference: number, root: number): void {
    Atomics.store(this.memory.words, this.firstOwner + reference, root);
  }

  /** Moves a record that was handed over but not linked to a newer root. False when a sweep has freed it meanwhile. */
  handOn(reference: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.memory.words, this.firstOwner + reference, from, to) === from;
  }

  /** Gives a record back that was handed over under `root` but not linked. */
  giveBack(reference: number, root: number): void {
    Atomics.compareExchange(this.memory.words, this.firstOwner + reference, root, FREE);
  }

  /**
   * Notes that a record of the index `source` will be in `target` too, before it is. False when `source` is not the
   * current root any more.
   */
  carryOver(reference: number, source: number, target: number): boolean {
    const { words } = this.memory;
    const at = this.firstOwner + reference;
    for (;;) {
      const owner = Atomics.load(words, at);
      if (owner === target) return true;
      if (this.memory.root() !== source) return false;
      if (Atomics.compareExchange(words, at, owner, target) === owner) return true;
    }
  }

  /** Turns ABSENT into EXPUNGED. True when the record is expunged, whoever did it; false when it has a value. */
  expunge(reference: number): boolean {
    const { words } = this.memory;
    const at = this.cellOf(reference);
    for (;;) {
      const generation = Atomics.load(words, at + record.generation);
      const value = Atomics.load(words, at);
      if (value === EXPUNGED) return true;
      if (value !== ABSENT) return false;
      if (this.memory.replacePair(at, ABSENT, generation, EXPUNGED, generation)) return true;
    }
  }

  /** Frees what neither of the two latest indexes holds. Lock-free, O(recordsMax). Returns how many it freed. */
  sweep(): number {
    let freed = 0;
    for (let from = 1; from <= this.recordsMax; from += sweepBatch) {
      freed += this.sweepFrom(from, Math.min(from + sweepBatch, this.recordsMax + 1));
    }
    return freed;
  }

  private sweepFrom(from: number, to: number): number {
    const { words } = this.memory;
    const root = this.memory.root();
    const seen: number[] = [];
    for (let reference = from; reference < to; reference++) {
      const owner = Atomics.load(words, this.firstOwner + reference);
      if (owner !== FREE && owner !== CLAIMED && !isNear(owner, root)) seen.push(reference, owner);
    }
    // Only now is it certain that no owner in `seen` is newer than the root.
    if (seen.length === 0 || this.memory.root() !== root) return 0;
    let freed = 0;
    for (let pair = 0; pair < seen.length; pair += 2) {
      const owner = seen[pair + 1]!;
      const at = this.firstOwner + seen[pair]!;
      if (Atomics.compareExchange(words, at, owner, FREE) === owner) freed++;
    }
    return freed;
  }
}

/** Whether a record of this owner can be in the current index, in the one before, or in the one being built. */
function isNear(owner: number, root: number): boolean {
  const age = (eraOf(root) - eraOf(owner)) & eraMask;
  return age <= 1 || age === eraMask;
}
