/** What is different about int64 values; the rest they have in common with int32 ones, see map-contract.spec.ts. */
import { describe, expect, test } from '@jest/globals';
import {
  MapFullError,
  NotAMapBufferError,
  SharedConcurrentInt64Map,
  SharedConcurrentMap,
  ValueOutOfRangeError,
} from './index.js';
import { geometryIn, guardWords, header, limits } from './shared/layout.js';

const max = 2n ** 63n - 1n;
const min = -(2n ** 63n) + 2n ** 33n;

describe('values', () => {
  test('are bigints of 64 bits, less 2^33 at the lower end', () => {
    const map = SharedConcurrentInt64Map.create({ entriesMax: 8 });
    for (const value of [max, min, 0n, -1n, 2n ** 53n + 1n, 2n ** 32n, -(2n ** 32n)]) {
      map.store('v', value);
      expect(map.load('v')).toBe(value);
      expect(SharedConcurrentInt64Map.attach(map.buffer).load('v')).toBe(value);
    }
    for (const value of [max + 1n, min - 1n, -(2n ** 63n), 1 as never, undefined as never, '1' as never]) {
      for (const attempt of [
        () => map.store('v', value),
        () => map.swap('w', value),
        () => map.loadOrStore('w', value),
        () => map.compareAndSwap('v', 0n, value),
      ]) {
        expect(attempt).toThrow(ValueOutOfRangeError);
      }
    }
    expect(map.size).toBe(1);
  });

  test('that cannot be stored are never the expected ones', () => {
    const map = SharedConcurrentInt64Map.create({ entriesMax: 8 });
    map.store('k', 1n);
    map.delete('k');
    for (const expected of [-(2n ** 63n), -(2n ** 63n) + 2n ** 32n, 1 as never]) {
      expect(map.compareAndSwap('k', expected, 5n)).toBe(false);
      expect(map.compareAndDelete('k', expected)).toBe(false);
    }
    expect(map.load('k')).toBeUndefined();
  });

  test('a sum out of range, a number and a negative quantity are refused and change nothing', () => {
    const map = SharedConcurrentInt64Map.create({ entriesMax: 8 });
    map.store('k', max - 1n);
    expect(map.add('k', 1n)).toBe(max);
    for (const attempt of [
      () => map.add('k', 1n),
      () => map.add('k', 1 as never),
      () => map.takeIfAtLeast('k', -1n),
      () => map.takeIfAtLeast('k', 1 as never),
    ]) {
      expect(attempt).toThrow(expect.objectContaining({ code: 'value-out-of-range' }));
    }
    expect(map.takeIfAtLeast('k', max)).toBe(0n);
    expect(map.takeIfAtLeast('k', 1n)).toBeUndefined();
    expect(map.takeIfAtLeast('nowhere', 0n)).toBeUndefined();
  });
});

test('keys stored and deleted for ever never fill a map', () => {
  const map = SharedConcurrentInt64Map.create({ entriesMax: 8 });
  for (let round = 0; round < 5_000; round++) {
    map.store(`key-${round}`, BigInt(round));
    expect(map.loadAndDelete(`key-${round}`)).toBe(BigInt(round));
  }
  expect(map.size).toBe(0);
});

test('a map is opened only by the class that its values are for', () => {
  const narrow = SharedConcurrentMap.create({ entriesMax: 8 }).buffer;
  const wide = SharedConcurrentInt64Map.create({ entriesMax: 8 }).buffer;
  expect(() => SharedConcurrentInt64Map.attach(narrow)).toThrow(NotAMapBufferError);
  expect(() => SharedConcurrentMap.attach(wide)).toThrow('open it with SharedConcurrentInt64Map.attach');
});

describe('threads that died in the middle of a write', () => {
  /** What a death between raising and lowering leaves behind. */
  function mapAfterDeaths(deaths: number): SharedConcurrentInt64Map {
    const map = SharedConcurrentInt64Map.create({ entriesMax: 8 });
    const words = new Int32Array(map.buffer);
    const { guardsAt, recordsAt } = geometryIn(map.buffer);
    for (let guard = 0; guard < Math.min(deaths, limits.guards); guard++)
      Atomics.store(words, guardsAt + guard * guardWords, recordsAt);
    Atomics.add(words, header.unguarded, Math.max(deaths - limits.guards, 0));
    return map;
  }

  function passKeys(map: SharedConcurrentInt64Map, count: number): void {
    for (let key = 0; key < count; key++) {
      map.store(`passing-${key}`, 1n);
      expect(map.takeIfAtLeast(`passing-${key}`, 1n)).toBe(0n);
      expect(map.delete(`passing-${key}`)).toBe(true);
    }
  }

  test('as many as there are guards: every operation goes on, and room comes back', () => {
    const map = mapAfterDeaths(limits.guards);
    map.store('stock', 9n);
    passKeys(map, 2_000);
    expect(map.takeIfAtLeast('stock', 2n)).toBe(7n);
  });

  test('one more: writes go on, and new keys are refused once the records have been used up', () => {
    const map = mapAfterDeaths(limits.guards + 1);
    map.store('stock', 9n);
    passKeys(map, 100);
    expect(() => passKeys(map, 2_000)).toThrow(MapFullError);
    expect(map.takeIfAtLeast('stock', 2n)).toBe(7n);
    map.store('stock', 5n);
    expect(map.compareAndDelete('stock', 5n)).toBe(true);
    expect(map.size).toBe(0);
  });
});
