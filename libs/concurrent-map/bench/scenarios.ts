/**
 * What is measured: Go's benchmarks of sync.Map under their names, hot keys, and mixes of reads, writes and new keys.
 * A scenario does `count` operations with keys numbered from `from`; threads get ranges of their own.
 */
import type { SharedConcurrentMap } from '../src/index.js';

export type BenchMap = Pick<
  SharedConcurrentMap,
  | 'load'
  | 'store'
  | 'swap'
  | 'loadOrStore'
  | 'loadAndDelete'
  | 'compareAndSwap'
  | 'compareAndDelete'
  | 'range'
  | 'clear'
> & { takeIfAtLeast?(key: string, quantity: number): number | undefined };

export type Scenario = {
  /** Keys stored before the clock starts. */
  readonly filled: number;
  /** Keys that may be present at once. */
  readonly entriesMax: number;
  /** Operations of one thread. */
  readonly count: number;
  /** Whether keys are numbered on with the operations, instead of repeating. */
  readonly numbered: boolean;
  readonly run: (map: BenchMap, key: (number: number) => string, from: number, count: number) => unknown;
};

const million = 1_000_000;
const hit = (filled: number, run: Scenario['run'], count = 2 * million): Scenario => ({
  filled,
  entriesMax: Math.max(filled, 1_100),
  count,
  numbered: false,
  run,
});
const unique = (run: Scenario['run'], filled = 0): Scenario => ({
  filled,
  entriesMax: 500_000,
  count: 100_000,
  numbered: true,
  run,
});

type Operation = (map: BenchMap, key: string, number: number) => unknown;

/** The operation on the keys 0 to `keys` - 1 in turn. */
const cycle =
  (keys: number, operation: Operation): Scenario['run'] =>
  (map, key, from, count) => {
    // Answers are counted, or the compiler would find out that nobody needs them.
    let answers = 0;
    for (let at = from; at < from + count; at++)
      if (operation(map, key(at % keys), at) !== undefined) answers++;
    return answers;
  };

/** The operation on keys of its own, each once. */
const fresh =
  (operation: Operation): Scenario['run'] =>
  (map, key, from, count) => {
    for (let at = from; at < from + count; at++) operation(map, key(at), at);
  };

/** Half of the operations on 128 known keys, half on new ones. */
const balanced =
  (operation: Operation): Scenario['run'] =>
  (map, key, from, count) => {
    for (let at = from; at < from + count; at++)
      operation(map, key(at % 256 < 128 ? at % 128 : at + 256), at);
  };

const load: Operation = (map, key) => map.load(key);
const store: Operation = (map, key) => map.store(key, 1);
const offer: Operation = (map, key) => map.loadOrStore(key, 1);
const remove: Operation = (map, key) => map.loadAndDelete(key);
const swap: Operation = (map, key) => map.swap(key, 1);
/** A guarded decrement by nothing, so that stock lasts; by comparison where the map has nothing better. */
const take: Operation = (map, key) => {
  if (map.takeIfAtLeast !== undefined) return map.takeIfAtLeast(key, 0);
  const left = map.load(key);
  return left !== undefined && map.compareAndSwap(key, left, left);
};
const exchange: Operation = (map, key) => {
  if (map.compareAndSwap(key, 0, 42)) map.compareAndSwap(key, 42, 0);
};
const dropAndOffer: Operation = (map, key) => {
  if (map.compareAndDelete(key, 0)) map.loadOrStore(key, 0);
};

export const goBenchmarks: Record<string, Scenario> = {
  LoadMostlyHits: hit(1_023, cycle(1_024, load)),
  LoadMostlyMisses: hit(1, cycle(1_024, load)),
  LoadOrStoreBalanced: unique(balanced(offer), 128),
  LoadOrStoreUnique: unique(fresh(offer)),
  LoadOrStoreCollision: hit(1, cycle(1, offer)),
  LoadAndDeleteBalanced: unique(balanced(remove), 128),
  LoadAndDeleteUnique: unique(fresh(remove)),
  LoadAndDeleteCollision: hit(
    1,
    cycle(1, (map, key) => map.loadAndDelete(key) && map.store(key, 1)),
  ),
  Range: hit(1_024, (map, _key, _from, count) => {
    for (let round = 0; round < count / 1_024; round++) map.range(() => true);
  }),
  AdversarialAlloc: unique((map, key, from, count) => {
    let stores = 0;
    let loadsSinceStore = 0;
    for (let at = from; at < from + count; at++) {
      map.load(key(at));
      if (++loadsSinceStore <= stores) continue;
      map.loadOrStore(key(at), stores++);
      loadsSinceStore = 0;
    }
  }),
  AdversarialDelete: unique((map, key, from, count) => {
    for (let at = from; at < from + count; at++) {
      map.load(key(at));
      if (at % 1_024 !== 0) continue;
      let first = '';
      map.range((key) => {
        first = key;
        return false;
      });
      map.loadAndDelete(first);
      map.store(key(at), at);
    }
  }, 1_024),
  DeleteCollision: hit(1, cycle(1, remove)),
  SwapCollision: hit(1, cycle(1, swap)),
  SwapMostlyHits: hit(1_023, cycle(1_024, swap)),
  SwapMostlyMisses: hit(
    1,
    cycle(1_024, (map, key) => {
      map.swap(key, 1);
      map.loadAndDelete(key);
    }),
    million,
  ),
  CompareAndSwapCollision: hit(1, cycle(1, exchange)),
  CompareAndSwapNoExistingKey: hit(0, cycle(1_024, exchange)),
  CompareAndSwapValueNotEqual: hit(
    1,
    cycle(1, (map, key) => map.compareAndSwap(key, 1, 2)),
  ),
  CompareAndSwapMostlyHits: hit(1_023, cycle(1_024, exchange), million),
  CompareAndSwapMostlyMisses: hit(1, cycle(1_024, exchange)),
  CompareAndDeleteCollision: hit(1, cycle(1, dropAndOffer), million),
  CompareAndDeleteMostlyHits: hit(1_023, cycle(1_024, dropAndOffer), million),
  CompareAndDeleteMostlyMisses: hit(1, cycle(1_024, dropAndOffer)),
  Clear: hit(
    1,
    cycle(1, (map, key) => {
      map.store(key, 1);
      map.clear();
    }),
    million,
  ),
};

export const hotKeys: Record<string, Scenario> = {
  'load, one key': hit(1, cycle(1, load)),
  'load, 1,000 keys': hit(1_000, cycle(1_000, load)),
  'store, 1,000 keys': hit(1_000, cycle(1_000, store)),
  'takeIfAtLeast, one key': hit(1, cycle(1, take)),
  'takeIfAtLeast, 1,000 keys': hit(1_000, cycle(1_000, take)),
  'store of a new key': unique(fresh(store)),
};

/** So many percent reads over so many keys, in a scattered order; of the writes, so many percent bring a new key. */
function mix(keys: number, readPercent: number, newPercent: number): Scenario {
  const count = keys > 100_000 ? 500_000 : 1_000_000;
  return {
    filled: keys,
    entriesMax: keys + 600_000,
    count,
    numbered: true,
    run: (map, key, from, count) => {
      let answers = 0;
      for (let at = from; at < from + count; at++) {
        const dice = Math.imul(at, 0x9e37_79b1) >>> 8;
        const old = key(dice % keys);
        if (dice % 100 < readPercent) answers += map.load(old) ?? 0;
        else if ((dice >>> 7) % 100 < newPercent) map.store(key(keys + at), 1);
        else map.store(old, at);
      }
      return answers;
    },
  };
}

export const mixes: Record<string, Scenario> = Object.fromEntries(
  [1_000, million].flatMap((keys) =>
    [100, 99, 90, 75].flatMap((reads) =>
      (reads === 100 ? [0] : [0, 1, 10]).map((fresh) => [
        `${keys === million ? '1M' : '1k'} keys, ${reads} % reads, ${fresh} % of writes new`,
        mix(keys, reads, fresh),
      ]),
    ),
  ),
);

export const scenarios: Record<string, Scenario> = { ...hotKeys, ...goBenchmarks, ...mixes };
