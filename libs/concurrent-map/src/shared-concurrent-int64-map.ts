/**
 * SharedConcurrentInt64Map: the same map for values of 64 bits, as bigints, because that is what can hold all of them
 * exactly and what `Atomics` takes.
 *
 * A value fills its cell, so there is no generation beside it; before it swaps a cell, a thread says so in a guard
 * (shared/guards.ts). That makes a write dearer than one to an int32 map. Everything else is as in shared-concurrent-map.ts,
 * linearization points included; what looks into a cell is written out once more (shared/shared-map.ts says why).
 */
import { ValueOutOfRangeError } from './errors.js';
import type { Guards } from './shared/guards.js';
import { hashKey, type HashKey } from './shared/hash.js';
import { geometryOf, layOut, limits } from './shared/layout.js';
import { ABSENT_WIDE, EXPUNGED_WIDE, valueMaxWide, valueMinWide } from './shared/records.js';
import { SharedMap, type SharedConcurrentMapOptions } from './shared/shared-map.js';

const wideRange = `a bigint from ${valueMinWide} to ${valueMaxWide}`;

/** Values: bigints from -2^63 + 2^33 to 2^63 - 1. */
export class SharedConcurrentInt64Map extends SharedMap<bigint> {
  private readonly guards: Guards;

  /**
   * Lays out a new, empty map.
   * @throws {InvalidOptionsError} when an option is no integer, beyond its bounds, or the whole beyond 4 GiB.
   */
  static create(options: SharedConcurrentMapOptions): SharedConcurrentInt64Map {
    const { entriesMax, keyLengthMax = limits.keyLengthDefault } = options;
    return new this(layOut(geometryOf({ wide: true, entriesMax, keyLengthMax })));
  }

  /**
   * Opens the map of another thread from its buffer alone.
   * @throws {NotAMapBufferError} when the buffer is not one of {@link create}, or its values are int32.
   */
  static attach(buffer: SharedArrayBuffer): SharedConcurrentInt64Map {
    return new this(buffer);
  }

  /** Use {@link create} or {@link attach}. Threads that share a buffer must share the hash; tests replace it. */
  protected constructor(buffer: SharedArrayBuffer, hash: HashKey = hashKey) {
    super(buffer, hash, true);
    this.guards = this.directory.guards!;
  }

  /** The key's value, or undefined. Never a lock, never a wait; for a hot key one Map look-up and one atomic load. */
  load(key: string): bigint | undefined {
    const { interned, memory } = this;
    interned.loads++;
    const cell = interned.young.get(key);
    if (cell !== undefined) {
      const value = memory.readWhole(cell);
      if (memory.peekRoot() === interned.root) {
        if (value >= valueMinWide) return value;
        if (value === ABSENT_WIDE) return undefined;
      }
    }
    return this.loadSlowly(key);
  }

  override swap(key: string, value: bigint): bigint | undefined {
    requireWide('value', value);
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) {
        if (this.directory.insert(key, value)) return undefined;
        continue;
      }
      const current = this.read(cell);
      if (current === EXPUNGED_WIDE) this.directory.forget(key);
      else if (current === ABSENT_WIDE) {
        if (this.revive(key, cell, value)) return undefined;
      } else if (this.replace(cell, current, value)) return current;
    }
  }

  /**
   * The key's value if it has one, else stores this one; `loaded` says which. Of several threads that do this at
   * once with a new key, exactly one gets `loaded: false`. @throws as {@link store}
   */
  loadOrStore(key: string, value: bigint): { value: bigint; loaded: boolean } {
    requireWide('value', value);
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) {
        if (this.directory.insert(key, value)) return { value, loaded: false };
        continue;
      }
      const current = this.read(cell);
      if (current >= valueMinWide) return { value: current, loaded: true };
      if (current === EXPUNGED_WIDE) this.directory.forget(key);
      else if (this.revive(key, cell, value)) return { value, loaded: false };
    }
  }

  override loadAndDelete(key: string): bigint | undefined {
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) return undefined;
      const current = this.read(cell);
      if (current === ABSENT_WIDE) return undefined;
      if (current === EXPUNGED_WIDE) this.directory.forget(key);
      else if (this.replace(cell, current, ABSENT_WIDE)) {
        this.directory.release();
        return current;
      }
    }
  }

  /**
   * Replaces the key's value if it is the expected one. Never creates a key.
   * @throws {ValueOutOfRangeError} when `next` cannot be stored.
   */
  compareAndSwap(key: string, expected: bigint, next: bigint): boolean {
    requireWide('value', next);
    return isWide(expected) && this.exchange(key, expected, next);
  }

  /** Removes the key if its value is the expected one. */
  compareAndDelete(key: string, expected: bigint): boolean {
    if (!isWide(expected) || !this.exchange(key, expected, ABSENT_WIDE)) return false;
    this.directory.release();
    return true;
  }

  /**
   * Adds to the key's value. Returns the new value, or undefined when there is no such key.
   * @throws {ValueOutOfRangeError} when `delta` is no bigint, or the sum cannot be stored: nothing has changed then.
   */
  add(key: string, delta: bigint): bigint | undefined {
    if (typeof delta !== 'bigint') throw new ValueOutOfRangeError('delta', delta, 'a bigint');
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) return undefined;
      const current = this.read(cell);
      if (current === ABSENT_WIDE) return undefined;
      if (current === EXPUNGED_WIDE) {
        this.directory.forget(key);
        continue;
      }
      const next = current + delta;
      requireWide('sum', next);
      if (this.replace(cell, current, next)) return next;
    }
  }

  /**
   * Takes so many units if there are at least as many: the guarded decrement that a reservation is. Returns what is
   * left, or undefined when there is too little or no such key. Decides and writes in one step.
   * @throws {ValueOutOfRangeError} when `quantity` is no bigint from 0 on.
   */
  takeIfAtLeast(key: string, quantity: bigint): bigint | undefined {
    if (typeof quantity !== 'bigint' || quantity < 0n) {
      throw new ValueOutOfRangeError('quantity', quantity, 'a bigint from 0 on');
    }
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) return undefined;
      const current = this.read(cell);
      if (current === EXPUNGED_WIDE) this.directory.forget(key);
      else if (current === ABSENT_WIDE || current < quantity) return undefined;
      else if (this.replace(cell, current, current - quantity)) return current - quantity;
    }
  }

  /**
   * Visits every key that is present during the whole call, none twice, each with a value that it has while the call
   * lasts; stops when `visit` returns false. `visit` may do anything with the map. Takes memory for all keys.
   */
  range(visit: (key: string, value: bigint) => boolean | void): void {
    const { root, cells } = this.directory.collectCells();
    for (const [key, cell] of cells) {
      const seen = this.memory.readWhole(cell);
      const current = seen !== EXPUNGED_WIDE && this.memory.peekRoot() === root;
      const value = current ? seen : this.loadThroughIndex(key, false);
      if (value !== undefined && value !== ABSENT_WIDE && visit(key, value) === false) return;
    }
  }

  /** What is in the cell, or EXPUNGED when it may not be the key's any more: the root has moved since it was found. */
  private read(cell: number): bigint {
    const value = this.memory.readWhole(cell);
    return this.memory.peekRoot() === this.interned.root ? value : EXPUNGED_WIDE;
  }

  /** Under a guard the record stays the key's as long as it takes, if it is now. */
  private replace(cell: number, current: bigint, next: bigint): boolean {
    const guard = this.guards.raise(cell);
    const isGood = this.memory.root() === this.interned.root;
    const done = isGood && this.memory.replaceWhole(cell, current, next);
    this.guards.lower(guard);
    return done;
  }

  private exchange(key: string, expected: bigint, next: bigint): boolean {
    for (;;) {
      const cell = this.directory.find(key);
      if (cell === undefined) return false;
      const current = this.read(cell);
      if (current === EXPUNGED_WIDE) this.directory.forget(key);
      else if (current !== expected) return false;
      else if (this.replace(cell, current, next)) return true;
    }
  }

  /** A load whose cell is not among the latest ones, or no good any more. */
  private loadSlowly(key: string): bigint | undefined {
    const cell = this.interned.get(key);
    const value = cell === undefined ? EXPUNGED_WIDE : this.read(cell);
    if (value >= valueMinWide) return value;
    if (value === ABSENT_WIDE) return undefined;
    this.misses++;
    if (cell !== undefined) this.directory.forget(key);
    return this.loadThroughIndex(key);
  }

  private loadThroughIndex(key: string, intern = true): bigint | undefined {
    for (;;) {
      const cell = this.directory.lookUp(key, intern);
      if (cell === undefined) return undefined;
      const value = this.read(cell);
      if (value >= valueMinWide) return value;
      if (value === ABSENT_WIDE) return undefined;
      if (intern) this.directory.forget(key);
    }
  }

  /** Gives an ABSENT cell a value again. False when the cell has changed meanwhile. */
  private revive(key: string, cell: number, value: bigint): boolean {
    this.directory.reserve(key);
    if (this.replace(cell, ABSENT_WIDE, value)) return true;
    this.directory.release();
    return false;
  }
}

function isWide(value: bigint): boolean {
  return typeof value === 'bigint' && value >= valueMinWide && value <= valueMaxWide;
}

function requireWide(what: string, value: bigint): void {
  if (!isWide(value)) throw new ValueOutOfRangeError(what, value, wideRange);
}
