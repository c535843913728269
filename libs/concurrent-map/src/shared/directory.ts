/**
 * From keys to cells, for one thread: what the shared maps have in common, whatever their values are.
 *
 * It hands out the cells of keys that have a record, remembers them, and links records for keys that have none; what is
 * in a cell it only asks for ABSENT and EXPUNGED. How a cell is read and swapped, the maps say: each in its own
 * words, so that what the compiler learns of int32 values is not spoilt by int64 ones.
 */
import { KeyTooLongError, MapFullError } from '../errors.js';
import type { ConcurrentMapStats } from '../stats.js';
import { Capacity } from './capacity.js';
import { Guards } from './guards.js';
import type { HashKey } from './hash.js';
import { closed, IndexTable, linked, taken } from './index-table.js';
import { InternCache } from './intern-cache.js';
import { geometryIn, header, isPast, takeTurn } from './layout.js';
import { SharedMemory } from './memory.js';
import { Rebuilder } from './rebuild.js';
import { EXPUNGED, Records } from './records.js';

/** The cells of all keys that were present, good under the root that comes with them. */
export type Cells = { readonly root: number; readonly cells: ReadonlyMap<string, number> };

export class Directory {
  readonly memory: SharedMemory;
  readonly interned = new InternCache();
  /** Of maps with int64 values. */
  readonly guards: Guards | undefined;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly records: Records;
  private readonly index: IndexTable;
  private readonly rebuilder: Rebuilder;
  private readonly capacity: Capacity;
  private readonly hash: HashKey;
  /** The index that {@link compactStep} is about to replace, 0 between two compactions. */
  private compacting = 0;

  /** @throws {NotAMapBufferError} */
  constructor(buffer: SharedArrayBuffer, hash: HashKey) {
    const geometry = geometryIn(buffer);
    this.memory = new SharedMemory(buffer, geometry);
    this.words = this.memory.words;
    const turn = takeTurn(this.words);
    this.guards = geometry.wide ? new Guards(this.memory, turn) : undefined;
    this.records = new Records(this.memory, this.guards, turn);
    this.index = new IndexTable(this.memory, this.records);
    this.rebuilder = new Rebuilder(this.memory, this.index, turn);
    this.capacity = new Capacity(this.memory, this.index, this.rebuilder);
    this.hash = hash;
  }

  /** A cell that was the key's under the current root; undefined when the key has no record, or an expunged one. */
  find(key: string): number | undefined {
    this.interned.finds++;
    return this.interned.get(key) ?? this.lookUp(key);
  }

  lookUp(key: string, intern = true): number | undefined {
    const hash = this.hash(key);
    for (;;) {
      const root = this.memory.root();
      const reference = this.index.find(root, key, hash);
      if (reference === 0) {
        if (this.memory.root() === root) return undefined;
        continue;
      }
      const cell = this.records.cellOf(reference);
      const state = this.memory.read(this.records.stateAt(reference));
      if (this.memory.root() !== root) continue;
      if (state === EXPUNGED) return undefined;
      this.interned.moveTo(root);
      if (intern) this.interned.add(key, cell);
      return cell;
    }
  }

  /** Drops a cell that turned out to be no good, and all of them if that is because the root has moved. */
  forget(key: string): void {
    this.interned.moveTo(this.memory.root());
    this.interned.delete(key);
  }

  /** Counts one more key as present, before it is. @throws {MapFullError} */
  reserve(key: string): void {
    this.capacity.reserve(key, this.hash(key));
  }

  /** Counts one key less as present, after it is gone. */
  release(): void {
    this.capacity.release();
  }

  /**
   * Links a new record for the key. False when another thread has linked one meanwhile.
   * @throws {KeyTooLongError} @throws {MapFullError}
   */
  insert(key: string, value: number | bigint): boolean {
    const { keyLengthMax } = this.memory.geometry;
    if (key.length > keyLengthMax) throw new KeyTooLongError(key.length, keyLengthMax);
    const hash = this.hash(key);
    this.capacity.reserve(key, hash);
    let reference = this.claimFor(key, hash, value);
    let owner = 0;
    for (;;) {
      const root = this.memory.root();
      const target = this.rebuilder.makeWay(root, hash);
      if (target === 0) continue;
      if (owner === 0) this.records.handOver(reference, target);
      else if (!this.records.handOn(reference, owner, target)) {
        reference = this.claimFor(key, hash, value);
        this.records.handOver(reference, target);
      }
      owner = target;
      const outcome = this.index.link(target, key, hash, reference);
      if (outcome === linked) return true;
      if (outcome === taken) {
        this.records.giveBack(reference, target);
        this.capacity.release();
        return false;
      }
      if (outcome === closed) this.reopen(root, target);
    }
  }

  /** How many keys are present: exact while nobody writes. O(slots). */
  count(): number {
    return this.capacity.count();
  }

  clear(): void {
    this.rebuilder.clear();
  }

  /** Builds an index without the keys that are deleted by now. */
  compact(): void {
    this.rebuilder.rebuild(this.rebuilder.settle());
  }

  /** Moves one batch of slots towards that. True when the index that the first of these calls found is replaced. */
  compactStep(): boolean {
    const { memory, rebuilder } = this;
    const root = memory.root();
    // An index that is half built already has kept keys that were deleted since: then it is the one to replace.
    if (this.compacting === 0) this.compacting = this.index.successor(root) || root;
    if (!isPast(root, this.compacting)) rebuilder.step(root);
    if (!isPast(memory.root(), this.compacting)) return false;
    this.compacting = 0;
    return true;
  }

  collectCells(): Cells {
    const { words } = this;
    const clears = Atomics.load(words, header.clears);
    for (;;) {
      const root = this.rebuilder.settle();
      const cells = new Map<string, number>();
      const whole = this.index.eachReference(root, (reference) => {
        if (Atomics.load(words, this.records.stateAt(reference)) <= EXPUNGED) return;
        cells.set(this.records.keyOf(reference), this.records.cellOf(reference));
      });
      // After a clear no key has been there all the time, so what was met until then will do.
      if (whole || Atomics.load(words, header.clears) !== clears) return { root, cells };
    }
  }

  /** The figures of this thread; `misses` are counted by the map. */
  stats(misses: number): ConcurrentMapStats {
    const { loads, size: readSize } = this.interned;
    const dirtySize = this.index.used(this.memory.root());
    const promotions = this.rebuilder.published;
    const amended = dirtySize > readSize;
    return { loads, misses, promotions, dirtyCopies: promotions, readSize, dirtySize, amended };
  }

  /** After a link that found no open slot: sees to it that the next one does. */
  private reopen(root: number, target: number): void {
    // If another thread has begun a rebuild since, the next insert of this one joins in.
    if (target === root && this.index.successor(root) !== 0) return;
    this.rebuilder.rebuild(root);
  }

  /** A written record that this thread alone knows of. Rebuilds the index to free some when there is none left. */
  private claimFor(key: string, hash: number, value: number | bigint): number {
    // What one rebuild drops is free after the next one, and one may be half done: a fourth has nothing to add.
    for (let rebuilds = 0; rebuilds < 5; rebuilds++) {
      const reference = this.records.claim();
      if (reference !== 0) {
        this.records.write(reference, key, hash, value);
        return reference;
      }
      if (rebuilds < 4) this.rebuilder.rebuild(this.memory.root());
    }
    this.capacity.release();
    throw new MapFullError(this.memory.geometry.entriesMax);
  }
}
