/** What is no HTTP gets 400, 431 or a closed connection, and the service goes on. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sendRaw, statusOf } from '../fixtures/raw-http.js';
import { expectUnharmed, requestText, startTarget, type Target } from '../fixtures/target.js';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => expectUnharmed(target));

describe('what is no valid HTTP', () => {
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['an empty line of NULs', '\0\0\0\0\r\n\r\n'],
    ['a TLS hello', Buffer.from('16030100a5010000a10303', 'hex')],
    ['an unknown method', 'FETCH /v1/skus HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['version 9', 'GET /v1/skus HTTP/9.9\r\nhost: x\r\n\r\n'],
    ['no host', 'GET /v1/skus HTTP/1.1\r\n\r\n'],
    ['a blank in a header name', 'GET / HTTP/1.1\r\nho st: x\r\n\r\n'],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nhost: x\r\na: \0\r\n\r\n'],
    [
      'two lengths',
      'POST /v1/reservations HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
    ],
    ['a length that is none', 'POST /v1/reservations HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n'],
    ['a negative length', 'POST /v1/reservations HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n'],
    [
      'a length and chunks',
      'POST /v1/reservations HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a URL with a blank', 'GET /v1/skus/a b HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['too many header bytes', `GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['a URL too long', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`],
    ['a bare line feed in a header', 'GET / HTTP/1.1\nhost: x\ra: b\r\n\r\n'],
    ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n'],
  ])('%s gets 400, 431 or a closed connection', async (_, bytes) => {
    const status = statusOf(await sendRaw(target.client.service.baseUrl, bytes));
    expect([null, 400, 431]).toContain(status);
  });

  it('is answered by a problem document where there is an answer', async () => {
    const response = await sendRaw(target.client.service.baseUrl, 'hello\r\n\r\n');
    const [head, body] = response.split('\r\n\r\n');
    expect(head).toContain('content-type: application/problem+json');
    expect(JSON.parse(body!)).toMatchObject({ type: '/problems/bad-request', status: 400 });
    const long = await sendRaw(
      target.client.service.baseUrl,
      `GET / HTTP/1.1\r\na: ${'x'.repeat(20_000)}\r\n\r\n`,
    );
    expect(long).toContain('/problems/headers-too-large');
  });

  it('also without a host, with two, and where more is expected than 100-continue', async () => {
    for (const [path, field, status, slug] of [
      ['/v1/skus', 'x: y', 400, 'bad-request'],
      ['/nowhere', 'x: y', 400, 'bad-request'],
      ['/v1/reservations', 'host: x\r\nhost: y', 400, 'bad-request'],
      ['/v1/skus', 'host: x\r\nHOST: x', 400, 'bad-request'],
      ['/v1/skus', 'host: x\r\nexpect: a miracle', 417, 'expectation-failed'],
    ] as const) {
      const request = `POST ${path} HTTP/1.1\r\n${field}\r\ncontent-length: 0\r\n\r\n`;
      const response = await sendRaw(target.client.service.baseUrl, request);
      const [head, body] = response.split('\r\n\r\n');
      expect(head!.toLowerCase()).toContain('content-type: application/problem+json');
      expect(JSON.parse(body!)).toMatchObject({ type: `/problems/${slug}`, status });
    }
    const old = await sendRaw(target.client.service.baseUrl, 'GET /livez HTTP/1.0\r\n\r\n');
    expect(statusOf(old)).toBe(200);
  });

  it('in the middle of a body is no request: bad chunks, and fewer bytes than were promised', async () => {
    const head = ['idempotency-key: k', 'content-type: application/json'];
    const chunked = requestText(target, 'POST', '/v1/reservations', [...head, 'transfer-encoding: chunked']);
    const status = statusOf(await sendRaw(target.client.service.baseUrl, `${chunked}zz\r\n{}\r\n0\r\n\r\n`));
    expect([null, 400]).toContain(status);
  });

  it('of odd but valid forms is never a 5xx', async () => {
    for (const line of [
      'OPTIONS * HTTP/1.1',
      'GET http://x/v1/skus HTTP/1.1',
      'GET *v1 HTTP/1.1',
      'GET /v1/skus',
      'TRACE / HTTP/1.1',
      'GET /v1/skus HTTP/1.0',
      'PROPFIND /v1/skus HTTP/1.1',
    ]) {
      const status = statusOf(await sendRaw(target.client.service.baseUrl, `${line}\r\nhost: x\r\n\r\n`));
      expect({ line, below500: status === null || status < 500 }).toEqual({ line, below500: true });
    }
  });
});
