import * as fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import {
  adjustBody,
  confirmBody,
  listReservationsQuery,
  parseIdempotencyKey,
  parseIfMatch,
  payBody,
  problems,
  putSkuBody,
  reserveBody,
} from './index.js';

const cart = (lines: unknown) => ({ buyerId: 'b', lines });
const line = { sku: 'tee', quantity: 1 };

describe('reserve body', () => {
  it.each([
    ['one line', cart([line])],
    ['fifty lines', cart(Array.from({ length: 50 }, (_, at) => ({ sku: `s${at}`, quantity: 1 })))],
    ['two lines of one SKU', cart([line, line])],
    ['a buyer of 128 characters', { ...cart([line]), buyerId: 'x'.repeat(128) }],
    ['the largest quantity', cart([{ sku: 'tee', quantity: Number.MAX_SAFE_INTEGER }])],
    ['metadata of 4096 bytes', { ...cart([line]), metadata: { a: 'x'.repeat(4096 - 8) } }],
    [
      'a member of metadata called __proto__',
      { ...cart([line]), metadata: JSON.parse('{"__proto__":{"a":1}}') },
    ],
  ])('accepts %s', (_, body) => {
    expect(reserveBody.safeParse(body).success).toBe(true);
  });

  it.each([
    ['no lines', cart([])],
    ['51 lines', cart(Array.from({ length: 51 }, (_, at) => ({ sku: `s${at}`, quantity: 1 })))],
    ['a quantity of 0', cart([{ sku: 'tee', quantity: 0 }])],
    ['half a unit', cart([{ sku: 'tee', quantity: 0.5 }])],
    ['2^53 units', cart([{ sku: 'tee', quantity: 2 ** 53 }])],
    ['a quantity as text', cart([{ sku: 'tee', quantity: '1' }])],
    ['a sum beyond what is safe', cart([{ sku: 'tee', quantity: Number.MAX_SAFE_INTEGER }, line])],
    ['a member too many', { ...cart([line]), extra: 1 }],
    ['a line with a member too many', cart([{ ...line, extra: 1 }])],
    [
      'an own member called __proto__',
      JSON.parse('{"buyerId":"b","lines":[{"sku":"a","quantity":1}],"__proto__":1}'),
    ],
    ['an empty buyer', { ...cart([line]), buyerId: '' }],
    ['a buyer of 129 characters', { ...cart([line]), buyerId: 'x'.repeat(129) }],
    ['a NUL', { ...cart([line]), buyerId: 'a\0' }],
    ['half a surrogate pair', { ...cart([line]), buyerId: '\ud800' }],
    ['a SKU with a slash', cart([{ sku: 'a/b', quantity: 1 }])],
    ['a SKU with a newline at its end', cart([{ sku: 'a\n', quantity: 1 }])],
    ['a SKU of 65 characters', cart([{ sku: 'a'.repeat(65), quantity: 1 }])],
    ['a ttl of 0', { ...cart([line]), ttlSeconds: 0 }],
    ['a ttl of a day and a second', { ...cart([line]), ttlSeconds: 86_401 }],
    ['metadata that is a list', { ...cart([line]), metadata: [] }],
    ['metadata that is null', { ...cart([line]), metadata: null }],
    ['metadata of 4097 bytes', { ...cart([line]), metadata: { a: 'x'.repeat(4096 - 7) } }],
    ['a list', []],
    ['nothing', undefined],
  ])('refuses %s', (_, body) => {
    expect(reserveBody.safeParse(body).success).toBe(false);
  });
});

describe('other bodies', () => {
  it('takes an amount up to the largest, and names the field beyond it', () => {
    const pay = (value: number) =>
      payBody.safeParse({ provider: 'sandbox', amount: { value, currency: 'EUR' } });
    expect(pay(999_999_999_999_999).success).toBe(true);
    expect(pay(1_000_000_000_000_000).error?.issues[0]?.path).toEqual(['amount', 'value']);
  });

  it('takes a delta of either sign and refuses zero', () => {
    expect(adjustBody.safeParse({ delta: -3, reason: 'lost' }).success).toBe(true);
    expect(adjustBody.safeParse({ delta: 0, reason: 'lost' }).success).toBe(false);
    expect(adjustBody.safeParse({ delta: -(2 ** 53), reason: 'lost' }).success).toBe(false);
    expect(adjustBody.safeParse({ delta: 1, reason: '' }).success).toBe(false);
  });

  it('takes a buyer limit of null and refuses zero', () => {
    expect(putSkuBody.safeParse({ onHand: 0, buyerLimit: null }).success).toBe(true);
    expect(putSkuBody.safeParse({ onHand: Number.MAX_SAFE_INTEGER }).success).toBe(true);
    expect(putSkuBody.safeParse({ onHand: 0, buyerLimit: 0 }).success).toBe(false);
    expect(putSkuBody.safeParse({ onHand: -1 }).success).toBe(false);
  });

  it('lets a confirmation name its payment or not', () => {
    expect(confirmBody.safeParse({}).success).toBe(true);
    expect(confirmBody.safeParse({ paymentId: 5 }).success).toBe(false);
  });
});

describe('list query', () => {
  it.each(['1', '50', '1000'])('takes a limit of %s', (limit) => {
    expect(listReservationsQuery.safeParse({ limit }).success).toBe(true);
  });

  it.each(['0', '1001', '', ' 1', '+1', '-1', '1e2', '0x10', '1.0', '٣', '99999'])(
    'refuses a limit of %j',
    (limit) => {
      expect(listReservationsQuery.safeParse({ limit }).success).toBe(false);
    },
  );

  it('refuses a parameter given twice and one it does not know', () => {
    expect(listReservationsQuery.safeParse({ limit: ['1', '2'] }).success).toBe(false);
    expect(listReservationsQuery.safeParse({ page: '1' }).success).toBe(false);
  });
});

describe('Idempotency-Key', () => {
  it('is any 1 to 255 visible ASCII characters', () => {
    const visible = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    });
    fc.assert(
      fc.property(visible, (key) => {
        const expected = key.length === 0 || key.length > 255 ? 'invalid' : { key };
        expect(parseIdempotencyKey(key)).toEqual(expected);
      }),
    );
    expect(parseIdempotencyKey('k'.repeat(255))).toEqual({ key: 'k'.repeat(255) });
    expect(parseIdempotencyKey('k'.repeat(256))).toBe('invalid');
  });

  it.each(['a b', 'a, b', 'é', '\t', 'a\n'])('refuses %j', (key) => {
    expect(parseIdempotencyKey(key)).toBe('invalid');
  });

  it('tells a missing one from an invalid one', () => {
    expect(parseIdempotencyKey(undefined)).toBe('missing');
    expect(parseIdempotencyKey('')).toBe('invalid');
  });
});

describe('If-Match', () => {
  it.each([
    ['"7"', [7]],
    ['*', null],
    [undefined, null],
    ['"7", "8"', [7, 8]],
    [' ,"7"\t,, "8",', [7, 8]],
    // Tags, but none that a level can have.
    ['W/"7"', [0]],
    ['W/"7", "8", "a,b"', [0, 8, 0]],
    ['"0"', [0]],
    ['"07"', [0]],
    ['"9007199254740992"', [0]],
    ['""', [0]],
    ['"\u00e4"', [0]],
    ['7', 'invalid'],
    ['W/7', 'invalid'],
    ['w/"7"', 'invalid'],
    ['"7" "8"', 'invalid'],
    ['"a b"', 'invalid'],
    ['*, "7"', 'invalid'],
    ['"', 'invalid'],
    [',', 'invalid'],
    ['', 'invalid'],
  ])('reads %j as %j', (field, expected) => {
    expect(parseIfMatch(field)).toEqual(expected);
  });
});

it('gives every late status a problem of its own', () => {
  expect(problems['reservation-expired']).toEqual([409, 'The reservation is expired']);
  expect(problems['order-cancelled']).toEqual([409, 'The order is cancelled']);
});
