/**
 * What the shared maps have in common whatever their values are: all that does not look into a cell. The rest is written
 * out in each of them, because the compiler learns types per function, and one that meets numbers and bigints is slow
 * for both.
 */
import type { ConcurrentMapStats } from '../stats.js';
import { Directory } from './directory.js';
import type { HashKey } from './hash.js';
import type { InternCache } from './intern-cache.js';
import { requireWidth } from './layout.js';
import type { SharedMemory } from './memory.js';

export type SharedConcurrentMapOptions = {
  /** So many keys always fit: 1 to 10,000,000. Memory is taken for all of them, see the README. */
  readonly entriesMax: number;
  /** The longest key, in UTF-16 units: 1 to 4,096, by default 64. */
  readonly keyLengthMax?: number;
};

export abstract class SharedMap<Value extends number | bigint> {
  readonly buffer: SharedArrayBuffer;
  /** @internal */
  protected readonly directory: Directory;
  /** @internal */
  protected readonly interned: InternCache;
  /** @internal */
  protected readonly memory: SharedMemory;
  /** @internal */
  protected misses = 0;

  /** @throws {NotAMapBufferError} when the buffer is not that of a map with values of this width. */
  protected constructor(buffer: SharedArrayBuffer, hash: HashKey, wide: boolean) {
    this.buffer = buffer;
    this.directory = new Directory(buffer, hash);
    this.interned = this.directory.interned;
    this.memory = this.directory.memory;
    requireWidth(this.memory.geometry, wide);
  }

  /**
   * How many keys are present. Exact while nobody writes, else an estimate. Counts them: O(slots of the index), about
   * as long as a range.
   */
  get size(): number {
    return this.directory.count();
  }

  /** Sets the key's value and returns the one before, or undefined. @throws as {@link store} */
  abstract swap(key: string, value: Value): Value | undefined;

  /** Removes the key and returns the value it had, or undefined. Its room comes back by the next rebuild. */
  abstract loadAndDelete(key: string): Value | undefined;

  /**
   * Sets the key's value.
   * @throws {ValueOutOfRangeError} when the value is no integer of the map's range.
   * @throws {KeyTooLongError} when the key is new and longer than `keyLengthMax`.
   * @throws {MapFullError} when the key is new and `entriesMax` keys are present.
   */
  store(key: string, value: Value): void {
    this.swap(key, value);
  }

  /** Removes the key. False when there was none. */
  delete(key: string): boolean {
    return this.loadAndDelete(key) !== undefined;
  }

  /** Removes all keys at once: O(1), but for a refresh of the index once in half a million calls. */
  clear(): void {
    this.directory.clear();
  }

  /**
   * Builds a new index without the deleted keys, and gives their room back, now and in one go: O(slots + records),
   * lock-free. Never needed: what is needed comes back by itself, a piece with each insert.
   */
  compact(): void {
    this.directory.compact();
  }

  /**
   * One step of the same: moves 128 slots. Call it again, whenever there is time, until it returns true: then no key that
   * was deleted before the first of these calls is in the index any more. Other threads may use the map, or do steps too.
   */
  compactStep(): boolean {
    return this.directory.compactStep();
  }

  /**
   * The figures of this thread. Here the read map is what the thread has interned, the dirty map the shared index: a
   * miss is a load that had to go to the index, a promotion or dirty copy an index that this thread has published.
   */
  stats(): ConcurrentMapStats {
    return this.directory.stats(this.misses);
  }
}
