import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client, expectProblem } from '../fixtures/client.js';
import { startService } from '../fixtures/service.js';

let client: Client;
beforeAll(async () => {
  client = new Client(await startService());
});
afterAll(() => client.service.stop());

const id = randomUUID();

/** The contract's table of scopes. */
it.each([
  ['PUT', '/v1/skus/x', 'admin'],
  ['GET', '/v1/skus/x', 'both'],
  ['GET', '/v1/skus', 'both'],
  ['POST', '/v1/skus/x/adjustments', 'admin'],
  ['GET', '/v1/skus/x/events', 'both'],
  ['POST', '/v1/reservations', 'storefront'],
  ['GET', '/v1/reservations', 'storefront'],
  ['GET', `/v1/reservations/${id}`, 'storefront'],
  ['POST', `/v1/reservations/${id}/extend`, 'storefront'],
  ['POST', `/v1/reservations/${id}/release`, 'storefront'],
  ['POST', `/v1/reservations/${id}/confirm`, 'storefront'],
  ['POST', `/v1/reservations/${id}/pay`, 'storefront'],
  ['GET', '/v1/payments', 'admin'],
  ['GET', `/v1/payments/${id}`, 'admin'],
  ['GET', '/v1/orders', 'both'],
  ['GET', `/v1/orders/${id}`, 'both'],
  ['POST', `/v1/orders/${id}/fulfil`, 'admin'],
  ['POST', `/v1/orders/${id}/cancel`, 'admin'],
  ['POST', '/v1/reconciliations', 'admin'],
  ['POST', '/v1/reconciliations/files?format=mt940', 'admin'],
  ['GET', '/v1/reconciliations', 'admin'],
  ['GET', `/v1/reconciliations/${id}`, 'admin'],
  ['GET', `/v1/reconciliations/${id}/discrepancies`, 'admin'],
  ['GET', `/v1/reconciliations/${id}/report`, 'admin'],
  ['GET', '/v1/discrepancies', 'admin'],
  ['POST', `/v1/discrepancies/${id}/resolve`, 'admin'],
  ['GET', '/v1/audit/invariants', 'admin'],
  ['GET', '/console/session', 'both'],
])('%s %s is for %s', async (method, path, scope) => {
  const body = method === 'GET' ? undefined : '{no json';
  expectProblem(await client.request(path, { method, key: null, body }), 'unauthenticated');
  for (const key of ['storefront', 'admin'] as const) {
    const reply = await client.request(path, { method, key, body });
    if (scope === 'both' || scope === key) expect([200, 400, 404, 422]).toContain(reply.status);
    else expectProblem(reply, 'insufficient-scope');
  }
});

it.each(['/livez', '/readyz', '/metrics', '/openapi.json', '/docs', '/console', '/console/settings'])(
  '%s wants no key',
  async (path) => {
    expect((await client.request(path, { key: null })).status).toBe(200);
  },
);
