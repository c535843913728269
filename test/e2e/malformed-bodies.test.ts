/** Whatever is wrong with a body, the answer is a 4xx problem document that names it, and nothing has happened. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
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

describe('a body', () => {
  const brokenJson = [
    '{',
    '}',
    '[',
    '{"buyerId"',
    "{'a':1}",
    '{a:1}',
    '{"a":1,}',
    '[1,]',
    'NaN',
    'undefined',
    '01',
    '+1',
    '.5',
    '{}{}',
    '{"a":01}',
    '{"a":1e}',
    '{"a":"\t"}',
    '{"a":"\\x"}',
    '{"a":"\\u12"}',
    '// c\n{}',
    '\ufeff{}',
    'tru',
    '"',
    '{"a":1',
    '{"a":1,"a":1}',
    '{"a":{"b":1,"c":2,"b":3}}',
    '{"\\u0061":1,"a":1}',
    '['.repeat(20_000),
    '{"a":'.repeat(5_000),
  ];
  const noUtf8 = [
    [0xff],
    [0x22, 0xc3, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0xfe, 0xff, 0x00, 0x7b, 0x00, 0x7d],
  ];

  it('that is no JSON, no UTF-8, or says a thing twice is a 400, to every call', async () => {
    for (const { path, method, key } of callsWithBody(target)) {
      for (const body of [...brokenJson, ...noUtf8.map((bytes) => Uint8Array.from(bytes))]) {
        const reply = await target.client.request(path, { method, key, headers: idempotencyKey(), body });
        expectProblem(reply, 'invalid-json');
      }
    }
  });

  it('of another shape is a 422, to every call', async () => {
    const shapes = [
      'null',
      'true',
      '0',
      '""',
      '[]',
      '[{}]',
      '{"unknown":1}',
      '{"__proto__":{}}',
      '{"constructor":1}',
    ];
    for (const { path, method, key } of callsWithBody(target)) {
      for (const body of shapes) {
        const reply = await target.client.request(path, { method, key, headers: idempotencyKey(), body });
        expectProblem(reply, 'invalid-request');
        expect(Array.isArray(reply.body['errors'])).toBe(true);
      }
    }
  });

  it.each([
    ['buyerId', '""'],
    ['buyerId', '1'],
    ['buyerId', 'null'],
    ['buyerId', '"\\u0000"'],
    ['buyerId', '"\\ud800"'],
    ['buyerId', `"${'x'.repeat(129)}"`],
    ['buyerId', '["a"]'],
    ['lines', '[]'],
    ['lines', '{}'],
    ['lines', 'null'],
    ['lines', '"x"'],
    ['lines', '[null]'],
    ['lines', JSON.stringify(Array.from({ length: 51 }, (_, at) => ({ sku: `s${at}`, quantity: 1 })))],
    ['lines.0.sku', '""'],
    ['lines.0.sku', '"-a"'],
    ['lines.0.sku', '"a b"'],
    ['lines.0.sku', '"ä"'],
    ['lines.0.sku', `"${'a'.repeat(65)}"`],
    ['lines.0.sku', '1'],
    ['lines.0.sku', '"a\\n"'],
    ['lines.0.quantity', '0'],
    ['lines.0.quantity', '-1'],
    ['lines.0.quantity', '-0'],
    ['lines.0.quantity', '1e3'],
    ['lines.0.quantity', '1.0'],
    ['lines.0.quantity', '1.5'],
    ['lines.0.quantity', '"5"'],
    ['lines.0.quantity', '9007199254740992'],
    ['lines.0.quantity', '9007199254740993'],
    ['lines.0.quantity', '1e400'],
    ['lines.0.quantity', 'true'],
    ['lines.0.quantity', 'null'],
    ['lines.0.extra', '1'],
    ['ttlSeconds', '0'],
    ['ttlSeconds', '86401'],
    ['ttlSeconds', '"60"'],
    ['ttlSeconds', '60.0'],
    ['ttlSeconds', 'null'],
    ['metadata', '[]'],
    ['metadata', 'null'],
    ['metadata', '"x"'],
    ['metadata', `{"x":"${'x'.repeat(4_096)}"}`],
    ['metadata.x', '"\\u0000"'],
    ['metadata.x', '1e3'],
    ['metadata.x', '12345678901234567890'],
    ['extra', '1'],
  ])('with %s of %s is a 422 that names it', async (path, source) => {
    const reply = await target.client.post('/v1/reservations', withMember(cartOf(target), path, source));
    expectProblem(reply, 'invalid-request');
    const paths = (reply.body['errors'] as { path: string }[]).map((error) => error.path);
    expect(paths.every((named) => named === path || named.startsWith(`${path}.`))).toBe(true);
    expect(paths.length).toBeGreaterThan(0);
  });

  it('whose quantities of one SKU are too much together is a 422', async () => {
    const lines = [9_007_199_254_740_991, 1].map((quantity) => ({ sku: target.sku, quantity }));
    const reply = await target.client.post('/v1/reservations', { buyerId: 'b', lines });
    expectProblem(reply, 'invalid-request');
    expect(reply.body['errors']).toMatchObject([{ path: 'lines' }]);
  });

  it('with numbers out of bounds is a 422 to the calls of an admin', async () => {
    const put = (body: string) =>
      target.client.request(`/v1/skus/${target.sku}`, { method: 'PUT', key: 'admin', body });
    for (const onHand of ['-1', '1.5', '"1"', 'null', '9007199254740992', '1e2', '-0']) {
      expectProblem(await put(`{"onHand":${onHand}}`), 'invalid-request');
    }
    for (const buyerLimit of ['0', '-1', '"1"', '1.5']) {
      expectProblem(await put(`{"onHand":1,"buyerLimit":${buyerLimit}}`), 'invalid-request');
    }
    for (const delta of ['0', '1.5', '"1"', 'null', '9007199254740992', '-9007199254740992', '1e2']) {
      const body = `{"delta":${delta},"reason":"r"}`;
      expectProblem(
        await target.client.post(`/v1/skus/${target.sku}/adjustments`, body, { key: 'admin' }),
        'invalid-request',
      );
    }
    const tooMuch = { delta: Number.MAX_SAFE_INTEGER, reason: 'r' };
    const reply = await target.client.post(`/v1/skus/${target.sku}/adjustments`, tooMuch, { key: 'admin' });
    expectProblem(reply, 'invalid-request');
    expect(reply.body['errors']).toMatchObject([{ path: 'delta' }]);
  });

  it('of up to 64 KiB is read, a longer one is a 413', async () => {
    const padded = (bytes: number) => ' '.repeat(bytes - 2) + '{}';
    expectProblem(await target.client.post('/v1/reservations', padded(65_536)), 'invalid-request');
    expectProblem(await target.client.post('/v1/reservations', padded(65_537)), 'body-too-large');
    expectProblem(await target.client.post('/v1/reservations', padded(1_000_000)), 'body-too-large');
  });

  it('that is any JSON but the right one is refused (generated)', async () => {
    const calls = callsWithBody(target);
    await fc.assert(
      fc.asyncProperty(fc.nat(calls.length - 1), fc.json(), async (at, body) => {
        const { path, method, key } = calls[at]!;
        fc.pre(body.trim() !== '{}' || at < 4);
        expectRefused(await target.client.request(path, { method, key, headers: idempotencyKey(), body }));
      }),
      { numRuns: 1_000 },
    );
  });

  it('with one value exchanged for a wrong one is refused (generated)', async () => {
    const wrong = fc.oneof(
      fc.constantFrom(
        'null',
        '[]',
        '{"x":1}',
        '-1',
        '0',
        '1.5',
        '1e3',
        '5.0',
        '9007199254740993',
        '"\\u0000"',
        '""',
      ),
      fc.integer({ max: -1 }).map(String),
      fc.double({ noInteger: true, noNaN: true, noDefaultInfinity: true }).map(String),
    );
    const place = fc.constantFrom(
      'buyerId',
      'lines',
      'lines.0.sku',
      'lines.0.quantity',
      'ttlSeconds',
      'other',
    );
    await fc.assert(
      fc.asyncProperty(place, wrong, async (path, source) => {
        expectRefused(await target.client.post('/v1/reservations', withMember(cartOf(target), path, source)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('of any bytes is refused (generated)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (body) => {
        expectRefused(await target.client.post('/v1/reservations', body));
      }),
      { numRuns: 500 },
    );
  });

  it('cut off anywhere, or with a byte exchanged, never does more than it says (generated)', async () => {
    const whole = Buffer.from(JSON.stringify({ ...cartOf(target), lines: [{ sku: '/', quantity: 1 }] }));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), async (at, byte, cut) => {
        const body = Buffer.from(cut ? whole.subarray(0, at) : whole);
        if (!cut) body[at] = byte;
        fc.pre(body.length > 0 && !body.includes(`"${target.sku}"`));
        expectRefused(await target.client.post('/v1/reservations', body));
      }),
      { numRuns: 500 },
    );
  });
});

describe('no body', () => {
  it('where one is wanted is a 415 without a content type, a 400 with one', async () => {
    for (const { path, method, key } of callsWithBody(target).slice(0, 4)) {
      const bare = await target.client.request(path, { method, key, headers: idempotencyKey() });
      expectProblem(bare, 'unsupported-media-type');
      const headers = { ...idempotencyKey(), 'content-type': 'application/json' };
      expectProblem(await target.client.request(path, { method, key, headers }), 'invalid-json');
      const asForm = { ...idempotencyKey(), 'content-type': 'application/x-www-form-urlencoded' };
      expectProblem(
        await target.client.request(path, { method, key, headers: asForm }),
        'unsupported-media-type',
      );
    }
  });

  it.each([
    'application/x-www-form-urlencoded',
    'text/plain',
    'application/json-patch+json',
    'json',
    'application/json',
    'application/json; charset=utf-16',
  ])('where none is wanted may be of any type, as of %s', async (type) => {
    const sku = await target.client.newSku(1);
    const { id } = await target.client.hold(sku);
    const { baseUrl } = target.client.service;
    for (const length of ['content-length: 0', 'x: y']) {
      const head = [`idempotency-key: ${length.length}`, `content-type: ${type}`, length];
      const request = requestText(target, 'POST', `/v1/reservations/${id}/release`, head);
      expect(statusOf(await sendRaw(baseUrl, request))).toBe(200);
    }
  });
});

describe('a content type', () => {
  it.each([
    'text/plain',
    'text/json',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json-patch+json',
    'application/merge-patch+json',
    'json',
    '/',
    'application/',
    'application/json; charset=utf-16',
    'application/json;charset="latin1"',
    '*/*',
    'application/json, text/plain',
    ' ',
    ';',
    'application json',
    '\u00e9',
  ])('of %j is a 415', async (type) => {
    for (const { path, method, key, body } of callsWithBody(target)) {
      const headers = { ...idempotencyKey(), 'content-type': type };
      expectProblem(
        await target.client.request(path, { method, key, headers, body }),
        'unsupported-media-type',
      );
    }
  });

  it('may say utf-8 or utf8 in any case, and nothing else may', async () => {
    for (const type of [
      'application/json; charset=utf-8',
      'Application/JSON;charset="UTF-8"',
      'application/json;charset=utf8',
    ]) {
      const headers = { 'content-type': type };
      expectProblem(await target.client.post('/v1/reservations', {}, { headers }), 'invalid-request');
    }
    const headers = { 'content-encoding': 'gzip' };
    expectProblem(await target.client.post('/v1/reservations', {}, { headers }), 'unsupported-media-type');
  });

  it('none at all is a 415 where there is a body', async () => {
    const body = JSON.stringify(cartOf(target));
    const request = [
      'POST /v1/reservations HTTP/1.1',
      'host: x',
      `authorization: Bearer ${target.client.service.storefrontKey}`,
      'idempotency-key: k',
      'connection: close',
      `content-length: ${body.length}`,
      '',
      body,
    ];
    expect(statusOf(await sendRaw(target.client.service.baseUrl, request.join('\r\n')))).toBe(415);
  });
});

/** The JSON text of an object with the member at a dotted path set to the given source text. */
function withMember(value: object, path: string, source: string): string {
  const marker = '\u0001here\u0001';
  const copy = structuredClone(value) as Record<string, unknown>;
  const names = path.split('.');
  let at = copy;
  for (const name of names.slice(0, -1)) at = at[name] as Record<string, unknown>;
  at[names.at(-1)!] = marker;
  return JSON.stringify(copy).replace(JSON.stringify(marker), () => source);
}
