import { expect, test } from '@jest/globals';
import { apiKey } from '../config/api-keys.js';
import { Callers } from './callers.js';

const shop = apiKey('shop', ['storefront'], 'a-secret-of-the-shop');
const field = 'Bearer a-secret-of-the-shop';

function callersAt(start: number): { callers: Callers; keys: (typeof shop)[]; at: (ms: number) => void } {
  let nowMs = start;
  const keys = [shop];
  const callers = new Callers(keys, { monotonicMs: () => nowMs });
  return { callers, keys, at: (ms) => void (nowMs = ms) };
}

test('finds the key of a field, the first time and every other', () => {
  const { callers } = callersAt(5);
  for (let time = 1; time <= 3; time += 1) expect(callers.keyOf(field)).toBe(shop);
  expect(callers.keyOf('bearer   a-secret-of-the-shop')).toBe(shop);
});

test('nothing, another scheme and an unknown secret are nobody, however often', () => {
  const { callers } = callersAt(5);
  for (const other of [
    undefined,
    '',
    'Basic a-secret-of-the-shop',
    'Bearer',
    `${field}2`,
    field.slice(0, -1),
  ]) {
    for (let time = 1; time <= 2; time += 1) expect(callers.keyOf(other)).toBeUndefined();
  }
});

test('a key that was withdrawn is remembered for a minute, no longer', () => {
  const { callers, keys, at } = callersAt(5);
  expect(callers.keyOf(field)).toBe(shop);
  keys.pop();
  at(60_004);
  expect(callers.keyOf(field)).toBe(shop);
  at(60_005);
  expect(callers.keyOf(field)).toBeUndefined();
});

test('many spellings of one key do not fill the memory', () => {
  const { callers } = callersAt(5);
  for (let spaces = 1; spaces <= 2_000; spaces += 1) {
    expect(callers.keyOf(`Bearer${' '.repeat(spaces)}a-secret-of-the-shop`)).toBe(shop);
  }
  expect((callers as unknown as { remembered: Map<string, unknown> }).remembered.size).toBeLessThanOrEqual(
    256,
  );
});
