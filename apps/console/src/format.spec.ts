import { expect, it } from '@jest/globals';
import { about, ago, duration, milliseconds, money, rate, short } from './format.js';

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

it.each([
  [0, 'now'],
  [-2_000, 'now'],
  [59_400, '59 s ago'],
  [60_000, '1 min ago'],
  [7_500_000, '2 h ago'],
  [260_000_000, '3 d ago'],
  [-300_000, 'in 5 min'],
])('says %d ms later how long ago it was: %s', (laterMs, text) => {
  expect(ago('2026-11-27T12:00:00.000Z', Date.UTC(2026, 10, 27, 12) + laterMs)).toBe(text);
});

it('gives a latency in milliseconds, and in seconds when it is long', () => {
  expect([milliseconds(0.42), milliseconds(1_246), milliseconds(21_364)]).toEqual([
    '0.4 ms',
    '1,246 ms',
    '21.4 s',
  ]);
});

it.each([
  [999_999, '999,999'],
  [1_250_000, '1.25M'],
  [1_234_567_890_123, '1.23T'],
])('writes %d in little room as %s', (value, text) => {
  expect(short(value)).toBe(text);
});
