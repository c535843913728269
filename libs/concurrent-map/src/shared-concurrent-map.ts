/**
 * SharedConcurrentMap: string keys and int32 values in one SharedArrayBuffer, for any number of threads, without a lock.
 *
 * It keeps the idea of Go's sync.Map: what readers use is replaced as a whole and never changed under them, a key that
 * is known costs no coordination beyond its own cell, deleted keys stay as cells until the next rebuild expunges
 * them. It differs where shared memory asks for it: the read map is an index over records (shared/index-table.ts,
 * shared/records.ts), and where sync.Map takes its mutex, threads help each other (shared/rebuild.ts).
 *
 * Every operation is lock-free: it repeats a step only because another thread's step has succeeded. None waits, so
 * a thread that dies anywhere holds up nobody; at most the operation it was in is undecided. Linearization points:
 *
 * - a write to a known key: the compare-and-swap on its cell, [value, generation];
 * - a first insert: the compare-and-swap on the index slot;
 * - a load: the read of the cell, confirmed by a look at the root;
 * - "no such key": the read of the empty slot or of the ABSENT cell, confirmed likewise;
 * - clear: the swap of the root. A write that began before it and swaps its cell after it counts as just before.
 *
 * An instance belongs to one thread: it holds that thread's interned keys. Threads share `buffer`, and `attach` to it.
 */
import { KeyTooLongError, MapFullError, ValueOutOfRangeError } from './errors.js';
import { Capacity } from './shared/capacity.js';
import { hashKey, type HashKey } from './shared/hash.js';
import { closed, IndexTable, linked, taken } from './shared/index-table.js';
import { InternCache, type Handle } from './shared/intern-cache.js';
import { geometryIn, geometryOf, header, layOut, limits, takeTurn } from './shared/layout.js';
import { peek, SharedMemory } from './shared/memory.js';
import { clear, rebuild } from './shared/rebuild.js';
import { ABSENT, EXPUNGED, Records, valueMax, valueMin } from './shared/records.js';
import type { ConcurrentMapStats } from './stats.js';

export type SharedConcurrentMapOptions = {
  /** So many keys always fit: 1 to 10,000,000. Memory is taken for all of them, see the README. */
  readonly entriesMax: number;
  /** The longest key, in UTF-16 units: 1 to 4,096, by default 64. */
  readonly keyLengthMax?: number;
};

const valueRange = `an integer from ${valueMin} to ${valueMax}`;

export class SharedConcurrentMap {
  readonly buffer: SharedArrayBuffer;
  private readonly memory: SharedMemory;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly records: Records;
  private readonly index: IndexTable;
  private readonly capacity: Capacity;
  private readonly hash: HashKey;
  private readonly interned = new InternCache();
  /** The root that `interned` is good for. */
  private root = 0;
  /** Where this thread begins to help with a rebuild. */
  private seed: number;
  private loads = 0;
  private misses = 0;
  private promotions = 0;

  /**
   * Lays out a new, empty map.
   * @throws {InvalidOptionsError} when an option is no integer, beyond its bounds, or the whole beyond 4 GiB.
   */
  static create(options: SharedConcurrentMapOptions): SharedConcurrentMap {
    const { entriesMax, keyLengthMax = limits.keyLengthDefault } = options;
    return new this(layOut(geometryOf({ entriesMax, keyLengthMax })));
  }

  /**
   * Opens the map of another thread from its buffer alone.
   * @throws {NotAMapBufferError} when the buffer is not one of {@link create}.
   */
  static attach(buffer: SharedArrayBuffer): SharedConcurrentMap {
    return new this(buffer);
  }

  /** Use {@link create} or {@link attach}. Threads that share a buffer must share the hash; tests replace it. */
  protected constructor(buffer: SharedArrayBuffer, hash: HashKey = hashKey) {
    this.buffer = buffer;
    this.memory = new SharedMemory(buffer, geometryIn(buffer));
    this.words = this.memory.words;
    this.seed = takeTurn(this.words);
    this.records = new Records(this.memory, this.seed);
    this.index = new IndexTable(this.memory, this.records);
    this.capacity = new Capacity(this.memory, this.index);
    this.hash = hash;
  }

  /**
   * How many keys are present. Exact while nobody writes, else an estimate. Counts them: O(slots of the index), about
   * as long as a range.
   */
  get size(): number {
    return this.capacity.count();
  }

  /** The key's value, or undefined. Never a lock, never a wait; for a hot key one Map look-up and one atomic load. */
  load(key: string): number | undefined {
    this.loads++;
    const handle = this.interned.get(key);
    if (handle !== undefined) {
      const value = this.read(handle);
      if (value > EXPUNGED) return value;
      if (value === ABSENT) return undefined;
    }
    this.misses++;
    return this.loadThroughIndex(key);
  }

  /**
   * Sets the key's value.
   * @throws {ValueOutOfRangeError} when the value is no integer from -2^31 + 2 to 2^31 - 1.
   * @throws {KeyTooLongError} when the key is new and longer than `keyLengthMax`.
   * @throws {MapFullError} when the key is new and `entriesMax` keys are present.
   */
  store(key: string, value: number): void {
    this.swap(key, value);
  }

  /** Sets the key's value and returns the one before, or undefined. @throws as {@link store} */
  swap(key: string, value: number): number | undefined {
    requireValue('value', value);
    for (;;) {
      const handle = this.find(key);
      if (handle === undefined) {
        if (this.insert(key, value)) return undefined;
        continue;
      }
      const current = this.read(handle);
      if (current === EXPUNGED) this.forget(key);
      else if (current === ABSENT) {
        if (this.revive(key, handle, value)) return undefined;
      } else if (this.replace(handle, current, value)) return current;
    }
  }

  /**
   * The key's value if it has one, else stores this one; `loaded` says which. Of several threads that do this at
   * once with a new key, exactly one gets `loaded: false`. @throws as {@link store}
   */
  loadOrStore(key: string, value: number): { value: number; loaded: boolean } {
    requireValue('value', value);
    for (;;) {
      const handle = this.find(key);
      if (handle === undefined) {
        if (this.insert(key, value)) return { value, loaded: false };
        continue;
      }
      const current = this.read(handle);
      if (current > EXPUNGED) return { value: current, loaded: true };
      if (current === EXPUNGED) this.forget(key);
      else if (this.revive(key, handle, value)) return { value, loaded: false };
    }
  }

  /** Removes the key and returns the value it had, or undefined. Its room comes back by the next rebuild. */
  loadAndDelete(key: string): number | undefined {
    for (;;) {
      const handle = this.find(key);
      if (handle === undefined) return undefined;
      const current = this.read(handle);
      if (current === ABSENT) return undefined;
      if (current === EXPUNGED) this.forget(key);
      else if (this.replace(handle, current, ABSENT)) {
        this.capacity.release();
        return current;
      }
    }
  }

  /** Removes the key. False when there was none. */
  delete(key: string): boolean {
    return this.loadAndDelete(key) !== undefined;
  }

  /**
   * Replaces the key's value if it is the expected one. Never creates a key.
   * @throws {ValueOutOfRangeError} when `next` cannot be stored.
   */
  compareAndSwap(key: string, expected: number, next: number): boolean {
    requireValue('value', next);
    return isValue(expected) && this.exchange(key, expected, next);
  }

  /** Removes the key if its value is the expected one. */
  compareAndDelete(key: string, expected: number): boolean {
    if (!isValue(expected) || !this.exchange(key, expected, ABSENT)) return false;
    this.capacity.release();
    return true;
  }

  /**
   * Adds to the key's value. Returns the new value, or undefined when there is no such key.
   * @throws {ValueOutOfRangeError} when `delta` is no integer, or the sum cannot be stored: nothing has changed then.
   */
  add(key: string, delta: number): number | undefined {
    if (!Number.isSafeInteger(delta)) throw new ValueOutOfRangeError('delta', delta, 'an integer');
    for (;;) {
      const handle = this.find(key);
      if (handle === undefined) return undefined;
      const current = this.read(handle);
      if (current === ABSENT) return undefined;
      if (current === EXPUNGED) {
        this.forget(key);
        continue;
      }
      const next = current + delta;
      requireValue('sum', next);
      if (this.replace(handle, current, next)) return next;
    }
  }

  /**
   * Takes so many units if there are at least as many: the guarded decrement that a reservation is. Returns what is
   * left, or undefined when there is too little or no such key. Decides and writes in one step.
   * @throws {ValueOutOfRangeError} when `quantity` is no integer from 0 on.
   */
  takeIfAtLeast(key: string, quantity: number): number | undefined {
    if (!Number.isSafeInteger(quantity) || quantity < 0) {
      throw new ValueOutOfRangeError('quantity', quantity, 'an integer from 0 on');
    }
    for (;;) {
      const handle = this.find(key);
      if (handle === undefined) return undefined;
      const current = this.read(handle);
      if (current === EXPUNGED) this.forget(key);
      else if (current === ABSENT || current < quantity) return undefined;
      else if (this.replace(handle, current, current - quantity)) return current - quantity;
    }
  }

  /**
   * Visits every key that is present during the whole call, none twice, each with a value that it has while the call
   * lasts; stops when `visit` returns false. `visit` may do anything with the map. Takes memory for all keys.
   */
  range(visit: (key: string, value: number) => boolean | void): void {
    const { root, cells } = this.collectCells();
    for (const [key, cell] of cells) {
      const seen = Atomics.load(this.words, cell);
      const current = seen !== EXPUNGED && peek(this.words, header.root) === root;
      const value = current ? seen : this.loadThroughIndex(key, false);
      if (value !== undefined && value !== ABSENT && visit(key, value) === false) return;
    }
  }

  /** Removes all keys at once: O(1), but for a refresh of the index once in half a million calls. */
  clear(): void {
    clear(this.memory, this.index);
  }

  /** Builds a new index without the deleted keys, and gives their room back. O(slots + records), lock-free. */
  compact(): void {
    this.rebuildFrom(this.memory.root());
    this.records.sweep();
  }

  /**
   * The figures of this thread. Here the read map is what the thread has interned, the dirty map the shared index: a
   * miss is a load that had to go to the index, a promotion or dirty copy an index that this thread has published.
   */
  stats(): ConcurrentMapStats {
    const readSize = this.interned.size;
    const dirtySize = this.index.used(this.memory.root());
    const { loads, misses, promotions } = this;
    return {
      loads,
      misses,
      promotions,
      dirtyCopies: promotions,
      readSize,
      dirtySize,
      amended: dirtySize > readSize,
    };
  }

  /** The cell's word, or EXPUNGED when the handle may be out of date: the root has moved since it was made. */
  private read(handle: Handle): number {
    const value = Atomics.load(this.words, handle.cell);
    return peek(this.words, header.root) === this.root ? value : EXPUNGED;
  }

  private replace(handle: Handle, current: number, next: number): boolean {
    return this.memory.replacePair(handle.cell, current, handle.generation, next, handle.generation);
  }

  private exchange(key: string, expected: number, next: number): boolean {
    for (;;) {
      const handle = this.find(key);
      if (handle === undefined) return false;
      const current = this.read(handle);
      if (current === EXPUNGED) this.forget(key);
      else if (current !== expected) return false;
      else if (this.replace(handle, current, next)) return true;
    }
  }

  /** A handle that was good under the current root; undefined when the key has no record, or an expunged one. */
  private find(key: string): Handle | undefined {
    return this.interned.get(key) ?? this.lookUp(key);
  }

  private lookUp(key: string, intern = true): Handle | undefined {
    const hash = this.hash(key);
    for (;;) {
      const root = this.memory.root();
      const reference = this.index.find(root, key, hash);
      if (reference === 0) {
        if (this.memory.root() === root) return undefined;
        continue;
      }
      const cell = this.records.cellOf(reference);
      const handle = { cell, generation: Atomics.load(this.words, cell + 1) };
      const value = Atomics.load(this.words, cell);
      if (this.memory.root() !== root) continue;
      if (value === EXPUNGED) return undefined;
      this.moveTo(root);
      if (intern) this.interned.add(key, handle);
      return handle;
    }
  }

  private loadThroughIndex(key: string, intern = true): number | undefined {
    for (;;) {
      if (intern) this.forget(key);
      const handle = this.lookUp(key, intern);
      if (handle === undefined) return undefined;
      const value = this.read(handle);
      if (value > EXPUNGED) return value;
      if (value === ABSENT) return undefined;
    }
  }

  /** Drops a handle that turned out to be no good, and all of them if that is because the root has moved. */
  private forget(key: string): void {
    this.moveTo(this.memory.root());
    this.interned.delete(key);
  }

  private moveTo(root: number): void {
    if (this.root === root) return;
    this.interned.clear();
    this.root = root;
  }

  /** Gives an ABSENT cell a value again. False when the cell has changed meanwhile. */
  private revive(key: string, handle: Handle, value: number): boolean {
    this.capacity.reserve(key, this.hash(key));
    if (this.replace(handle, ABSENT, value)) return true;
    this.capacity.release();
    return false;
  }

  /** Links a new record for the key. False when another thread has linked one meanwhile. */
  private insert(key: string, value: number): boolean {
    const { keyLengthMax } = this.memory.geometry;
    if (key.length > keyLengthMax) throw new KeyTooLongError(key.length, keyLengthMax);
    const hash = this.hash(key);
    this.capacity.reserve(key, hash);
    let reference = this.claimFor(key, hash, value);
    let root = this.memory.root();
    this.records.handOver(reference, root);
    for (;;) {
      const outcome = this.index.isCrowded(root) ? closed : this.index.link(root, key, hash, reference);
      if (outcome === linked) return true;
      if (outcome === taken) {
        this.records.giveBack(reference, root);
        this.capacity.release();
        return false;
      }
      this.rebuildFrom(root);
      const later = this.memory.root();
      if (!this.records.handOn(reference, root, later)) {
        reference = this.claimFor(key, hash, value);
        this.records.handOver(reference, later);
      }
      root = later;
    }
  }

  /** A written record that this thread alone knows of. Rebuilds the index to free some when there is none left. */
  private claimFor(key: string, hash: number, value: number): number {
    // Records that one rebuild drops are free after the next one, so a third has nothing to add.
    for (let rebuilds = 0; rebuilds < 3;) {
      const reference = this.records.claim();
      if (reference !== 0) {
        this.records.write(reference, key, hash, value);
        return reference;
      }
      if (this.records.sweep() > 0) continue;
      this.rebuildFrom(this.memory.root());
      rebuilds++;
    }
    this.capacity.release();
    throw new MapFullError(this.memory.geometry.entriesMax);
  }

  private rebuildFrom(root: number): void {
    if (rebuild(this.memory, this.index, root, this.seed++)) this.promotions++;
  }

  /** The cells of all keys that are present, good under the root that comes with them. */
  private collectCells(): { root: number; cells: ReadonlyMap<string, number> } {
    const clears = Atomics.load(this.words, header.clears);
    for (;;) {
      const root = this.memory.root();
      const cells = new Map<string, number>();
      const whole = this.index.eachReference(root, (reference) => {
        const cell = this.records.cellOf(reference);
        if (Atomics.load(this.words, cell) > EXPUNGED) cells.set(this.records.keyOf(reference), cell);
      });
      // After a clear no key has been there all the time, so what was met until then will do.
      if (whole || Atomics.load(this.words, header.clears) !== clears) return { root, cells };
    }
  }
}

function isValue(value: number): boolean {
  return (value | 0) === value && value >= valueMin;
}

function requireValue(what: string, value: number): void {
  if (!isValue(value)) throw new ValueOutOfRangeError(what, value, valueRange);
}
