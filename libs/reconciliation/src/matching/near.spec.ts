import { expect, test } from '@jest/globals';
import { array, assert, integer, property } from 'fast-check';
import { near } from './near.js';

test('finds those that a look at each finds, its bounds included', () => {
  const time = integer({ min: 0, max: 30 });
  assert(
    property(array(time), time, integer({ min: 0, max: 10 }), (some, at, withinMs) => {
      const times = some.toSorted((left, right) => left - right);
      const { first, count } = near(times, at, withinMs);
      expect(times.slice(first, first + count)).toEqual(
        times.filter((other) => Math.abs(other - at) <= withinMs),
      );
    }),
  );
});
