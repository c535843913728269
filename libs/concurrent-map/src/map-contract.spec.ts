/**
 * Both maps against a plain Map: random histories (Go's TestMapMatches…), and what Go asks of its hash-trie map, with
 * a good hash, with one that keeps few bits, and with one that is the same for every key.
 */
import { describe, expect, test } from '@jest/globals';
import {
  array,
  assert,
  constantFrom,
  integer,
  oneof,
  property,
  record,
  string,
  stringMatching,
} from 'fast-check';
import { ConcurrentMap, SharedConcurrentMap } from './index.js';
import { hashKey, type HashKey } from './shared/hash.js';

/** A shared map with another hash. */
class Hashed extends SharedConcurrentMap {
  static with(hash: HashKey, entriesMax: number): SharedConcurrentMap {
    return new this(SharedConcurrentMap.create({ entriesMax }).buffer, hash);
  }
}

type AnyMap = Pick<
  SharedConcurrentMap,
  | 'load'
  | 'store'
  | 'swap'
  | 'loadOrStore'
  | 'loadAndDelete'
  | 'delete'
  | 'compareAndSwap'
  | 'compareAndDelete'
  | 'range'
  | 'clear'
>;

const kinds: Record<string, (entriesMax: number) => AnyMap> = {
  ConcurrentMap: () => new ConcurrentMap<string, number>(),
  'SharedConcurrentMap, good hash': (entriesMax) => SharedConcurrentMap.create({ entriesMax }),
  'SharedConcurrentMap, truncated hash': (entriesMax) => Hashed.with((key) => hashKey(key) & 7, entriesMax),
  'SharedConcurrentMap, constant hash': (entriesMax) => Hashed.with(() => -1, entriesMax),
};

/** The map's methods, done on a plain Map. */
class Model {
  readonly map = new Map<string, number>();

  apply({ op, key, value, next }: Command): unknown {
    const current = this.map.get(key);
    const put = (changed: number): void => void this.map.set(key, changed);
    switch (op) {
      case 'load':
        return current;
      case 'store':
        return put(value);
      case 'swap':
        put(value);
        return current;
      case 'loadOrStore':
        if (current === undefined) put(value);
        return { value: current ?? value, loaded: current !== undefined };
      case 'loadAndDelete':
        this.map.delete(key);
        return current;
      case 'delete':
        return this.map.delete(key);
      case 'compareAndSwap':
        if (current === value) put(next);
        return current === value;
      case 'compareAndDelete':
        return current === value && this.map.delete(key);
      case 'clear':
        return this.map.clear();
      case 'range':
        return new Map(this.map);
    }
  }
}

const ops = [
  'load',
  'store',
  'swap',
  'loadOrStore',
  'loadAndDelete',
  'delete',
  'compareAndSwap',
  'compareAndDelete',
  'clear',
  'range',
] as const;
type Command = { op: (typeof ops)[number]; key: string; value: number; next: number };

function applyTo(map: AnyMap, { op, key, value, next }: Command): unknown {
  if (op === 'range') {
    const seen = new Map<string, number>();
    map.range((key, value) => {
      expect(seen.has(key)).toBe(false);
      seen.set(key, value);
    });
    return seen;
  }
  const method = map[op] as (this: AnyMap, ...args: unknown[]) => unknown;
  return op === 'clear' ? method.call(map) : method.call(map, key, value, next);
}

const command = record<Command>({
  op: constantFrom(...ops, 'store', 'loadOrStore', 'delete'),
  key: oneof(string({ maxLength: 2, unit: constantFrom('a', 'b', '\ud83d') }), stringMatching(/^k[0-9]$/)),
  value: integer({ min: 0, max: 3 }),
  next: integer({ min: 0, max: 3 }),
});

describe.each(Object.entries(kinds))('%s', (_, create) => {
  test('answers every history as a plain Map does', () => {
    assert(
      property(array(command, { maxLength: 120 }), (commands) => {
        const map = create(40);
        const model = new Model();
        for (const each of commands) expect(applyTo(map, each)).toEqual(model.apply(each));
        const last: Command = { op: 'range', key: '', value: 0, next: 0 };
        expect(applyTo(map, last)).toEqual(model.apply(last));
      }),
      { numRuns: 300 },
    );
  });

  const count = 300;
  const keys = Array.from({ length: count }, (_, at) => `key-${at}`);
  const full = (): AnyMap => {
    const map = create(count);
    for (const [at, key] of keys.entries()) {
      expect(map.load(key)).toBeUndefined();
      expect(map.loadOrStore(key, at)).toEqual({ value: at, loaded: false });
      expect(map.loadOrStore(key, -1)).toEqual({ value: at, loaded: true });
    }
    return map;
  };
  const contentOf = (map: AnyMap): number => {
    let visits = 0;
    map.range((key, value) => {
      visits++;
      expect(map.load(key)).toBe(value);
    });
    return visits;
  };

  test('an empty one has nothing to load, delete, swap or visit', () => {
    const map = create(4);
    for (const key of ['', 'x']) {
      expect(map.load(key)).toBeUndefined();
      expect(map.loadAndDelete(key)).toBeUndefined();
      expect(map.compareAndSwap(key, 0, 1)).toBe(false);
      expect(map.compareAndDelete(key, 0)).toBe(false);
    }
    expect(contentOf(map)).toBe(0);
  });

  test('loads all that was stored, and visits it once', () => {
    expect(contentOf(full())).toBe(count);
  });

  test('swaps all, then swaps back by comparison, once each', () => {
    const map = full();
    for (const [at, key] of keys.entries()) {
      expect(map.swap(key, at + 1_000)).toBe(at);
      expect(map.compareAndSwap(key, at, 5)).toBe(false);
      expect(map.compareAndSwap(key, at + 1_000, at)).toBe(true);
      expect(map.compareAndSwap(key, at + 1_000, at)).toBe(false);
    }
    expect(contentOf(map)).toBe(count);
  });

  test('deletes one, some and all by comparison, and nothing else with them', () => {
    const map = full();
    for (const [at, key] of keys.entries()) {
      expect(map.compareAndDelete(key, at + 1)).toBe(false);
      expect(map.compareAndDelete(key, at)).toBe(true);
      expect(map.compareAndDelete(key, at)).toBe(false);
      if (at + 1 < count) expect(map.load(keys[at + 1]!)).toBe(at + 1);
      if (at % 100 === 0) expect(contentOf(map)).toBe(count - at - 1);
    }
    expect(contentOf(map)).toBe(0);
  });

  test('stores all again after all were deleted, several times', () => {
    const map = full();
    for (let round = 1; round < 4; round++) {
      for (const key of keys) expect(map.delete(key)).toBe(true);
      expect(contentOf(map)).toBe(0);
      for (const [at, key] of keys.entries()) expect(map.loadOrStore(key, at * round).loaded).toBe(false);
      expect(map.load(keys[7]!)).toBe(7 * round);
    }
    expect(contentOf(map)).toBe(count);
  });

  test('clears a simple map and a large one, and takes everything again', () => {
    const map = full();
    map.clear();
    expect(contentOf(map)).toBe(0);
    for (const [at, key] of keys.entries()) map.store(key, at);
    expect(contentOf(map)).toBe(count);
  });
});
