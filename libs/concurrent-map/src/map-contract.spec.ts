/**
 * All maps against a plain Map: random histories (Go's TestMapMatches…), and what Go asks of its hash-trie map in the
 * 20 subtests that need one thread, under their names, with a good hash, with one that keeps few bits, and with one that
 * is the same for every key. The nine concurrent ones are in test/hash-trie.spec.ts.
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
import { create as createShared, type OpenedMap } from '../test/support/opened.js';
import { ConcurrentMap } from './index.js';

type AnyMap = Omit<OpenedMap, 'buffer' | 'size' | 'add' | 'takeIfAtLeast' | 'compact' | 'compactStep'>;

const kinds: Record<string, (entriesMax: number) => AnyMap> = {
  ConcurrentMap: () => new ConcurrentMap<string, number>(),
  'SharedConcurrentMap, good hash': (entriesMax) => createShared({ entriesMax }),
  'SharedConcurrentMap, truncated hash': (entriesMax) => createShared({ entriesMax, hash: 'truncated' }),
  'SharedConcurrentMap, constant hash': (entriesMax) => createShared({ entriesMax, hash: 'constant' }),
  SharedConcurrentInt64Map: (entriesMax) => createShared({ entriesMax, wide: true }),
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
      { numRuns: 150 },
    );
  });

  const count = 100;
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

  test('LoadEmpty', () => {
    const map = create(4);
    for (const key of ['', 'x']) {
      expect(map.load(key)).toBeUndefined();
      expect(map.loadAndDelete(key)).toBeUndefined();
      expect(map.compareAndSwap(key, 0, 1)).toBe(false);
      expect(map.compareAndDelete(key, 0)).toBe(false);
    }
    expect(contentOf(map)).toBe(0);
  });

  test('LoadOrStore', () => {
    const map = full();
    for (const [at, key] of keys.entries()) expect(map.load(key)).toBe(at);
  });

  test('All', () => expect(contentOf(full())).toBe(count));

  test('Clear/Simple', () => {
    const map = full();
    map.clear();
    expect(contentOf(map)).toBe(0);
    for (const key of keys) expect(map.load(key)).toBeUndefined();
    for (const [at, key] of keys.entries()) map.store(key, at);
    expect(contentOf(map)).toBe(count);
  });

  /** What is done to a key with the value `at`, checked; and whether the key is there afterwards. */
  const operations: Record<string, { act: (map: AnyMap, key: string, at: number) => void; stays: boolean }> =
    {
      CompareAndDelete: {
        act(map, key, at) {
          expect(map.compareAndDelete(key, at + 1)).toBe(false);
          expect(map.compareAndDelete(key, at)).toBe(true);
          expect(map.compareAndDelete(key, at)).toBe(false);
          expect(map.load(key)).toBeUndefined();
        },
        stays: false,
      },
      CompareAndSwap: {
        act(map, key, at) {
          expect(map.compareAndSwap(key, at + 1, 5)).toBe(false);
          expect(map.compareAndSwap(key, at, at + count)).toBe(true);
          expect(map.compareAndSwap(key, at, at + count)).toBe(false);
          expect(map.load(key)).toBe(at + count);
        },
        stays: true,
      },
      Swap: {
        act(map, key, at) {
          expect(map.swap(key, at + count)).toBe(at);
          expect(map.swap(key, at + count)).toBe(at + count);
        },
        stays: true,
      },
      LoadAndDelete: {
        act(map, key, at) {
          expect(map.loadAndDelete(key)).toBe(at);
          expect(map.loadAndDelete(key)).toBeUndefined();
        },
        stays: false,
      },
    };

  describe.each(Object.entries(operations))('%s', (_, { act, stays }) => {
    const expectAll = (map: AnyMap, acted: (at: number) => boolean): void => {
      const left = keys.filter((_, at) => stays || !acted(at)).length;
      expect(contentOf(map)).toBe(left);
      for (const [at, key] of keys.entries()) if (!acted(at)) expect(map.load(key)).toBe(at);
    };

    test('All', () => {
      const map = full();
      for (let round = 0; round < 3; round++) {
        for (const [at, key] of keys.entries()) act(map, key, at);
        expectAll(map, () => true);
        for (const [at, key] of keys.entries()) map.store(key, at);
      }
    });

    test('One', () => {
      const map = full();
      act(map, keys[15]!, 15);
      expectAll(map, (at) => at === 15);
    });

    test('Multiple', () => {
      const map = full();
      for (let at = 0; at < count; at += 7) act(map, keys[at]!, at);
      expectAll(map, (at) => at % 7 === 0);
    });

    test('Iterate', () => {
      const map = full();
      let visits = 0;
      map.range((key, value) => {
        visits++;
        act(map, key, value);
      });
      expect(visits).toBe(count);
      expectAll(map, () => true);
    });
  });
});
