/** What a thread remembers of its keys, and when it stops. */
import { expect, test } from '@jest/globals';
import { InternCache } from './intern-cache.js';

const fits = 2 ** 16;

/** Asks for keys as the maps do. Returns how many were remembered. */
function ask(cache: InternCache, keys: Iterable<number>): number {
  let found = 0;
  for (const number of keys) {
    cache.finds++;
    if (cache.get(`sku-${number}`) === undefined) cache.add(`sku-${number}`, number);
    else found++;
  }
  return found;
}

function* range(from: number, to: number): Generator<number> {
  for (let number = from; number < to; number++) yield number;
}

test('as many keys as fit are all remembered', () => {
  const cache = new InternCache();
  expect(ask(cache, range(0, fits))).toBe(0);
  expect(ask(cache, range(0, fits))).toBe(fits);
});

test('a sweep over cold keys does not wash out hot ones', () => {
  const cache = new InternCache();
  function* hotAndCold(): Generator<number> {
    for (let number = 0; number < 10 * fits; number++) {
      yield number % 100;
      yield 1_000 + number;
    }
  }
  ask(cache, hotAndCold());
  expect(ask(cache, range(0, 100))).toBe(100);
});

test('where hardly a key is asked for again it rests, empty, and tries anew later', () => {
  const cache = new InternCache();
  ask(cache, range(0, 3 * fits));
  expect(cache.size).toBe(0);
  ask(cache, range(0, 2 ** 20 - fits + 1));
  ask(cache, range(0, 100));
  expect(ask(cache, range(0, 100))).toBe(100);
});
