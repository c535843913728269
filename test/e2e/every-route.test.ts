/**
 * Every route that the service describes, called as strangers and attackers do: also one that is added tomorrow. Whatever
 * the path, the method, the key and the body: no 5xx, problems as problem documents, and nothing has happened.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Reply } from '../fixtures/client.js';
import { expectUnharmed, startTarget, type Target } from '../fixtures/target.js';

let target: Target;
let routes: { readonly path: string; readonly methods: readonly string[] }[];
beforeAll(async () => {
  target = await startTarget();
  type Document = { paths: Record<string, Record<string, unknown>> };
  const { paths } = (await target.client.request<Document>('/openapi.json', { key: null })).body;
  routes = Object.entries(paths).map(([path, operations]) => ({ path, methods: Object.keys(operations) }));
  expect(routes.length).toBeGreaterThan(25);
});
afterAll(() => expectUnharmed(target));

const odd = [
  '00000000-0000-8000-8000-000000000000',
  '%00',
  '__proto__',
  'constructor',
  '..%2f..',
  '%F0%9F%98%80',
  '%252e',
  'a%0d%0ab',
  '%27%20or%201=1--',
  'x'.repeat(3_000),
];
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Called at once, a few at a time. */
async function expectSane(calls: readonly (() => Promise<[what: string, reply: Reply]>)[]): Promise<void> {
  for (let at = 0; at < calls.length; at += 32) {
    const replies = await Promise.all(calls.slice(at, at + 32).map((call) => call()));
    for (const [what, { status, headers, text }] of replies) {
      const type = headers.get('content-type') ?? '';
      const isProblem = type.startsWith('application/problem+json') || text === '';
      expect({ what, status, sane: status < 400 || (status < 500 && isProblem) }).toMatchObject({
        sane: true,
      });
    }
  }
}

it('any method on any path, with odd ids, with every key and none', async () => {
  const calls = routes.flatMap(({ path }) =>
    (path.includes('{') ? odd : ['']).flatMap((id) =>
      methods.flatMap((method) =>
        (['storefront', 'admin', null] as const).map((key) => async (): Promise<[string, Reply]> => {
          const url = path.replaceAll(/\{\w+\}/g, id);
          return [`${method} ${url.slice(0, 100)}`, await target.client.request(url, { method, key })];
        }),
      ),
    ),
  );
  expect(calls.length).toBeGreaterThan(3_000);
  await expectSane(calls);
}, 120_000);

const bodies: readonly [type: string, body: string | Buffer, headers?: Record<string, string>][] = [
  ['application/json', ''],
  ['application/json', 'null'],
  ['application/json', '[]'],
  ['application/json', '{"__proto__":{"a":1}}'],
  ['application/json', '{"constructor":{"prototype":{"a":1}}}'],
  ['application/json', '{"a":1,"a":2}'],
  ['application/json', '['.repeat(30_000)],
  ['application/json', '{"onHand":-0,"delta":1e3,"ttlSeconds":99999999999999999999}'],
  ['application/json', '\ufeff{}'],
  ['application/json', Buffer.from([0x7b, 0xff, 0xfe])],
  ['application/json', '{}', { 'content-encoding': 'gzip' }],
  ['application/json; charset=latin1', '{}'],
  ['application/json;;;', '{}'],
  ['multipart/form-data; boundary=x', '--x--'],
  ['application/x-www-form-urlencoded', 'a=1'],
  ['garbage', '{}'],
];

it('any body in any coding, where a body is taken', async () => {
  const calls = routes.flatMap(({ path, methods: known }) =>
    known
      .filter((method) => method === 'post' || method === 'put')
      .flatMap((method) =>
        bodies.flatMap(([type, body, more = {}], index) =>
          (['storefront', 'admin'] as const).map((key) => async (): Promise<[string, Reply]> => {
            const url = path.replaceAll(/\{\w+\}/g, 'odd');
            const headers = { 'content-type': type, 'idempotency-key': `${key}-${index}`, ...more };
            const what = `${method} ${url} ${type} ${body.toString().slice(0, 60)}`;
            return [
              what,
              await target.client.request(url, { method: method.toUpperCase(), key, headers, body }),
            ];
          }),
        ),
      ),
  );
  await expectSane(calls);
}, 120_000);
