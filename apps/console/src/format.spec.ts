import { expect, it } from '@jest/globals';
import { about, duration, money, rate } from './format.js';

it.each([
  [0, '0 s'],
  [59.4, '59 s'],
  [60, '1 min'],
  [200, '3 min 20 s'],
  [7_500, '2 h 5 min'],
  [260_000, '3 d'],
])('says %d seconds as %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

it.each([
  [0.2, '≈ 1 s'],
  [89.6, '≈ 90 s'],
  [142, '≈ 2 min'],
  [90_000, '≈ 25 h'],
])('estimates %d seconds as %s', (seconds, text) => {
  expect(about(seconds)).toBe(text);
});

it.each([
  [123_456, 'EUR', '1,234.56 EUR'],
  [-5, 'EUR', '-0.05 EUR'],
  [1_234_567, 'JPY', '1,234,567 JPY'],
  [1_234, 'BHD', '1.234 BHD'],
])('writes %d minor units of %s as %s', (value, currency, text) => {
  expect(money(value, currency)).toBe(text);
});

it('shows one digit of a small rate, none of a large one, and a dash for what is not known', () => {
  expect([rate(0), rate(0.04), rate(3.14), rate(9_876.5), rate(null)]).toEqual([
    '0',
    '0',
    '3.1',
    '9,877',
    '–',
  ]);
});
