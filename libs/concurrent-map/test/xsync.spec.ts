/**
 * What the tests of xsync's Map check, under their names and in our words: for all maps what one thread can see, for the
 * shared ones, int32 and int64, what real threads do to each other. Not here: what only xsync has, its buckets and top
 * hashes, its striped counter, and functions that run under a lock (our `add` and comparison loops stand for Compute).
 * Nil values are refused here (src/concurrent-map.spec.ts).
 */
import { describe, expect, test } from '@jest/globals';
import { ConcurrentMap, SharedConcurrentInt64Map, SharedConcurrentMap } from '../src/index.js';
import { create as createShared, type OpenedMap } from './support/opened.js';
import type { PairsOptions } from './support/tasks.js';
import { Team, together, type Member } from './support/team.js';

type AnyMap = Omit<OpenedMap, 'buffer' | 'size' | 'add' | 'takeIfAtLeast' | 'compact' | 'compactStep'>;

const widths = { SharedConcurrentMap: false, SharedConcurrentInt64Map: true };
const kinds: Record<string, (entriesMax: number) => AnyMap> = {
  ConcurrentMap: () => new ConcurrentMap<string, number>(),
  SharedConcurrentMap: (entriesMax) => createShared({ entriesMax }),
  SharedConcurrentInt64Map: (entriesMax) => createShared({ entriesMax, wide: true }),
};
const count = 1_000;
const numbers = Array.from({ length: count }, (_, number) => number);

const contentOf = (map: Pick<AnyMap, 'range'>): Map<string, number> => {
  const content = new Map<string, number>();
  map.range((key, value) => {
    expect(content.has(key)).toBe(false);
    content.set(key, value);
  });
  return content;
};

describe.each(Object.entries(kinds))('%s', (_, create) => {
  const filled = (): AnyMap => {
    const map = create(count);
    for (const number of numbers) map.store(`${number}`, number);
    return map;
  };

  test('MissingEntry', () => {
    const map = create(1);
    expect(map.load('foo')).toBeUndefined();
    expect(map.loadAndDelete('foo')).toBeUndefined();
    expect(map.loadOrStore('foo', 1)).toEqual({ value: 1, loaded: false });
  });

  test('EmptyStringKey', () => {
    const map = create(1);
    map.store('', 7);
    expect(map.load('')).toBe(7);
    expect(contentOf(map)).toEqual(new Map([['', 7]]));
  });

  test('LoadAndStore', () => {
    const map = create(1);
    expect(map.swap('foo', 1)).toBeUndefined();
    expect(map.swap('foo', 2)).toBe(1);
    expect(map.load('foo')).toBe(2);
  });

  test('Range', () => {
    expect(contentOf(filled())).toEqual(new Map(numbers.map((number) => [`${number}`, number])));
  });

  test('Range_FalseReturned', () => {
    let visits = 0;
    filled().range(() => ++visits !== 13);
    expect(visits).toBe(13);
  });

  test('Range_NestedDelete', () => {
    const map = filled();
    map.range((key) => {
      map.delete(key);
    });
    for (const number of numbers) expect(map.load(`${number}`)).toBeUndefined();
  });

  test('SerialStore, SerialLoadOrStore', () => {
    const map = filled();
    for (const value of numbers) {
      expect(map.load(`${value}`)).toBe(value);
      expect(map.loadOrStore(`${value}`, -1)).toEqual({ value, loaded: true });
    }
  });

  test('SerialStoreThenDelete, SerialStoreThenLoadAndDelete', () => {
    const map = filled();
    for (const number of numbers) {
      if (number % 2 === 0) expect(map.delete(`${number}`)).toBe(true);
      else expect(map.loadAndDelete(`${number}`)).toBe(number);
      expect(map.load(`${number}`)).toBeUndefined();
    }
    expect(contentOf(map).size).toBe(0);
  });

  test('Clear', () => {
    const map = filled();
    map.clear();
    expect(contentOf(map).size).toBe(0);
    for (const number of numbers) expect(map.load(`${number}`)).toBeUndefined();
  });
});

describe.each(Object.entries(widths))('%s', (_, wide) => {
  const pairs = (act: PairsOptions['act'], rounds: number, keys: number): Member => {
    const options: PairsOptions = { act, rounds, keys, seed: act.length };
    return { task: 'pairs', options };
  };
  /** Runs the members to their end; what each returned. A member that met a wrong value has thrown. */
  const run = async (map: OpenedMap, members: Member[]): Promise<number[]> => {
    const results = await (await Team.start(map.buffer, members)).results<number>();
    expect(results).not.toContain(undefined);
    return results as number[];
  };
  const expectPairs = (map: OpenedMap): void => {
    for (const [key, value] of contentOf(map)) expect(key).toBe(`sku-${value}`);
  };

  test('Size', () => {
    const map = createShared({ entriesMax: 300, wide });
    for (let size = 0; size < 300; size++) {
      expect(map.size).toBe(size);
      map.store(`${size}`, 1);
    }
    for (let size = 300; size > 0; size--) {
      expect(map.size).toBe(size);
      map.delete(`${size - 1}`);
    }
    expect(map.size).toBe(0);
  });

  test('Resize', () => {
    const options = { entriesMax: 20_000, keyLengthMax: 8 };
    const map = wide ? SharedConcurrentInt64Map.create(options) : SharedConcurrentMap.create(options);
    const store = (key: string, value: number): void =>
      map.store(key, (wide ? BigInt(value) : value) as never);
    for (let key = 0; key < 20_000; key++) store(`${key}`, key);
    expect(map.size).toBe(20_000);
    expect(map.stats().promotions).toBeGreaterThan(0);
    let lost = 0;
    for (let key = 0; key < 20_000; key++) if (Number(map.load(`${key}`)) !== key) lost++;
    expect(lost).toBe(0);
    for (let key = 0; key < 20_000; key++) map.delete(`${key}`);
    map.compact();
    expect([map.size, map.stats().dirtySize]).toEqual([0, 0]);
    for (let key = 0; key < 20_000; key++) store(`again-${key % 100}`, key);
    expect(map.size).toBe(100);
  });

  test('ParallelResize_GrowOnly, DoesNotLoseEntriesOnResize', async () => {
    const map = createShared({ entriesMax: 20_000, wide });
    const won = (await together<number[]>(map.buffer, 2, 'winFirst', { keys: 20_000 })).flat();
    expect(won.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20_000 }, (_, key) => key));
    expect(map.size).toBe(20_000);
  });

  test('ParallelResize', async () => {
    // Room for the keys of the churn as well.
    const map = createShared({ entriesMax: 4_000, wide });
    const [stored] = await run(map, [
      pairs('offer', 30_000, 3_000),
      pairs('delete', 30_000, 3_000),
      { task: 'churn', options: { rounds: 60, compactEvery: 1 } },
    ]);
    expect(stored).toBe(30_000);
    expectPairs(map);
  });

  test('ParallelClear', async () => {
    const map = createShared({ entriesMax: 2_000, wide });
    const trie = { operation: 'Clear', shared: true, keys: 1_000, hash: 'good' };
    await run(map, [
      pairs('offer', 30_000, 1_000),
      pairs('delete', 30_000, 1_000),
      { task: 'trie', options: trie },
    ]);
    expectPairs(map);
    map.clear();
    expect(map.size).toBe(0);
  });

  test('ParallelStores', async () => {
    const map = createShared({ entriesMax: 100, wide });
    const storer = pairs('store', 60_000, 100);
    expect(await run(map, [storer, storer, storer])).toEqual([60_000, 60_000, 60_000]);
    expect(map.size).toBe(100);
    expectPairs(map);
  });

  test('AtomicSnapshot, ParallelStoresAndDeletes', async () => {
    const map = createShared({ entriesMax: 100, wide });
    const met = await run(map, [
      pairs('offer', 60_000, 100),
      pairs('delete', 60_000, 100),
      pairs('load', 60_000, 100),
    ]);
    expect(Math.min(...met)).toBeGreaterThan(0);
    expectPairs(map);
  });

  test('ParallelComputes', async () => {
    const map = createShared({ entriesMax: 10, wide });
    for (let key = 0; key < 10; key++) map.store(`sku-${key}`, 0);
    await together(map.buffer, 3, 'raise', { keys: 10, rounds: 90_000 });
    for (let key = 0; key < 10; key++) expect(map.load(`sku-${key}`)).toBe(27_000);
  });

  test.each([
    ['ParallelRangeOnStores', 'store', 500],
    ['ParallelRangeOnDeletes', 'delete', 0],
  ] as const)('%s', async (_name, act, lasting) => {
    const map = createShared({ entriesMax: 500, wide });
    for (let key = 0; key < 500; key++) map.store(`sku-${key}`, key);
    const running = run(map, [pairs(act, 100_000, 500), pairs(act, 100_000, 500)]);
    const over = new AbortController();
    void running.finally(() => over.abort());
    while (!over.signal.aborted) {
      expectPairs(map);
      if (lasting > 0) expect(contentOf(map).size).toBe(lasting);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await running;
    expect(map.size).toBe(lasting);
  });
});
