import * as fc from 'fast-check';
import { expect, it } from '@jest/globals';
import { systemRandom } from '../adapters/system.js';
import { Cursors } from './cursor.js';

const cursors = new Cursors(Buffer.alloc(32, 7), systemRandom);
const list = { name: 'reservations', filter: { buyerId: 'b', sku: undefined } };
const invalid = expect.objectContaining({ slug: 'invalid-cursor', status: 400 });

it('opens what it sealed, for the same list and filter', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.maxSafeInteger())), (position) => {
      expect(cursors.open(list, cursors.seal(list, position))).toEqual(position);
    }),
  );
  expect(cursors.open({ name: 'reservations', filter: { buyerId: 'b' } }, cursors.seal(list, [1]))).toEqual([
    1,
  ]);
});

it('refuses another list, another filter and another secret', () => {
  const cursor = cursors.seal(list, ['x', 1]);
  expect(() => cursors.open({ ...list, name: 'orders' }, cursor)).toThrow(invalid);
  expect(() => cursors.open({ ...list, filter: { buyerId: 'c' } }, cursor)).toThrow(invalid);
  expect(() => cursors.open({ ...list, filter: { sku: 'b' } }, cursor)).toThrow(invalid);
  expect(() => cursors.open({ ...list, filter: {} }, cursor)).toThrow(invalid);
  expect(() => new Cursors(Buffer.alloc(32, 8), systemRandom).open(list, cursor)).toThrow(invalid);
});

it('refuses every change of a single character, also of the spare bits at the end', () => {
  const cursor = cursors.seal(list, ['x']);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= ';
  for (let at = 0; at < cursor.length; at++) {
    for (const other of alphabet) {
      if (other === cursor[at]) continue;
      const changed = cursor.slice(0, at) + other + cursor.slice(at + 1);
      expect(() => cursors.open(list, changed)).toThrow(invalid);
    }
  }
});

it('refuses whatever anyone invents', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.string({ unit: 'binary' })), (text) => {
      expect(() => cursors.open(list, text)).toThrow(invalid);
    }),
  );
  expect(() => cursors.open(list, 'A'.repeat(100_000))).toThrow(invalid);
});

it('does not show the position', () => {
  const cursor = cursors.seal(list, ['buyer-in-the-clear']);
  expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain('buyer');
});

it('wants a secret of 32 bytes', () => {
  expect(() => new Cursors(Buffer.alloc(16), systemRandom)).toThrow(RangeError);
});
