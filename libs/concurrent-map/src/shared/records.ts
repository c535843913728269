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
 *                        ▲                           │
 *                        └──claim, two eras later────┘
 *
 * Under root r a record may be claimed whose owner is older than the root before r: it is in neither of the two latest
 * indexes. That one era of quarantine is what makes a slow thread harmless: as long as the root is the
 * one it started from, or the one after, no record it can have met has been given away. Every change of an owner is
 * a compare-and-swap from a word that never comes back, so who slept claims nothing that has been taken since.
 * Only CLAIMED belongs to a thread alone: if it dies in the few steps while it writes the key, that record is lost.
 *
 * In a map of int64 values the value takes the whole cell. Its upper half is the state: ABSENT and EXPUNGED as above,
 * anything else is a value. What the generation does there, guards do (guards.ts).
 */
import type { Guards } from './guards.js';
import { eraMask, eraOf, record } from './layout.js';
import type { SharedMemory } from './memory.js';

/** No such key. */
export const ABSENT = -0x8000_0000;
/** No such key, and the record is on its way out. */
export const EXPUNGED = -0x7fff_ffff;
/** The smallest value that can be stored. */
export const valueMin = -0x7fff_fffe;
export const valueMax = 0x7fff_ffff;

/** The same, as int64 cells have it: 0 in the lower half. */
export const ABSENT_WIDE = BigInt(ABSENT) << 32n;
export const EXPUNGED_WIDE = BigInt(EXPUNGED) << 32n;
export const valueMinWide = BigInt(valueMin) << 32n;
export const valueMaxWide = 2n ** 63n - 1n;

const FREE = 0;
const CLAIMED = 1;
/** Which word of a 64-bit integer is its upper half. */
const upperHalf = new Int32Array(new BigInt64Array([1n]).buffer)[0] === 1 ? 1 : 0;

export class Records {
  private readonly memory: SharedMemory;
  /** Of maps with int64 values. */
  private readonly guards: Guards | undefined;
  private readonly firstCell: number;
  private readonly stateOffset: number;
  private readonly firstOwner: number;
  private readonly recordWords: number;
  private readonly unitsInRecord: number;
  private readonly firstTail: number;
  private readonly tailWords: number;
  private readonly recordsMax: number;
  /** Where this thread goes on looking for a free record. */
  private cursor: number;

  constructor(memory: SharedMemory, guards: Guards | undefined, turn: number) {
    const { geometry } = memory;
    this.memory = memory;
    this.guards = guards;
    this.stateOffset = geometry.wide ? upperHalf : record.value;
    // References count from 1, so that 0 can mean none.
    this.firstCell = geometry.recordsAt - geometry.recordWords;
    this.firstOwner = geometry.ownersAt - 1;
    this.recordWords = geometry.recordWords;
    this.unitsInRecord = geometry.unitsInRecord;
    this.firstTail = geometry.tailsAt - geometry.tailWords;
    this.tailWords = geometry.tailWords;
    this.recordsMax = geometry.recordsMax;
    this.cursor = (Math.imul(turn, 0x9e37_79b1) >>> 0) % geometry.recordsMax;
  }

  cellOf(reference: number): number {
    return this.firstCell + reference * this.recordWords;
  }

  /** Position of the word that is ABSENT, EXPUNGED, or part of a value: of an int32 value all of it. */
  stateAt(reference: number): number {
    return this.cellOf(reference) + this.stateOffset;
  }

  isExpunged(reference: number): boolean {
    return this.memory.read(this.stateAt(reference)) === EXPUNGED;
  }

  hashOf(reference: number): number {
    return this.memory.read(this.cellOf(reference) + record.hash);
  }

  holdsKey(reference: number, key: string, hash: number): boolean {
    const { words, units } = this.memory;
    const { length } = key;
    const at = this.cellOf(reference);
    if (this.memory.read(at + record.hash) !== hash) return false;
    if (words[at + record.keyLength] !== length) return false;
    const from = (at + record.key) * 2;
    for (let unit = 0; unit < length && unit < this.unitsInRecord; unit++) {
      if (units[from + unit] !== key.charCodeAt(unit)) return false;
    }
    return length <= this.unitsInRecord || this.hasTail(reference, key);
  }

  /** The key of a record; nonsense when the record is being given to another key meanwhile. */
  keyOf(reference: number): string {
    const at = this.cellOf(reference);
    const length = Math.min(this.memory.words[at + record.keyLength]!, this.memory.geometry.keyLengthMax);
    const { unitsInRecord } = this;
    const key = this.textAt((at + record.key) * 2, Math.min(length, unitsInRecord));
    if (length <= unitsInRecord) return key;
    return key + this.textAt(this.tailOf(reference), length - unitsInRecord);
  }

  /** Takes a record that is in no index for this thread alone. Lock-free; 0 when a whole turn found none. */
  claim(): number {
    const { words } = this.memory;
    for (let step = 0; step < this.recordsMax; step++) {
      this.cursor = (this.cursor + 1) % this.recordsMax;
      const reference = this.cursor + 1;
      const at = this.firstOwner + reference;
      const owner = this.memory.read(at);
      if (owner !== FREE && !this.isLeft(reference, owner)) continue;
      if (Atomics.compareExchange(words, at, owner, CLAIMED) === owner) return reference;
    }
    return 0;
  }

  /** Whether a record of this owner is in no index that anybody may still look at. */
  private isLeft(reference: number, owner: number): boolean {
    if (owner === CLAIMED) return false;
    // Read after the owner, so that the owner is at most one era newer.
    const age = (eraOf(this.memory.root()) - eraOf(owner)) & eraMask;
    if (age <= 1 || age === eraMask) return false;
    return this.guards === undefined || !this.guards.cover(this.cellOf(reference));
  }

  /**
   * Begins a new life of a claimed record. The hash comes after the key: whoever reads it also sees the key. And the
   * generation before the value: no swap that a thread has slept over can succeed on the way from one life to the next.
   */
  write(reference: number, key: string, hash: number, value: number | bigint): void {
    const { memory } = this;
    const { words, units } = memory;
    const { length } = key;
    const at = this.cellOf(reference);
    const from = (at + record.key) * 2;
    for (let unit = 0; unit < length && unit < this.unitsInRecord; unit++)
      units[from + unit] = key.charCodeAt(unit);
    if (length > this.unitsInRecord) this.writeTail(reference, key);
    words[at + record.keyLength] = length;
    memory.write(at + record.hash, hash);
    if (typeof value === 'bigint') {
      memory.writeWhole(at, value);
      return;
    }
    memory.write(at + record.generation, (memory.read(at + record.generation) + 1) | 0);
    memory.write(at, value);
  }

  /** Lets go of a claimed record, so that it may be linked under `root`; two eras later anyone may claim it. */
  handOver(reference: number, root: number): void {
    this.memory.write(this.firstOwner + reference, root);
  }

  /** Moves a record that was handed over but not linked to a newer root. False when it was claimed meanwhile. */
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
      const owner = this.memory.read(at);
      if (owner === target) return true;
      if (this.memory.root() !== source) return false;
      if (Atomics.compareExchange(words, at, owner, target) === owner) return true;
    }
  }

  /** Turns ABSENT into EXPUNGED. True when the record is expunged, whoever did it; false when it has a value. */
  expunge(reference: number): boolean {
    const { geometry } = this.memory;
    const at = this.cellOf(reference);
    for (;;) {
      const generation = this.memory.read(at + record.generation);
      const state = this.memory.read(this.stateAt(reference));
      if (state === EXPUNGED) return true;
      if (state !== ABSENT) return false;
      // A late one may meet an int64 cell in its next life: absent there too, it is merely dropped a rebuild early.
      const done = geometry.wide
        ? this.memory.replaceWhole(at, ABSENT_WIDE, EXPUNGED_WIDE)
        : this.memory.replacePair(at, ABSENT, generation, EXPUNGED, generation);
      if (done) return true;
    }
  }

  /** Position, in units, of what is not in the record of a longer key. */
  private tailOf(reference: number): number {
    return (this.firstTail + reference * this.tailWords) * 2;
  }

  private hasTail(reference: number, key: string): boolean {
    const { units } = this.memory;
    const from = this.tailOf(reference) - this.unitsInRecord;
    for (let unit = this.unitsInRecord; unit < key.length; unit++) {
      if (units[from + unit] !== key.charCodeAt(unit)) return false;
    }
    return true;
  }

  private writeTail(reference: number, key: string): void {
    const { units } = this.memory;
    const from = this.tailOf(reference) - this.unitsInRecord;
    for (let unit = this.unitsInRecord; unit < key.length; unit++) units[from + unit] = key.charCodeAt(unit);
  }

  private textAt(from: number, length: number): string {
    const { units } = this.memory;
    const to = from + length;
    let text = '';
    let at = from;
    for (; at + 4 <= to; at += 4) {
      text += String.fromCharCode(units[at]!, units[at + 1]!, units[at + 2]!, units[at + 3]!);
    }
    for (; at < to; at++) text += String.fromCharCode(units[at]!);
    return text;
  }
}
