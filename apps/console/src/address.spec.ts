import { expect, it } from '@jest/globals';
import { href, parseRoute } from './address.js';

it.each([
  ['', { page: 'sale', subject: '', query: {} }],
  ['#/', { page: 'sale', subject: '', query: {} }],
  ['#/sale/demo', { page: 'sale', subject: 'demo', query: {} }],
  [
    '#/reservations?buyer=a%20b&status=',
    { page: 'reservations', subject: '', query: { buyer: 'a b', status: '' } },
  ],
  ['#/sale/%zz', { page: 'sale', subject: '%zz', query: {} }],
])('reads %j', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
});

it('finds back whatever a link was made of', () => {
  const strange = 'a/b?c#d %&=é';
  const address = href('reservations', strange, { buyer: strange, status: '' });
  expect(parseRoute(address)).toEqual({ page: 'reservations', subject: strange, query: { buyer: strange } });
});
