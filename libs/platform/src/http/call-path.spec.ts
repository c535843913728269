import { expect, it } from '@jest/globals';
import { callPathOf } from './call-path.js';

const pathOf = (url: string, params: Record<string, string>) =>
  callPathOf({ routeOptions: { url } as Parameters<typeof callPathOf>[0]['routeOptions'], params });

it('is the route, with what its parameters say', () => {
  expect(pathOf('/v1/reservations', {})).toBe('/v1/reservations');
  expect(pathOf('/v1/skus/:sku/adjustments', { sku: 'tee.S' })).toBe('/v1/skus/tee.S/adjustments');
  // What stands for something in a replacement stands for itself here.
  expect(pathOf('/v1/:a/:b', { a: '$&', b: ':a' })).toBe('/v1/$&/:a');
});
