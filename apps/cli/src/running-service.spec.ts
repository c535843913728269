import { expect, test } from '@jest/globals';
import { addressHere } from './running-service.js';

test.each([
  ['127.0.0.1', 'http://127.0.0.1:3000'],
  ['0.0.0.0', 'http://127.0.0.1:3000'],
  ['::', 'http://[::1]:3000'],
  ['fe80::1', 'http://[fe80::1]:3000'],
  ['shop.example', 'http://shop.example:3000'],
])('a service that listens on %s is asked at %s', (host, address) => {
  expect(addressHere({ host, port: 3_000 })).toBe(address);
});
