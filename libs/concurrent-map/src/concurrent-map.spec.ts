/** What Go's own suite checks of sync.Map, the source document's scenarios, and the inner life that stats() shows. */
import { describe, expect, test } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ConcurrentMap, UndefinedValueError } from './index.js';

function filled(count: number): ConcurrentMap<string, number> {
  const map = new ConcurrentMap<string, number>();
  for (let key = 0; key < count; key++) map.store(`key-${key}`, key);
  return map;
}

function entriesOf<K, V>(map: ConcurrentMap<K, V>): Map<K, V> {
  const entries = new Map<K, V>();
  map.range((key, value) => {
    expect(entries.has(key)).toBe(false);
    entries.set(key, value);
  });
  return entries;
}

/** The read map takes over what is dirty. */
const promote = (map: ConcurrentMap<string, number>): void => map.range(() => false);

describe('values', () => {
  test('undefined is refused wherever a value is stored, and nothing changes', () => {
    const map = new ConcurrentMap<string, number | undefined>();
    map.store('a', 1);
    for (const attempt of [
      () => map.store('a', undefined),
      () => map.swap('a', undefined),
      () => map.loadOrStore('b', undefined),
      () => map.compareAndSwap('a', 1, undefined),
    ]) {
      expect(attempt).toThrow(UndefinedValueError);
      expect(attempt).toThrow(expect.objectContaining({ code: 'undefined-value' }));
    }
    expect([...entriesOf(map)]).toEqual([['a', 1]]);
  });

  test('are compared as Map keys are', () => {
    const map = new ConcurrentMap<unknown, unknown>();
    const object = {};
    map.store('nan', Number.NaN);
    map.store('zero', 0);
    map.store('object', object);
    map.store('null', null);
    expect(map.compareAndSwap('nan', Number.NaN, 1)).toBe(true);
    expect(map.compareAndSwap('zero', -0, 1)).toBe(true);
    expect(map.compareAndSwap('object', {}, 1)).toBe(false);
    expect(map.compareAndDelete('object', object)).toBe(true);
    expect(map.compareAndDelete('null', null)).toBe(true);
  });

  test('any key will do, told apart as in a Map', () => {
    const map = new ConcurrentMap<unknown, number>();
    const keys = [null, undefined, Number.NaN, 0, '0', '', Symbol('s'), {}, []];
    for (const [at, key] of keys.entries()) map.store(key, at);
    for (const [at, key] of keys.entries()) expect(map.load(key)).toBe(at);
    expect(map.load(-0)).toBe(3);
    expect(map.load({})).toBeUndefined();
  });
});

describe('compare operations never bring a key back', () => {
  test.each(['in the read map', 'in the dirty map', 'expunged', 'never there'])('%s', (where) => {
    const map = new ConcurrentMap<string, number>();
    if (where !== 'never there') map.store('k', 1);
    if (where === 'in the read map' || where === 'expunged') promote(map);
    map.delete('k');
    if (where === 'expunged') map.store('other', 1);
    expect(map.compareAndSwap('k', 1, 2)).toBe(false);
    expect(map.compareAndSwap('k', undefined as never, 2)).toBe(false);
    expect(map.compareAndDelete('k', undefined as never)).toBe(false);
    expect(map.load('k')).toBeUndefined();
  });
});

describe('range', () => {
  test('may be nested, and the map may be changed inside it', () => {
    const map = new ConcurrentMap<number, string>();
    for (const [key, value] of ['hello', 'world', 'again'].entries()) map.store(key, value);
    map.range((key) => {
      map.range((inner, value) => {
        expect(map.load(inner)).toBe(value);
        expect(map.loadOrStore(42, 'dummy').loaded).toBe(false);
        map.store(42, 'changed');
        expect(map.loadAndDelete(42)).toBe('changed');
      });
      map.delete(key);
    });
    expect(entriesOf(map).size).toBe(0);
  });

  test('stops at false, and only there', () => {
    const map = filled(10);
    let visits = 0;
    map.range(() => ++visits < 4);
    expect(visits).toBe(4);
    map.range(() => void visits++);
    expect(visits).toBe(14);
  });

  test('TestRangeConcurrentWithMutations: no key twice, no value older than the call, every lasting key', () => {
    const map = filled(1_000);
    const seen = new Map<string, number>();
    let turn = 0;
    map.range((key, value) => {
      expect(seen.has(key)).toBe(false);
      seen.set(key, value);
      const number = Number(key.slice(4));
      expect(value === number || value === number + 10_000).toBe(true);
      const ahead = `key-${(turn + 500) % 1_000}`;
      if (!seen.has(ahead)) map.store(ahead, ((turn + 500) % 1_000) + 10_000);
      map.store(`new-${turn}`, turn);
      if (turn % 7 === 0) map.load('nowhere');
      if (turn % 100 === 50) map.range(() => {});
      turn++;
    });
    expect(seen.size).toBe(1_000);
    expect([...seen.values()].filter((value) => value >= 10_000).length).toBeGreaterThan(400);
    expect(entriesOf(map).size).toBe(2_000);
  });

  test('does not visit what is deleted before its turn', () => {
    const map = filled(10);
    const seen: string[] = [];
    map.range((key) => {
      seen.push(key);
      for (let other = 0; other < 10; other++) if (`key-${other}` !== key) map.delete(`key-${other}`);
    });
    expect(seen).toEqual(['key-0']);
  });
});

describe('the scenarios of the source document', () => {
  test('TestConcurrentLoadAndDeleteRace: look, then act, loses what loadOrStore keeps', async () => {
    const fetchValue = (): Promise<number> => Promise.resolve(7);
    const run = async (
      fill: (map: ConcurrentMap<string, number>) => Promise<unknown>,
    ): Promise<unknown[]> => {
      const map = new ConcurrentMap<string, number>();
      const filling = fill(map);
      map.store('user', 8);
      return [await filling, map.load('user')];
    };
    const lookThenAct = async (map: ConcurrentMap<string, number>): Promise<number> => {
      const known = map.load('user');
      if (known !== undefined) return known;
      map.store('user', await fetchValue());
      return map.load('user')!;
    };
    const atOnce = async (map: ConcurrentMap<string, number>): Promise<number> =>
      map.loadOrStore('user', await fetchValue()).value;
    expect(await run(lookThenAct)).toEqual([7, 7]);
    expect(await run(atOnce)).toEqual([8, 8]);
  });

  test('TestLoadOrStoreConcurrentWithDeletes: the answers follow the state of the entry, in every place it can be', () => {
    const places: Record<string, (map: ConcurrentMap<string, number>) => void> = {
      read: promote,
      dirty: () => {},
      'read, with a dirty copy': (map) => {
        promote(map);
        map.store('other', 0);
      },
    };
    for (const [place, put] of Object.entries(places)) {
      const map = new ConcurrentMap<string, number>();
      map.store('k', 1);
      put(map);
      expect([place, map.loadOrStore('k', 2)]).toEqual([place, { value: 1, loaded: true }]);
      expect(map.delete('k')).toBe(true);
      expect(map.loadOrStore('k', 3)).toEqual({ value: 3, loaded: false });
      map.delete('k');
      put(map);
      expect(map.loadOrStore('k', 4)).toEqual({ value: 4, loaded: false });
      promote(map);
      expect(map.load('k')).toBe(4);
    }
  });

  test('TestMissesAndLoads: as many misses as the dirty map has keys make it the read map', () => {
    const map = filled(4);
    expect(map.stats()).toMatchObject({ amended: true, readSize: 0, dirtySize: 4, misses: 0, promotions: 0 });
    for (let load = 0; load < 3; load++) map.load('key-0');
    expect(map.stats()).toMatchObject({ amended: true, misses: 3, promotions: 0 });
    map.load('nowhere');
    expect(map.stats()).toMatchObject({
      amended: false,
      readSize: 4,
      dirtySize: 0,
      misses: 4,
      promotions: 1,
    });
    for (let load = 0; load < 96; load++) map.load('key-0');
    const { loads, misses } = map.stats();
    expect(1 - misses / loads).toBeCloseTo(0.96);
  });

  test('3.3: what a value points to lives as long as its entry does', async () => {
    const map = new ConcurrentMap<string, object>();
    const refs = new Map<string, WeakRef<object>>();
    const put = (key: string): void => {
      const value = { key };
      refs.set(key, new WeakRef(value));
      map.store(key, value);
    };
    put('cleared with all');
    map.range(() => false);
    for (const key of ['kept', 'deleted', 'replaced']) put(key);
    const alive = async (): Promise<string[]> => {
      // A WeakRef holds its target until the end of the turn in which it was made or looked at.
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
      return [...refs.keys()].filter((key) => refs.get(key)!.deref() !== undefined);
    };
    expect(await alive()).toEqual(['cleared with all', 'kept', 'deleted', 'replaced']);
    map.delete('deleted');
    map.store('replaced', {});
    expect(await alive()).toEqual(['cleared with all', 'kept']);
    map.clear();
    expect(await alive()).toEqual([]);
  });
});

describe('the two maps', () => {
  test('a key that was deleted before the read map knew it is forgotten at once', async () => {
    const map = new ConcurrentMap<object, number>();
    map.store({}, 0);
    const refs = Array.from({ length: 50 }, () => {
      const key = {};
      map.store(key, 1);
      map.delete(key);
      const conditional = {};
      map.store(conditional, 1);
      map.compareAndDelete(conditional, 1);
      return [new WeakRef(key), new WeakRef(conditional)];
    }).flat();
    expect(map.stats().dirtySize + map.stats().readSize).toBeLessThan(5);
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(refs.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(3);
  });

  test('a deleted key of the read map is gone two promotions later', () => {
    const map = filled(3);
    promote(map);
    map.delete('key-1');
    expect(map.stats()).toMatchObject({ readSize: 3, amended: false });
    map.store('new', 1);
    expect(map.stats()).toMatchObject({ readSize: 3, dirtySize: 3, dirtyCopies: 1 });
    promote(map);
    expect(map.stats()).toMatchObject({ readSize: 3, promotions: 2 });
    expect([...entriesOf(map).keys()].toSorted()).toEqual(['key-0', 'key-2', 'new']);
  });

  test('a key that is stored again after it was expunged survives the promotion', () => {
    const map = filled(2);
    promote(map);
    map.delete('key-0');
    map.store('new', 1);
    map.store('key-0', 5);
    map.delete('new');
    promote(map);
    expect(entriesOf(map)).toEqual(
      new Map([
        ['key-0', 5],
        ['key-1', 1],
      ]),
    );
  });

  test('a copy is spread: no operation copies more than 64 entries, and a promotion finds it complete', () => {
    const size = 10_000;
    const map = filled(size);
    promote(map);
    for (let key = 0; key < size; key += 2) map.delete(`key-${key}`);
    map.store('new', 1);
    let before = map.stats().dirtySize;
    expect(before).toBeLessThanOrEqual(64);
    // Deleted and stored again at both sides of where the copy has come to.
    map.store('key-0', -1);
    map.store(`key-${size - 2}`, -1);
    while (map.stats().amended) {
      map.load('nowhere');
      const { dirtySize, amended } = map.stats();
      if (amended) expect(dirtySize - before).toBeLessThanOrEqual(64);
      before = dirtySize;
    }
    const entries = entriesOf(map);
    expect(entries.size).toBe(size / 2 + 3);
    expect([entries.get('key-0'), entries.get(`key-${size - 2}`), entries.get('key-1')]).toEqual([-1, -1, 1]);
  });

  test('clear forgets both, whatever state they were in', () => {
    for (const prepare of [() => {}, promote, (map: ConcurrentMap<string, number>) => map.load('nowhere')]) {
      const map = filled(200);
      prepare(map);
      map.store('new', 1);
      map.clear();
      expect(entriesOf(map).size).toBe(0);
      expect(map.load('key-1')).toBeUndefined();
      map.store('key-1', 2);
      expect([...entriesOf(map)]).toEqual([['key-1', 2]]);
    }
  });
});

/** Needs a flag that can be set late; the function has to be made in a context that begins after it. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
