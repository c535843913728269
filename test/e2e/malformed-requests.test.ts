/** Whatever is wrong with a path, a query or a header, the answer is a 4xx problem document, and nothing has happened. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ProblemSlug } from '#contracts';
import { expectProblem } from '../fixtures/client.js';
import { sendRaw, statusOf } from '../fixtures/raw-http.js';
import {
  callsWithBody,
  cartOf,
  expectRefused,
  expectUnharmed,
  requestText,
  startTarget,
  type Target,
} from '../fixtures/target.js';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => expectUnharmed(target));

const idempotencyKey = () => ({ 'idempotency-key': Math.random().toString(36).slice(2) });

describe('a path', () => {
  const paths = [
    '//',
    '/v1',
    '/v1/',
    '/v1//',
    '/v2/skus',
    '/V1/skus',
    '/v1/sku',
    '/v1/skus/',
    '/v1/skus/a/b',
    '/v1/skus/a/b/c',
    '/v1/reservations/',
    '/v1/reservations//release',
    '/v1/reservations/x/unknown',
    '/v1/orders/x/ship',
    '/v1/skus/%',
    '/v1/skus/%zz',
    '/v1/skus/%2',
    '/v1/skus/%ff',
    '/v1/skus/%c0%af',
    '/v1/skus/%ed%a0%80',
    '/v1/skus/%00',
    '/v1/skus/%2F',
    '/v1/skus/a%2Fb',
    '/v1/skus/..',
    '/v1/skus/%2e%2e',
    '/v1/skus/a%20b',
    '/v1/skus/ä',
    `/v1/skus/${'a'.repeat(65)}`,
    `/v1/skus/${'a'.repeat(10_000)}`,
    '/v1/skus/-a',
    '/v1/skus/.a',
    '/v1/skus/a;b',
    '/v1/skus/*',
    '/v1/skus/__proto__',
    '/v1/skus/unknown/events',
    '/v1/skus/%00/events',
    '/v1/reservations/__proto__',
    '/v1/orders/constructor',
    '/v1/audit',
    '/v1/audit/',
    '/docs/../../package.json',
    '/docs/%2e%2e/package.json',
  ];

  it('that leads nowhere is a 4xx', async () => {
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const response = await sendRaw(target.client.service.baseUrl, requestText(target, method, path));
        const status = statusOf(response);
        expect({
          path,
          method,
          status,
          is4xx: status !== null && status >= 400 && status < 500,
        }).toMatchObject({ is4xx: true });
        expect(response.toLowerCase()).toContain('content-type: application/problem+json');
      }
    }
  }, 60_000);

  it('that cannot be decoded is a 400, whatever it is asked for and whoever asks: it leads to no call', async () => {
    for (const path of [
      '/%',
      '/v1/%zz',
      '/v1/skus/%zz',
      '/v1/skus/%ff/adjustments',
      '/v1/orders/%c0%af',
      '/v1/payments/webhooks/%ff',
      '/nowhere/%2',
    ]) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
        for (const key of ['storefront', null] as const) {
          const reply = await target.client.request(path, { method, key });
          if (method === 'HEAD') expect(reply.status).toBe(400);
          else expectProblem(reply, 'invalid-url');
          expect(reply.headers.has('allow')).toBe(false);
        }
      }
    }
  });

  it('of any text under /v1 is a 4xx (generated)', async () => {
    const segment = fc.oneof(
      fc.string().map(encodeURIComponent),
      fc.string({ unit: fc.constantFrom(...Array.from('%/.~_-*;:@&=+$,!()\'"<>[]{}|\\^`0aZ')) }),
      fc.constantFrom('skus', 'reservations', 'orders', 'events', 'release', 'audit'),
    );
    const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/v1/${segments.join('/')}`);
    const lists = /^\/v1\/(skus|reservations|orders)$/;
    await fc.assert(
      fc.asyncProperty(path, fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'), async (path, method) => {
        const { pathname } = new URL(target.client.service.baseUrl + path);
        fc.pre(!lists.test(pathname) && pathname.startsWith('/v1/'));
        expectRefused(
          await target.client.request(path, { method, key: 'storefront', headers: idempotencyKey() }),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('names a SKU that a PUT refuses with a 422', async () => {
    for (const name of ['%00', '-a', 'a%20b', '%F0%9F%A7%A1', 'a'.repeat(65), 'a%2Fb', 'a%0A']) {
      const reply = await target.client.request(`/v1/skus/${name}`, {
        method: 'PUT',
        key: 'admin',
        body: { onHand: 1 },
      });
      expectProblem(reply, 'invalid-request');
      expect(reply.body['errors']).toMatchObject([{ path: 'sku' }]);
    }
  });
});

describe('a method that a path does not know', () => {
  it('is a 405 that says which it knows', async () => {
    const reply = await target.client.request(`/v1/skus/${target.sku}`, { method: 'DELETE' });
    expectProblem(reply, 'method-not-allowed');
    expect(reply.headers.get('allow')).toBe('GET, HEAD, PUT, OPTIONS');
  });

  it('may be asked for with OPTIONS, and HEAD goes where GET does', async () => {
    const options = await target.client.request('/v1/reservations', { method: 'OPTIONS', key: null });
    expect(options.status).toBe(204);
    expect(options.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
    expectProblem(await target.client.request('/nowhere', { method: 'OPTIONS', key: null }), 'not-found');
    for (const path of [
      '/v1/skus',
      `/v1/skus/${target.sku}`,
      `/v1/skus/${target.sku}/events`,
      '/v1/orders',
      '/livez',
      '/docs',
      '/metrics',
    ]) {
      expect(await target.client.request(path, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    }
  });
});

describe('a query', () => {
  const lists = [
    ['/v1/skus', 'storefront'],
    ['/v1/reservations', 'storefront'],
    ['/v1/orders', 'storefront'],
    ['/v1/payments', 'admin'],
    ['/v1/reconciliations', 'admin'],
    ['/v1/discrepancies', 'admin'],
    ['/v1/simulations', 'admin'],
  ] as const;

  it.each([
    ['limit=0', 'invalid-request'],
    ['limit=1001', 'invalid-request'],
    ['limit=', 'invalid-request'],
    ['limit=-1', 'invalid-request'],
    ['limit=%2B1', 'invalid-request'],
    ['limit=1e2', 'invalid-request'],
    ['limit=0x10', 'invalid-request'],
    ['limit=1.0', 'invalid-request'],
    ['limit=%201', 'invalid-request'],
    ['limit=%D9%A3', 'invalid-request'],
    ['limit=1&limit=2', 'invalid-request'],
    ['limit[]=1', 'invalid-request'],
    ['limit', 'invalid-request'],
    ['unknown=1', 'invalid-request'],
    ['__proto__=1', 'invalid-request'],
    ['cursor=a&cursor=b', 'invalid-request'],
    ['status=unheard-of', 'invalid-request'],
    ['status=', 'invalid-request'],
    ['cursor=', 'invalid-cursor'],
    ['cursor=x', 'invalid-cursor'],
    ['cursor=null', 'invalid-cursor'],
    ['cursor=%00', 'invalid-cursor'],
    [`cursor=${'A'.repeat(5_000)}`, 'invalid-cursor'],
    ['cursor=eyJhIjoxfQ', 'invalid-cursor'],
    ['limit=%', 'invalid-url'],
    ['cursor=%zz', 'invalid-url'],
    ['%ff=1', 'invalid-url'],
    [Array.from({ length: 60 }, (_, at) => `p${at}=1`).join('&'), 'invalid-url'],
  ] as [string, ProblemSlug][])('of %s is refused', async (query, slug) => {
    for (const [list, key] of lists)
      expectProblem(await target.client.request(`${list}?${query}`, { key }), slug);
  });

  it('of filters that cannot be is refused', async () => {
    for (const query of [
      'buyerId=',
      'buyerId=%00',
      `buyerId=${'x'.repeat(129)}`,
      'sku=a%20b',
      'sku=',
      'sku=a&sku=b',
    ]) {
      expectProblem(await target.client.request(`/v1/reservations?${query}`), 'invalid-request');
    }
  });

  it('is refused where none is read', async () => {
    for (const path of [
      `/v1/skus/${target.sku}`,
      `/v1/reservations/${target.reservationId}`,
      `/v1/skus/${target.sku}/events`,
    ]) {
      expectProblem(await target.client.request(`${path}?x=1`), 'invalid-request');
      expectProblem(await target.client.request(`${path}?%`), 'invalid-url');
    }
    expectProblem(await target.client.post('/v1/reservations?x=1', cartOf(target)), 'invalid-request');
  });

  it('with any cursor that anyone invents is refused (generated)', async () => {
    const cursor = fc.oneof(
      fc.base64String(),
      fc.string(),
      fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...lists), cursor, async ([list, key], text) => {
        const reply = await target.client.request(`${list}?cursor=${encodeURIComponent(text)}`, { key });
        expectProblem(reply, 'invalid-cursor');
      }),
      { numRuns: 500 },
    );
  });

  it('with a genuine cursor that was changed is refused (generated)', async () => {
    await target.client.newSku(1);
    const { body } = await target.client.request<{ nextCursor: string }>('/v1/skus?limit=1');
    await fc.assert(
      fc.asyncProperty(fc.nat(body.nextCursor.length - 1), fc.nat(63), async (at, letter) => {
        const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
        const changed = body.nextCursor.slice(0, at) + alphabet[letter] + body.nextCursor.slice(at + 1);
        fc.pre(changed !== body.nextCursor);
        expectProblem(await target.client.request(`/v1/skus?cursor=${changed}`), 'invalid-cursor');
      }),
      { numRuns: 300 },
    );
  });
});

describe('a header', () => {
  it('Idempotency-Key is wanted by every POST, in its form', async () => {
    for (const { path, method, key, body } of callsWithBody(target).filter(
      (call) => call.method === 'POST',
    )) {
      expectProblem(await target.client.request(path, { method, key, body }), 'idempotency-key-missing');
      for (const field of ['', ' ', 'a b', 'a, b', '\u00e9', 'k'.repeat(256), 'a\tb']) {
        const headers = { 'idempotency-key': field };
        expectProblem(
          await target.client.request(path, { method, key, headers, body }),
          'idempotency-key-invalid',
        );
      }
    }
  });

  it('Idempotency-Key sent twice is refused', async () => {
    const request = requestText(
      target,
      'POST',
      '/v1/reservations',
      ['idempotency-key: a', 'idempotency-key: b', 'content-type: application/json'],
      JSON.stringify(cartOf(target)),
    );
    const response = await sendRaw(target.client.service.baseUrl, request);
    expect(statusOf(response)).toBe(400);
    expect(response).toContain('/problems/idempotency-key-invalid');
  });

  it.each(['7', 'W/7', '"7" "8"', '*, "7"', '"a b"', '"', '**', ','])(
    'If-Match of %s cannot be read',
    async (field) => {
      const options = { key: 'admin', headers: { 'if-match': field } } as const;
      const body = { delta: 1, reason: 'r' };
      expectProblem(
        await target.client.post(`/v1/skus/${target.sku}/adjustments`, body, options),
        'invalid-precondition',
      );
    },
  );

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer  ',
    'Basic abc',
    'bearer',
    'Bearer a b',
    'Bearer unknown-key-of-somebody',
    'Bearer hf_dev_storefront',
    'Bearer hf_dev_admin',
    `Bearer ${'x'.repeat(5_000)}`,
    'Bearer \u00e9',
    'Digest username="x"',
  ])('Authorization of %s is a 401, before anything else is looked at', async (field) => {
    for (const { path, method } of [...callsWithBody(target), { path: '/v1/orders', method: 'GET' }]) {
      const headers: Record<string, string> = field === undefined ? {} : { authorization: field };
      const body = method === 'GET' ? undefined : '{no json';
      const reply = await target.client.request(path, { method, key: null, headers, body });
      expectProblem(reply, 'unauthenticated');
      expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
  });
});
