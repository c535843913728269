import { expect, it } from '@jest/globals';
import { fingerprintOf, keyDigestOf, requireIdempotencyKey } from './idempotency.js';

const request = { apiKeyId: 'shop', method: 'POST', path: '/v1/reservations', key: 'k' };

it('tells apart whatever a key belongs to', () => {
  const variants = [
    request,
    { ...request, apiKeyId: 'shop2' },
    { ...request, method: 'PUT' },
    { ...request, path: '/v1/reservation' },
    { ...request, key: 'k2' },
    // The same text in a row, cut elsewhere.
    { ...request, path: '/v1/reservations"', key: 'k' },
    { ...request, path: '/v1/reservations', key: '"k' },
    { ...request, path: '/v1/reservations","k', key: '' },
  ];
  const digests = variants.map((variant) => keyDigestOf(variant).toString('hex'));
  expect(new Set(digests).size).toBe(variants.length);
  expect(keyDigestOf({ ...request }).equals(keyDigestOf(request))).toBe(true);
  expect(keyDigestOf(request)).toHaveLength(32);
});

it('takes no body for an empty object, and no other', () => {
  expect(fingerprintOf(null)).toEqual(fingerprintOf(Buffer.from('{}')));
  expect(fingerprintOf(Buffer.alloc(0))).toEqual(fingerprintOf(null));
  expect(fingerprintOf(Buffer.from('{"a":1}'))).not.toEqual(fingerprintOf(Buffer.from('{"a":2}')));
});

it('wants a key, and one that can be read', () => {
  expect(requireIdempotencyKey('k-1')).toBe('k-1');
  expect(() => requireIdempotencyKey(undefined)).toThrow(
    expect.objectContaining({ slug: 'idempotency-key-missing' }),
  );
  expect(() => requireIdempotencyKey('a, b')).toThrow(
    expect.objectContaining({ slug: 'idempotency-key-invalid' }),
  );
});
