/**
 * Amounts as files write them, as integer minor units: exactly or not at all. Digits are never passed through a floating
 * point number, and an amount that is finer than its currency is refused, not rounded.
 */
import { exponentOf, limits } from '#domain';

import { RowError } from './row-error.js';

/**
 * What separates decimals. `shown`: what the amount itself shows, in a file that should write points; `shown-comma`: in one
 * that should write commas. Where three digits follow a lone separator of the other kind, nobody can tell cents from
 * thousands, and the amount is refused.
 */
export type DecimalMark = '.' | ',' | 'shown' | 'shown-comma';

const plain = /^-?\d{1,15}(?:\.\d{1,2})?$/;
const spaces = /[\s\u00a0\u202f\u2009'’]/gu;
const grouped = /^\d{1,3}(?:[.,]\d{2,3})*[.,]\d{3}$/;

/** Three capitals of ISO 4217, whatever their case in the file. @throws RowError */
export function currencyOf(text: string, field: string): string {
  const currency = text.trim().toUpperCase();
  if (currency === '') throw new RowError(`${field} is empty.`);
  if (exponentOf(currency) === undefined)
    throw new RowError(`${field} "${clip(text)}" is not a currency of ISO 4217.`);
  return currency;
}

/**
 * @param field its name, for the reason
 * @returns minor units; 0 where the field is empty
 * @throws RowError no number, finer than the currency, or larger than an amount can be
 */
export function minorUnits(
  text: string,
  currency: string,
  field: string,
  mark: DecimalMark = 'shown',
): number {
  const exponent = exponentOf(currency) ?? 2;
  if ((mark === '.' || mark === 'shown') && exponent === 2 && plain.test(text))
    return plainCents(text, field);
  const { negative, digits } = unsigned(text.replace(spaces, '').replace(/[\u2212\u2010-\u2013]/u, '-'));
  if (digits === '') {
    if (negative) throw new RowError(`${field} "${clip(text)}" is not an amount.`);
    return 0;
  }
  const [whole, fraction] = split(digits, mark);
  if (whole === null || !/^\d*$/.test(fraction) || (whole === '' && fraction === '')) {
    throw new RowError(`${field} "${clip(text)}" is not an amount.`);
  }
  const kept = fraction.replace(/0+$/, '');
  if (kept.length > exponent) {
    throw new RowError(`${field} "${clip(text)}" is finer than ${currency}, which has ${exponent} decimals.`);
  }
  const value = Number(whole + kept.padEnd(exponent, '0'));
  if (value > limits.minorUnitsMax) throw new RowError(`${field} "${clip(text)}" is too large.`);
  return negative && value !== 0 ? -value : value;
}

function plainCents(text: string, field: string): number {
  const point = text.indexOf('.');
  const value =
    point === -1 ? Number(text) * 100 : Number(text.slice(0, point) + text.slice(point + 1).padEnd(2, '0'));
  if (Math.abs(value) > limits.minorUnitsMax) throw new RowError(`${field} "${clip(text)}" is too large.`);
  return value === 0 ? 0 : value;
}

/** Signs stand before or after, or as parentheses, as accountants write them. */
function unsigned(text: string): { negative: boolean; digits: string } {
  if (text.startsWith('(') && text.endsWith(')')) return { negative: true, digits: text.slice(1, -1) };
  if (text.startsWith('-')) return { negative: true, digits: text.slice(1) };
  if (text.endsWith('-')) return { negative: true, digits: text.slice(0, -1) };
  return { negative: false, digits: text.startsWith('+') ? text.slice(1) : text };
}

/** Whole and fraction; a null whole: the digits are grouped in no way that is known, or in two. */
function split(digits: string, mark: DecimalMark): [string | null, string] {
  const decimal = mark === 'shown' || mark === 'shown-comma' ? shownMark(digits, mark) : mark;
  if (decimal === null) return [null, ''];
  const at = digits.lastIndexOf(decimal);
  const whole = at === -1 ? digits : digits.slice(0, at);
  const fraction = at === -1 ? '' : digits.slice(at + 1);
  return [ungrouped(whole, decimal === '.' ? ',' : '.'), fraction];
}

/** Of two different separators the last is the decimal one; one that is repeated groups thousands. Null: cannot be told. */
function shownMark(digits: string, mark: 'shown' | 'shown-comma'): '.' | ',' | null {
  const comma = digits.lastIndexOf(',');
  const point = digits.lastIndexOf('.');
  if (comma === -1 && point === -1) return '.';
  if (comma !== -1 && point !== -1) return comma > point ? ',' : '.';
  const only = comma === -1 ? '.' : ',';
  if (digits.indexOf(only) !== digits.lastIndexOf(only)) return only === '.' ? ',' : '.';
  const expected = mark === 'shown' ? '.' : ',';
  return only !== expected && grouped.test(digits) ? null : only;
}

function ungrouped(whole: string, separator: '.' | ','): string | null {
  if (/^\d*$/.test(whole)) return whole;
  return grouped.test(whole) && !whole.includes(separator === '.' ? ',' : '.')
    ? whole.replaceAll(separator, '')
    : null;
}

export const clip = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
