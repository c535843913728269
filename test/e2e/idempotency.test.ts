import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, expectProblem } from '../fixtures/client.js';
import { sendRaw, statusOf } from '../fixtures/raw-http.js';
import { startService } from '../fixtures/service.js';

let client: Client;
beforeAll(async () => {
  client = new Client(await startService());
});
afterAll(() => client.service.stop());

const replayed = 'idempotent-replayed';

describe('the same Idempotency-Key', () => {
  it('gives the very same bytes again, even when the reservation has changed since', async () => {
    const sku = await client.newSku(5);
    const idempotencyKey = randomUUID();
    const body = { buyerId: 'b', lines: [{ sku, quantity: 2 }] };
    const first = await client.post('/v1/reservations', body, { idempotencyKey });
    expect(first.status).toBe(201);
    expect(first.headers.has(replayed)).toBe(false);
    await client.post(`/v1/reservations/${String(first.body['id'])}/release`);
    const again = await client.post('/v1/reservations', body, { idempotencyKey });
    expect(again.headers.get(replayed)).toBe('true');
    expect({ status: again.status, text: again.text }).toEqual({ status: 201, text: first.text });
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(await client.level(sku)).toMatchObject({ available: 5, held: 0 });
  });

  it('gives a refusal again, even when there is stock by now', async () => {
    const sku = await client.newSku(1);
    const { id } = await client.hold(sku);
    const idempotencyKey = randomUUID();
    const body = { buyerId: 'b', lines: [{ sku, quantity: 1 }] };
    const refused = await client.post('/v1/reservations', body, { idempotencyKey });
    expectProblem(refused, 'sold-out');
    await client.post(`/v1/reservations/${id}/release`);
    const again = await client.post('/v1/reservations', body, { idempotencyKey });
    expectProblem(again, 'sold-out');
    expect(again.headers.get(replayed)).toBe('true');
    expect(again.text).toBe(refused.text);
    expect((await client.post('/v1/reservations', body)).status).toBe(201);
  });

  it('with another body is refused, and changes nothing', async () => {
    const sku = await client.newSku(5);
    const idempotencyKey = randomUUID();
    const post = (quantity: number) =>
      client.post('/v1/reservations', { buyerId: 'b', lines: [{ sku, quantity }] }, { idempotencyKey });
    const first = await post(1);
    expectProblem(await post(2), 'idempotency-key-reused');
    expect((await post(1)).text).toBe(first.text);
    expect(await client.level(sku)).toMatchObject({ held: 1 });
  });

  it('is counted once, whatever else comes under it', async () => {
    const counted = async () => {
      const { text } = await client.request('/metrics', { key: null });
      return text.split('\n').filter((line) => line.startsWith('holdfast_reservations_total'));
    };
    const sku = await client.newSku(1);
    await client.hold(sku);
    const idempotencyKey = randomUUID();
    const post = (quantity: number) =>
      client.post('/v1/reservations', { buyerId: 'b', lines: [{ sku, quantity }] }, { idempotencyKey });
    expectProblem(await post(1), 'sold-out');
    const before = await counted();
    // By and by the stock cache knows that it is sold out, and would refuse by itself.
    for (let at = 0; at < 20; at += 1) {
      expect((await post(1)).headers.get(replayed)).toBe('true');
      expectProblem(await post(2), 'idempotency-key-reused');
    }
    expect(await counted()).toEqual(before);
  });

  it('is free again after a request that was malformed', async () => {
    const sku = await client.newSku(5);
    const idempotencyKey = randomUUID();
    for (const body of ['{', '{}', '{"buyerId":1}']) {
      expect((await client.post('/v1/reservations', body, { idempotencyKey })).status).toBeGreaterThanOrEqual(
        400,
      );
    }
    const body = { buyerId: 'b', lines: [{ sku, quantity: 1 }] };
    expect((await client.post('/v1/reservations', body, { idempotencyKey })).status).toBe(201);
  });

  it('is another key for another path and another API key', async () => {
    const sku = await client.newSku(5);
    const idempotencyKey = randomUUID();
    const { id } = await client.hold(sku);
    const extended = await client.post(
      `/v1/reservations/${id}/extend`,
      { ttlSeconds: 60 },
      { idempotencyKey },
    );
    const released = await client.post(`/v1/reservations/${id}/release`, undefined, { idempotencyKey });
    expect([extended.status, released.status]).toEqual([200, 200]);
    expect(released.body).toMatchObject({ status: 'released' });
    const path = `/v1/skus/${sku}/adjustments`;
    const adjusted = await client.post(path, { delta: 1, reason: 'found' }, { idempotencyKey, key: 'admin' });
    expect(adjusted.headers.has(replayed)).toBe(false);
  });

  it('is the same key however the path is spelled', async () => {
    const sku = await client.newSku(5);
    const { baseUrl, storefrontKey, adminKey } = client.service;
    const spellings = (path: string, letter: string) => [
      path,
      `${path}?`,
      `${path}?&`,
      `${path}#here`,
      path.replace(letter, `%${letter.charCodeAt(0).toString(16)}`),
      baseUrl + path,
    ];
    const send = (url: string, secret: string, key: string, body: unknown) => {
      const text = JSON.stringify(body);
      const head = [
        `POST ${url} HTTP/1.1`,
        'host: x',
        'connection: close',
        `authorization: Bearer ${secret}`,
        `idempotency-key: ${key}`,
        'content-type: application/json',
        `content-length: ${text.length}`,
      ];
      return sendRaw(baseUrl, `${head.join('\r\n')}\r\n\r\n${text}`);
    };
    const calls = [
      [spellings(`/v1/skus/${sku}/adjustments`, 'k'), adminKey, { delta: 1, reason: 'found' }, 200],
      [
        spellings('/v1/reservations', 'v'),
        storefrontKey,
        { buyerId: 'b', lines: [{ sku, quantity: 1 }] },
        201,
      ],
    ] as const;
    for (const [urls, secret, body, status] of calls) {
      const key = randomUUID();
      const answers: string[] = [];
      for (const url of urls) answers.push(await send(url, secret, key, body));
      expect(answers.map(statusOf)).toEqual(urls.map(() => status));
      const marks = answers.map((answer) => answer.includes(`${replayed}: true`));
      expect(marks).toEqual(urls.map((_, at) => at > 0));
    }
    expect(await client.level(sku)).toMatchObject({ onHand: 6, held: 1 });
  });

  it('takes no body for an empty object', async () => {
    const { id } = await client.hold(await client.newSku(5));
    const idempotencyKey = randomUUID();
    const first = await client.post(`/v1/reservations/${id}/confirm`, undefined, { idempotencyKey });
    const again = await client.post(`/v1/reservations/${id}/confirm`, {}, { idempotencyKey });
    expect(again.headers.get(replayed)).toBe('true');
    expect(again.text).toBe(first.text);
  });

  it('adjusts once, and the replay has its ETag', async () => {
    const sku = await client.newSku(5);
    const options = { key: 'admin', idempotencyKey: randomUUID() } as const;
    const first = await client.post(`/v1/skus/${sku}/adjustments`, { delta: 3, reason: 'found' }, options);
    await client.hold(sku);
    const again = await client.post(`/v1/skus/${sku}/adjustments`, { delta: 3, reason: 'found' }, options);
    expect(first.body).toMatchObject({ onHand: 8 });
    expect(again.text).toBe(first.text);
    expect(again.headers.get('etag')).toBe(`"${String(first.body['version'])}"`);
    expect(await client.level(sku)).toMatchObject({ onHand: 8 });
  });

  it('of two at once does the work once', async () => {
    const sku = await client.newSku(50);
    for (let round = 0; round < 10; round++) {
      const idempotencyKey = randomUUID();
      const body = { buyerId: `buyer-${round}`, lines: [{ sku, quantity: 1 }] };
      const replies = await Promise.all(
        Array.from({ length: 5 }, () => client.post('/v1/reservations', body, { idempotencyKey })),
      );
      const texts = new Set<string>();
      for (const reply of replies) {
        if (reply.status === 201) texts.add(reply.text);
        else {
          expectProblem(reply, 'idempotency-in-progress');
          expect(reply.headers.get('retry-after')).toBe('1');
        }
      }
      expect(texts.size).toBe(1);
    }
    expect(await client.level(sku)).toMatchObject({ held: 10 });
  });
});
