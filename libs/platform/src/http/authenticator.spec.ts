import { expect, test } from '@jest/globals';
import { apiKey } from '../config/api-keys.js';
import { Authenticator } from './authenticator.js';

const shop = apiKey('shop', ['storefront'], 'a-secret-of-the-shop');
const field = 'Bearer a-secret-of-the-shop';

function authenticatorAt(start: number): {
  authenticator: Authenticator;
  keys: (typeof shop)[];
  at: (ms: number) => void;
} {
  let nowMs = start;
  const keys = [shop];
  const authenticator = new Authenticator(keys, { monotonicMs: () => nowMs });
  return { authenticator, keys, at: (ms) => void (nowMs = ms) };
}

test('finds the key of a field, the first time and every other', () => {
  const { authenticator } = authenticatorAt(5);
  for (let time = 1; time <= 3; time += 1) expect(authenticator.authenticate(field)).toBe(shop);
  expect(authenticator.authenticate('bearer   a-secret-of-the-shop')).toBe(shop);
});

test('nothing, another scheme and an unknown secret are nobody, however often', () => {
  const { authenticator } = authenticatorAt(5);
  for (const other of [
    undefined,
    '',
    'Basic a-secret-of-the-shop',
    'Bearer',
    `${field}2`,
    field.slice(0, -1),
  ]) {
    for (let time = 1; time <= 2; time += 1) expect(authenticator.authenticate(other)).toBeUndefined();
  }
});

test('a key that was withdrawn is remembered for a minute, no longer', () => {
  const { authenticator, keys, at } = authenticatorAt(5);
  expect(authenticator.authenticate(field)).toBe(shop);
  keys.pop();
  at(60_004);
  expect(authenticator.authenticate(field)).toBe(shop);
  at(60_005);
  expect(authenticator.authenticate(field)).toBeUndefined();
});

test('many spellings of one key do not fill the memory', () => {
  const { authenticator } = authenticatorAt(5);
  for (let spaces = 1; spaces <= 2_000; spaces += 1) {
    expect(authenticator.authenticate(`Bearer${' '.repeat(spaces)}a-secret-of-the-shop`)).toBe(shop);
  }
  expect(
    (authenticator as unknown as { remembered: Map<string, unknown> }).remembered.size,
  ).toBeLessThanOrEqual(256);
});
