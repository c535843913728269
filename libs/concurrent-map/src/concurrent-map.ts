/**
 * ConcurrentMap: the algorithm of Go's sync.Map for one thread, with its inner life on show.
 *
 * Two maps share their entries. The read map answers alone for every key it has; its set of keys never changes once it
 * is published, so an iteration over it cannot be disturbed. The dirty map exists while there are keys that the read
 * map lacks (the map is `amended` then) and has, in the end, all live keys. Operations that the read map cannot answer
 * are misses; when there have been as many as the dirty map has keys, it becomes the read map, and again on `range`.
 *
 * An entry is in one of three states, and both maps see every change of it because they hold the same entry:
 *
 *     value ◀──store── deleted ──copy of the read map──▶ expunged ──store──▶ value, and into the dirty map again
 *       └──delete────────▶
 *
 * `expunged` means: in the read map, not in the dirty one. A copy drops deleted keys that way, so a key that stays
 * deleted is gone for good two promotions later. A key that was deleted before the read map knew it is forgotten at once.
 *
 * Go copies the whole read map when the first new key comes. Here every slow operation copies {@link copyBatch} entries
 * until it is done. That is sound because the dirty map is asked only for keys that the read map lacks, and it is
 * done in time because a promotion takes as many misses as there are keys, each of which copies more than one.
 *
 * All operations run to completion on one thread, so each is its own linearization point; none blocks. Values and keys
 * are held strongly until they are deleted, replaced or cleared, a deleted key until its entry is dropped as above.
 */
import { UndefinedValueError } from './errors.js';
import type { ConcurrentMapStats } from './stats.js';

const deleted = Symbol('deleted');
const expunged = Symbol('expunged');

type Entry<V> = { value: V | typeof deleted | typeof expunged };

/** Entries that one slow operation copies from the read map into a new dirty map. */
const copyBatch = 64;

export class ConcurrentMap<K, V> {
  private read: ReadonlyMap<K, Entry<V>> = new Map();
  private dirty: Map<K, Entry<V>> | undefined;
  /** What of the read map is still to be copied into the dirty map. */
  private uncopied: Iterator<[K, Entry<V>]> | undefined;
  private uncopiedCount = 0;
  private missesSincePromotion = 0;
  private loads = 0;
  private misses = 0;
  private promotions = 0;
  private dirtyCopies = 0;

  /** The key's value, or undefined. O(1). */
  load(key: K): V | undefined {
    this.loads++;
    const entry = this.read.get(key);
    if (entry !== undefined) return valueOf(entry);
    if (this.dirty === undefined) return undefined;
    const fresh = this.dirty.get(key);
    this.miss();
    return fresh && valueOf(fresh);
  }

  /** Sets the key's value. @throws {UndefinedValueError} when it is undefined. */
  store(key: K, value: V): void {
    this.swap(key, value);
  }

  /** Sets the key's value and returns the one before, or undefined. @throws as {@link store} */
  swap(key: K, value: V): V | undefined {
    requireValue(value);
    const entry = this.read.get(key) ?? this.dirty?.get(key);
    if (entry === undefined) {
      this.insert(key, value);
      return undefined;
    }
    const previous = valueOf(entry);
    this.put(key, entry, value);
    return previous;
  }

  /** The key's value if it has one, else stores this one; `loaded` says which. @throws as {@link store} */
  loadOrStore(key: K, value: V): { value: V; loaded: boolean } {
    requireValue(value);
    const entry = this.find(key);
    if (entry === undefined) {
      this.insert(key, value);
      return { value, loaded: false };
    }
    const current = valueOf(entry);
    if (current !== undefined) return { value: current, loaded: true };
    this.put(key, entry, value);
    return { value, loaded: false };
  }

  /** Removes the key and returns the value it had, or undefined. */
  loadAndDelete(key: K): V | undefined {
    const known = this.read.get(key);
    if (known !== undefined) return remove(known);
    if (this.dirty === undefined) return undefined;
    const fresh = this.dirty.get(key);
    // The read map never knew it, so nothing has to remember that it was there.
    this.dirty.delete(key);
    this.miss();
    return fresh && remove(fresh);
  }

  /** Removes the key. False when there was none. */
  delete(key: K): boolean {
    return this.loadAndDelete(key) !== undefined;
  }

  /**
   * Replaces the key's value if it is the expected one, compared as Map keys are: NaN is itself, 0 is -0, objects are
   * the same object. Never creates a key. @throws {UndefinedValueError} when `next` is undefined.
   */
  compareAndSwap(key: K, expected: V, next: V): boolean {
    requireValue(next);
    const entry = this.find(key);
    if (entry === undefined || !holds(entry, expected)) return false;
    entry.value = next;
    return true;
  }

  /** Removes the key if its value is the expected one, compared as in {@link compareAndSwap}. */
  compareAndDelete(key: K, expected: V): boolean {
    const entry = this.find(key);
    if (entry === undefined || !holds(entry, expected)) return false;
    entry.value = deleted;
    if (!this.read.has(key)) this.dirty?.delete(key);
    return true;
  }

  /**
   * Visits every key that is present during the whole call, none twice, each with the value it has at its turn; stops
   * when `visit` returns false. `visit` may change the map and range over it in turn. Makes the dirty map the read
   * map first, so it can cost O(keys) even when it stops at once.
   */
  range(visit: (key: K, value: V) => boolean | void): void {
    if (this.dirty !== undefined) this.promote();
    for (const [key, entry] of this.read) {
      const value = valueOf(entry);
      if (value !== undefined && visit(key, value) === false) return;
    }
  }

  /** Removes all keys. O(1). */
  clear(): void {
    this.read = new Map();
    this.dropDirty();
  }

  /** What has happened so far; counters never go back. */
  stats(): ConcurrentMapStats {
    const { loads, misses, promotions, dirtyCopies, read, dirty } = this;
    return {
      loads,
      misses,
      promotions,
      dirtyCopies,
      readSize: read.size,
      dirtySize: dirty?.size ?? 0,
      amended: dirty !== undefined,
    };
  }

  /** The key's entry; a miss when the read map lacks it and the dirty map had to be asked. */
  private find(key: K): Entry<V> | undefined {
    const known = this.read.get(key);
    if (known !== undefined || this.dirty === undefined) return known;
    const fresh = this.dirty.get(key);
    this.miss();
    return fresh;
  }

  private put(key: K, entry: Entry<V>, value: V): void {
    // Expunged: the dirty map was copied without it, and would lose the key at the next promotion.
    if (entry.value === expunged) this.dirty?.set(key, entry);
    entry.value = value;
  }

  private insert(key: K, value: V): void {
    this.dirty ??= this.beginDirty();
    this.dirty.set(key, { value });
    this.copyEntries(copyBatch);
  }

  private beginDirty(): Map<K, Entry<V>> {
    this.uncopied = this.read.entries();
    this.uncopiedCount = this.read.size;
    if (this.read.size > 0) this.dirtyCopies++;
    return new Map();
  }

  /** Copies the next entries of the read map, and expunges those that are deleted. */
  private copyEntries(count: number): void {
    for (let copied = 0; copied < count && this.uncopied !== undefined; copied++) {
      const next = this.uncopied.next();
      if (next.done === true) {
        this.uncopied = undefined;
        return;
      }
      this.uncopiedCount--;
      const [key, entry] = next.value;
      if (entry.value === deleted) entry.value = expunged;
      else this.dirty?.set(key, entry);
    }
  }

  private miss(): void {
    this.misses++;
    this.missesSincePromotion++;
    this.copyEntries(copyBatch);
    if (this.missesSincePromotion >= (this.dirty?.size ?? 0) + this.uncopiedCount) this.promote();
  }

  private promote(): void {
    this.copyEntries(Infinity);
    this.read = this.dirty ?? this.read;
    this.promotions++;
    this.dropDirty();
  }

  private dropDirty(): void {
    this.dirty = undefined;
    this.uncopied = undefined;
    this.uncopiedCount = 0;
    this.missesSincePromotion = 0;
  }
}

function valueOf<V>(entry: Entry<V>): V | undefined {
  return entry.value === deleted || entry.value === expunged ? undefined : entry.value;
}

function remove<V>(entry: Entry<V>): V | undefined {
  const value = valueOf(entry);
  if (value !== undefined) entry.value = deleted;
  return value;
}

/** Equality of Map keys: NaN is itself. */
function holds<V>(entry: Entry<V>, expected: V): boolean {
  const { value } = entry;
  if (value === deleted || value === expunged) return false;
  return value === expected || (value !== value && expected !== expected);
}

function requireValue(value: unknown): void {
  if (value === undefined) throw new UndefinedValueError();
}
