/** When a row that comes again is the one that is known. */
import { expect, it } from '@jest/globals';

import { saysTheSame } from './same-row.js';

const known = JSON.stringify({ 'Order Id': 'o-1', net: '9.70', card: 'visa' });

it.each([
  ['the same', { 'Order Id': 'o-1', net: '9.70', card: 'visa' }, true],
  ['in another order', { net: '9.70', card: 'visa', 'Order Id': 'o-1' }, true],
  ['with names in another case', { ORDER_ID: 'o-1', Net: '9.70', Card: 'visa' }, true],
  ['with fewer columns', { net: '9.70' }, true],
  ['with more columns', { 'Order Id': 'o-1', net: '9.70', card: 'visa', country: 'JP' }, true],
  ['with another value', { 'Order Id': 'o-1', net: '9.71', card: 'visa' }, false],
  ['with another value under a name in another case', { 'order-id': 'o-2', country: 'JP' }, false],
  ['with a value of another kind', { net: 9.7 }, false],
])('a row %s', (_, again, same) => {
  expect(saysTheSame(known, JSON.stringify(again))).toBe(same);
});

it.each([
  ['text', 'text', true],
  ['text', 'Text', false],
  ['[1]', '[1]', true],
  ['[1]', '[1,2]', false],
  [known, 'text', false],
  ['null', known, false],
])('%s and %s have no columns, and are compared to the letter', (before, again, same) => {
  expect(saysTheSame(before, again)).toBe(same);
});
