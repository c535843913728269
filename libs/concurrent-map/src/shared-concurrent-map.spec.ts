/** The shared map on one thread: keys, values, refusals, room. What several threads make of it is under test/. */
import { describe, expect, test } from '@jest/globals';
import {
  ConcurrentMapError,
  InvalidOptionsError,
  KeyTooLongError,
  MapFullError,
  NotAMapBufferError,
  SharedConcurrentMap,
  ValueOutOfRangeError,
} from './index.js';
import { open } from '../test/support/opened.js';

const contentOf = (map: Pick<SharedConcurrentMap, 'range'>): [string, number][] => {
  const entries: [string, number][] = [];
  map.range((key, value) => void entries.push([key, value]));
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
};

describe('keys', () => {
  test('of any UTF-16 units are kept exactly, also empty ones and lone surrogates', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 20, keyLengthMax: 11 });
    const keys = [
      '',
      '\0',
      '\0\0',
      'é',
      '漢字',
      '😀',
      '\ud83d',
      '\ude00',
      '\ude00\ud83d',
      'e\u0301',
      ' ',
      'constructor',
    ];
    for (const [at, key] of keys.entries()) map.store(key, at);
    const other = SharedConcurrentMap.attach(map.buffer);
    for (const [at, key] of keys.entries()) expect(other.load(key)).toBe(at);
    expect(contentOf(other).map(([key]) => key)).toEqual(keys.toSorted((a, b) => (a < b ? -1 : 1)));
  });

  test('up to the declared length fit, longer ones are refused when stored and absent when looked for', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 4, keyLengthMax: 5 });
    map.store('12345', 1);
    expect(map.load('12345')).toBe(1);
    expect(() => map.store('123456', 1)).toThrow(KeyTooLongError);
    expect(() => map.loadOrStore('123456', 1)).toThrow(expect.objectContaining({ code: 'key-too-long' }));
    expect(map.load('123456')).toBeUndefined();
    expect(map.delete('123456')).toBe(false);
    expect(map.size).toBe(1);
  });

  test.each([1, 23, 24, 25, 26, 64])(
    'of up to %d units are told from each other by each of them',
    (keyLengthMax) => {
      const { buffer } = SharedConcurrentMap.create({ entriesMax: 200, keyLengthMax });
      // Under one hash nothing but the units tells keys apart, be they in the record or behind it.
      const map = open(buffer, 'constant');
      const keys = Array.from({ length: keyLengthMax + 1 }, (_, length) => 'x'.repeat(length));
      for (let at = 0; at < keyLengthMax; at++)
        keys.push(`${'x'.repeat(at)}y${'x'.repeat(keyLengthMax - at - 1)}`);
      for (const [at, key] of keys.entries()) map.store(key, at);
      const other = open(buffer, 'constant');
      for (const [at, key] of keys.entries()) expect(other.load(key)).toBe(at);
      expect(contentOf(other).map(([key]) => key)).toEqual(keys.toSorted());
    },
  );

  test('as many as declared fit at their full length', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 500, keyLengthMax: 300 });
    for (let key = 0; key < 500; key++) map.store(String(key).padStart(300, 'x'), key);
    expect(map.size).toBe(500);
    for (let key = 0; key < 500; key++) expect(map.load(String(key).padStart(300, 'x'))).toBe(key);
  });
});

describe('values', () => {
  test('are int32, less two at the lower end', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 8 });
    for (const value of [2 ** 31 - 1, -(2 ** 31) + 2, 0, -1]) {
      map.store('v', value);
      expect(map.load('v')).toBe(value);
    }
    map.store('v', -0);
    expect(Object.is(map.load('v'), 0)).toBe(true);
    for (const value of [2 ** 31, -(2 ** 31), -(2 ** 31) + 1, 1.5, Number.NaN, Infinity]) {
      for (const attempt of [
        () => map.store('v', value),
        () => map.swap('w', value),
        () => map.loadOrStore('w', value),
        () => map.compareAndSwap('v', 0, value),
      ]) {
        expect(attempt).toThrow(ValueOutOfRangeError);
        expect(attempt).toThrow(expect.objectContaining({ code: 'value-out-of-range' }));
      }
    }
    expect(contentOf(map)).toEqual([['v', 0]]);
  });

  test('that cannot be stored are never the expected ones', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 8 });
    map.store('k', 1);
    map.delete('k');
    for (const expected of [-(2 ** 31), -(2 ** 31) + 1, Number.NaN, 0.5]) {
      expect(map.compareAndSwap('k', expected, 5)).toBe(false);
      expect(map.compareAndDelete('k', expected)).toBe(false);
    }
    expect(map.load('k')).toBeUndefined();
  });

  test('a sum out of range is refused and changes nothing', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 8 });
    map.store('k', 2 ** 31 - 2);
    expect(map.add('k', 1)).toBe(2 ** 31 - 1);
    expect(() => map.add('k', 1)).toThrow(ValueOutOfRangeError);
    expect(() => map.add('k', -(2 ** 32))).toThrow(ValueOutOfRangeError);
    expect(() => map.add('k', 0.5)).toThrow(ValueOutOfRangeError);
    expect(map.load('k')).toBe(2 ** 31 - 1);
    expect(map.add('nowhere', 1)).toBeUndefined();
  });

  test('takeIfAtLeast takes all or nothing', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 8 });
    expect(map.takeIfAtLeast('k', 0)).toBeUndefined();
    map.store('k', 3);
    expect(map.takeIfAtLeast('k', 4)).toBeUndefined();
    expect(map.takeIfAtLeast('k', 2)).toBe(1);
    expect(map.takeIfAtLeast('k', 2)).toBeUndefined();
    expect(map.takeIfAtLeast('k', 1)).toBe(0);
    expect(map.takeIfAtLeast('k', 0)).toBe(0);
    expect(map.takeIfAtLeast('k', 1)).toBeUndefined();
    expect(map.takeIfAtLeast('k', 2 ** 40)).toBeUndefined();
    for (const quantity of [-1, 0.5, Number.NaN]) {
      expect(() => map.takeIfAtLeast('k', quantity)).toThrow(ValueOutOfRangeError);
    }
    expect(map.load('k')).toBe(0);
  });
});

describe('room', () => {
  test('exactly the declared keys fit; a refusal loses nothing, and a deletion makes room', () => {
    for (const entriesMax of [1, 2, 100]) {
      const map = SharedConcurrentMap.create({ entriesMax });
      for (let key = 0; key < entriesMax; key++) map.store(`key-${key}`, key);
      for (let attempt = 0; attempt < 3; attempt++) {
        expect(() => map.store('one more', 1)).toThrow(MapFullError);
        expect(() => map.loadOrStore('one more', 1)).toThrow(expect.objectContaining({ code: 'full' }));
      }
      map.store('key-0', 7);
      expect(map.size).toBe(entriesMax);
      expect(map.delete('key-0')).toBe(true);
      map.store('one more', 1);
      expect(() => map.store('key-0', 1)).toThrow(MapFullError);
      expect(map.size).toBe(entriesMax);
      for (let key = 1; key < entriesMax; key++) expect(map.load(`key-${key}`)).toBe(key);
    }
  });

  test('of deleted keys comes back, for ever, at the limit and with lasting keys beside', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 50 });
    for (let key = 0; key < 49; key++) map.store(`lasting-${key}`, key);
    for (let round = 0; round < 20_000; round++) {
      map.store(`passing-${round}`, round);
      expect(map.loadAndDelete(`passing-${round}`)).toBe(round);
    }
    expect(map.size).toBe(49);
    for (let key = 0; key < 49; key++) expect(map.load(`lasting-${key}`)).toBe(key);
  });

  test('comes back after every clear', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 300 });
    for (let round = 0; round < 50; round++) {
      for (let key = 0; key < 300; key++) map.store(`${round}:${key}`, key);
      expect(map.size).toBe(300);
      map.clear();
      expect(map.size).toBe(0);
      expect(map.load(`${round}:1`)).toBeUndefined();
    }
  });

  test('compact keeps what is there and drops what was deleted', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 1_000 });
    for (let key = 0; key < 1_000; key++) map.store(`key-${key}`, key);
    for (let key = 0; key < 1_000; key += 2) map.delete(`key-${key}`);
    expect(map.stats().dirtySize).toBe(1_000);
    map.compact();
    expect(map.stats().dirtySize).toBe(500);
    expect(map.size).toBe(500);
    for (let key = 0; key < 1_000; key++)
      expect(map.load(`key-${key}`)).toBe(key % 2 === 0 ? undefined : key);
    map.compact();
    for (let key = 0; key < 500; key++) map.store(`new-${key}`, key);
    expect(map.size).toBe(1_000);
  });
});

test('compactStep drops what was deleted before it began, a piece in each call, whatever is written meanwhile', () => {
  const map = SharedConcurrentMap.create({ entriesMax: 10_000 });
  for (let key = 0; key < 6_000; key++) map.store(`key-${key}`, key);
  for (let key = 0; key < 3_000; key++) map.delete(`key-${key}`);
  let steps = 1;
  for (; !map.compactStep(); steps++) {
    map.delete(`key-${3_000 + steps}`);
    map.store(`new-${steps % 10}`, steps);
  }
  expect(steps).toBeGreaterThan(30);
  const { dirtySize } = map.stats();
  expect(dirtySize).toBeGreaterThan(2_000);
  expect(dirtySize).toBeLessThanOrEqual(3_010);
  // A rebuild under way keeps some of what is deleted while it goes on: a compaction that finds one goes on to the next.
  const halfWay = SharedConcurrentMap.create({ entriesMax: 10_000 });
  for (let key = 0; key < 5_000; key++) halfWay.store(`key-${key}`, key);
  const other = SharedConcurrentMap.attach(halfWay.buffer);
  for (let step = 0; step < 20; step++) other.compactStep();
  for (let key = 0; key < 5_000; key++) halfWay.delete(`key-${key}`);
  while (!halfWay.compactStep());
  expect(halfWay.stats().dirtySize).toBe(0);
});

describe('buffers', () => {
  test('of another making are refused', () => {
    const right = SharedConcurrentMap.create({ entriesMax: 10 }).buffer;
    const copyWith = (change: (words: Int32Array) => void, length = right.byteLength): SharedArrayBuffer => {
      const copy = new SharedArrayBuffer(length);
      new Uint8Array(copy).set(new Uint8Array(right).subarray(0, length));
      change(new Int32Array(copy));
      return copy;
    };
    SharedConcurrentMap.attach(copyWith(() => {}));
    const wrong: unknown[] = [
      new SharedArrayBuffer(8),
      new SharedArrayBuffer(1 << 16),
      new SharedArrayBuffer(1 << 16, { maxByteLength: 1 << 17 }),
      new ArrayBuffer(1 << 16),
      undefined,
      copyWith((words) => (words[0] = 1)),
      copyWith((words) => (words[1] = 99)),
      copyWith((words) => (words[2] = 11)),
      copyWith((words) => (words[3] = 1_000_000)),
      copyWith(() => {}, right.byteLength - 4),
    ];
    for (const buffer of wrong) {
      const attempt = (): unknown => SharedConcurrentMap.attach(buffer as SharedArrayBuffer);
      expect(attempt).toThrow(NotAMapBufferError);
      expect(attempt).toThrow(ConcurrentMapError);
    }
  });

  test('of impossible sizes are not made', () => {
    for (const options of [
      { entriesMax: 0 },
      { entriesMax: 1.5 },
      { entriesMax: 10_000_001 },
      { entriesMax: 10, keyLengthMax: 0 },
      { entriesMax: 10, keyLengthMax: 5_000 },
      { entriesMax: 10_000_000, keyLengthMax: 4_096 },
    ]) {
      expect(() => SharedConcurrentMap.create(options)).toThrow(InvalidOptionsError);
    }
  });

  test('show every attached map the same content, also after clear and compact', () => {
    const map = SharedConcurrentMap.create({ entriesMax: 50 });
    const other = SharedConcurrentMap.attach(map.buffer);
    map.store('a', 1);
    expect(other.swap('a', 2)).toBe(1);
    expect(map.load('a')).toBe(2);
    map.clear();
    expect(other.load('a')).toBeUndefined();
    expect(other.compareAndSwap('a', 2, 3)).toBe(false);
    other.store('a', 4);
    map.compact();
    expect(map.takeIfAtLeast('a', 1)).toBe(3);
    expect(other.load('a')).toBe(3);
  });
});

test('TestMissesAndLoads: stats tell hot keys from cold ones', () => {
  const map = SharedConcurrentMap.create({ entriesMax: 50 });
  map.store('a', 1);
  for (let load = 0; load < 100; load++) map.load('a');
  expect(map.stats()).toMatchObject({ loads: 100, misses: 1, readSize: 1, dirtySize: 1, amended: false });
});
