/**
 * The shared maps as the tests open them: either width behind one shape, with any hash. A number is stored in an int64
 * map as so many times 2^30, so that values reach into its upper half and sums and comparisons stay as they are.
 */
import { SharedConcurrentInt64Map, SharedConcurrentMap } from '../../src/index.js';
import { hashKey, type HashKey } from '../../src/shared/hash.js';
import { geometryIn } from '../../src/shared/layout.js';

export const hashes = {
  good: hashKey,
  truncated: (key: string) => hashKey(key) & 7,
  constant: () => -1,
} satisfies Record<string, HashKey>;
export type HashName = keyof typeof hashes;

/** What both maps do, in numbers. */
export type OpenedMap = Omit<SharedConcurrentMap, 'stats'>;

class Hashed extends SharedConcurrentMap {
  static with(buffer: SharedArrayBuffer, hash: HashKey): SharedConcurrentMap {
    return new this(buffer, hash);
  }
}

class HashedWide extends SharedConcurrentInt64Map {
  static with(buffer: SharedArrayBuffer, hash: HashKey): SharedConcurrentInt64Map {
    return new this(buffer, hash);
  }
}

const unit = 1n << 30n;
const widen = (value: number): bigint => BigInt(value) * unit;
const narrow = (value: bigint): number => Number(value / unit);
const narrowed = (value: bigint | undefined): number | undefined =>
  value === undefined ? undefined : narrow(value);

function inNumbers(map: SharedConcurrentInt64Map): OpenedMap {
  return {
    buffer: map.buffer,
    get size() {
      return map.size;
    },
    load: (key) => narrowed(map.load(key)),
    store: (key, value) => map.store(key, widen(value)),
    swap: (key, value) => narrowed(map.swap(key, widen(value))),
    loadOrStore(key, offered) {
      const { value, loaded } = map.loadOrStore(key, widen(offered));
      return { value: narrow(value), loaded };
    },
    loadAndDelete: (key) => narrowed(map.loadAndDelete(key)),
    delete: (key) => map.delete(key),
    compareAndSwap: (key, expected, next) => map.compareAndSwap(key, widen(expected), widen(next)),
    compareAndDelete: (key, expected) => map.compareAndDelete(key, widen(expected)),
    add: (key, delta) => narrowed(map.add(key, widen(delta))),
    takeIfAtLeast: (key, quantity) => narrowed(map.takeIfAtLeast(key, widen(quantity))),
    range: (visit) => map.range((key, value) => visit(key, narrow(value))),
    clear: () => map.clear(),
    compact: () => map.compact(),
    compactStep: () => map.compactStep(),
  };
}

export function open(buffer: SharedArrayBuffer, hash: HashName = 'good'): OpenedMap {
  return geometryIn(buffer).wide
    ? inNumbers(HashedWide.with(buffer, hashes[hash]))
    : Hashed.with(buffer, hashes[hash]);
}

export function create(options: { entriesMax: number; wide?: boolean; hash?: HashName }): OpenedMap {
  const { entriesMax, wide = false, hash } = options;
  const kind = wide ? SharedConcurrentInt64Map : SharedConcurrentMap;
  return open(kind.create({ entriesMax }).buffer, hash);
}
