/**
 * SharedConcurrentMap: string keys and int32 values in one SharedArrayBuffer, for any number of threads, without a lock.
 *
 * It keeps the idea of Go's sync.Map: what readers use is replaced as a whole and never changed under them, a key that
 * is known costs no coordination beyond its own cell, deleted keys stay as cells until the next rebuild expunges
 * them. It differs where shared memory asks for it: the read map is an index over records (shared/directory.ts and
 * what it uses), and where sync.Map takes its mutex, threads help each other (shared/rebuild.ts).
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
import { ValueOutOfRangeError } from './errors.js';
import { hashKey, type HashKey } from './shared/hash.js';
import { geometryOf, layOut, limits, record } from './shared/layout.js';
import { ABSENT, EXPUNGED, valueMax, valueMin } from './shared/records.js';
import { SharedMap, type SharedConcurrentMapOptions } from './shared/shared-map.js';

// Imported constants are looked up at every use, those of the module itself are not: a nanosecond of each load.
const absent: number = ABSENT;
const expunged: number = EXPUNGED;
const generationAt: number = record.generation;
const valueRange = `an integer from ${valueMin} to ${valueMax}`;

/** Values: integers from -2^31 + 2 to 2^31 - 1. */
export class SharedConcurrentMap extends SharedMap<number> {
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
   * @throws {NotAMapBufferError} when the buffer is not one of {@link create}, or its values are int64.
   */
  static attach(buffer: SharedArrayBuffer): SharedConcurrentMap {
    return new this(buffer);
  }

  /** Use {@link create} or {@link attach}. Threads that share a buffer must share the hash; tests replace it. */
  protected constructor(buffer: SharedArrayBuffer, hash: HashKey = hashKey) {
    super(buffer, hash, false);
  }

  /** The key's value, or undefined. Never a lock, never a wait; for a hot key one Map look-up and one atomic load. */
  load(key: string): number | undefined {
    const { interned, memory } = this;
    interned.loads++;
    const cell = interned.young.get(key);
    if (cell !== undefined) {
      // Written out, and not by `read`: the value that this would put together for two cases is 2 of its 9 ns.
      const value = memory.read(cell);
      if (memory.peekRoot() === interned.root) {
        if (value > expunged) return value;
        if (value === absent) return undefined;
      }
    }
    return this.loadSlowly(key);
  }

  override swap(key: string, value: number): number | undefined {
    requireValue('value', value);
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) {
        if (this.directory.insert(key, value)) return undefined;
        continue;
      }
      const generation = this.generationOf(cell);
      const current = this.read(cell);
      if (current === expunged) this.directory.forget(key);
      else if (current === absent) {
        if (this.revive(key, cell, generation, value)) return undefined;
      } else if (this.replace(cell, generation, current, value)) return current;
    }
  }

  /**
   * The key's value if it has one, else stores this one; `loaded` says which. Of several threads that do this at
   * once with a new key, exactly one gets `loaded: false`. @throws as {@link store}
   */
  loadOrStore(key: string, value: number): { value: number; loaded: boolean } {
    requireValue('value', value);
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) {
        if (this.directory.insert(key, value)) return { value, loaded: false };
        continue;
      }
      const generation = this.generationOf(cell);
      const current = this.read(cell);
      if (current > expunged) return { value: current, loaded: true };
      if (current === expunged) this.directory.forget(key);
      else if (this.revive(key, cell, generation, value)) return { value, loaded: false };
    }
  }

  override loadAndDelete(key: string): number | undefined {
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) return undefined;
      const generation = this.generationOf(cell);
      const current = this.read(cell);
      if (current === absent) return undefined;
      if (current === expunged) this.directory.forget(key);
      else if (this.replace(cell, generation, current, absent)) {
        this.directory.release();
        return current;
      }
    }
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
    if (!isValue(expected) || !this.exchange(key, expected, absent)) return false;
    this.directory.release();
    return true;
  }

  /**
   * Adds to the key's value. Returns the new value, or undefined when there is no such key.
   * @throws {ValueOutOfRangeError} when `delta` is no integer, or the sum cannot be stored: nothing has changed then.
   */
  add(key: string, delta: number): number | undefined {
    if (!Number.isSafeInteger(delta)) throw new ValueOutOfRangeError('delta', delta, 'an integer');
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) return undefined;
      const generation = this.generationOf(cell);
      const current = this.read(cell);
      if (current === absent) return undefined;
      if (current === expunged) {
        this.directory.forget(key);
        continue;
      }
      const next = current + delta;
      requireValue('sum', next);
      if (this.replace(cell, generation, current, next)) return next;
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
      const cell = this.directory.find(key);
      if (cell === undefined) return undefined;
      const generation = this.generationOf(cell);
      const current = this.read(cell);
      if (current === expunged) this.directory.forget(key);
      else if (current === absent || current < quantity) return undefined;
      else if (this.replace(cell, generation, current, current - quantity)) return current - quantity;
    }
  }

  /**
   * Visits every key that is present during the whole call, none twice, each with a value that it has while the call
   * lasts; stops when `visit` returns false. `visit` may do anything with the map. Takes memory for all keys.
   */
  range(visit: (key: string, value: number) => boolean | void): void {
    const { root, cells } = this.directory.collectCells();
    for (const [key, cell] of cells) {
      const seen = this.memory.read(cell);
      const current = seen !== expunged && this.memory.peekRoot() === root;
      const value = current ? seen : this.loadThroughIndex(key, false);
      if (value !== undefined && value !== absent && visit(key, value) === false) return;
    }
  }

  /** What is in the cell, or EXPUNGED when it may not be the key's any more: the root has moved since it was found. */
  private read(cell: number): number {
    const value = this.memory.read(cell);
    return this.memory.peekRoot() === this.interned.root ? value : expunged;
  }

  /** The life of the cell's record: that of the key if `read`, which comes after it, still finds the cell good. */
  private generationOf(cell: number): number {
    return this.memory.read(cell + generationAt);
  }

  private replace(cell: number, generation: number, current: number, next: number): boolean {
    return this.memory.replacePair(cell, current, generation, next, generation);
  }

  private exchange(key: string, expected: number, next: number): boolean {
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) return false;
      const generation = this.generationOf(cell);
      const current = this.read(cell);
      if (current === expunged) this.directory.forget(key);
      else if (current !== expected) return false;
      else if (this.replace(cell, generation, current, next)) return true;
    }
  }

  /** A load whose cell is not among the latest ones, or no good any more. */
  private loadSlowly(key: string): number | undefined {
    const cell = this.interned.get(key);
    const value = cell === undefined ? expunged : this.read(cell);
    if (value > expunged) return value;
    if (value === absent) return undefined;
    this.misses++;
    if (cell !== undefined) this.directory.forget(key);
    return this.loadThroughIndex(key);
  }

  private loadThroughIndex(key: string, intern = true): number | undefined {
    for (;;) {
      const cell = this.directory.lookUp(key, intern);
      if (cell === undefined) return undefined;
      const value = this.read(cell);
      if (value > expunged) return value;
      if (value === absent) return undefined;
      if (intern) this.directory.forget(key);
    }
  }

  /** Gives an ABSENT cell a value again. False when the cell has changed meanwhile. */
  private revive(key: string, cell: number, generation: number, value: number): boolean {
    this.directory.reserve(key);
    if (this.replace(cell, generation, absent, value)) return true;
    this.directory.release();
    return false;
  }
}

function isValue(value: number): boolean {
  return (value | 0) === value && value >= valueMin;
}

function requireValue(what: string, value: number): void {
  if (!isValue(value)) throw new ValueOutOfRangeError(what, value, valueRange);
}
