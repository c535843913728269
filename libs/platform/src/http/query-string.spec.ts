import { expect, it } from '@jest/globals';
import { parseQueryString, unreadableQuery } from './query-string.js';

it.each([
  ['', {}],
  ['a=1&b=', { a: '1', b: '' }],
  ['a', { a: '' }],
  ['a=1=2', { a: '1=2' }],
  ['a=x+y%20z', { a: 'x y z' }],
  ['a=1&a=2&a=3', { a: ['1', '2', '3'] }],
  ['&&a=1&', { a: '1' }],
  ['%61=%C3%A9', { a: 'é' }],
])('reads %j', (text, expected) => {
  expect({ ...parseQueryString(text) }).toEqual(expected);
});

it.each([
  'a=%',
  'a=%zz',
  '%=1',
  'a=%FF',
  'a=%ED%A0%80',
  Array.from({ length: 51 }, (_, at) => `p${at}`).join('&'),
])('refuses to read %j', (text) => {
  expect(parseQueryString(text)).toBe(unreadableQuery);
});

it('keeps __proto__ as a name like any other', () => {
  expect(Object.keys(parseQueryString('__proto__=1'))).toEqual(['__proto__']);
});
