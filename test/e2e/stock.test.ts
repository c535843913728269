import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stockLevel, type WireStockLevel } from '#contracts';
import { Client, expectProblem } from '../fixtures/client.js';
import { startService } from '../fixtures/service.js';

let client: Client;
beforeAll(async () => {
  client = new Client(await startService());
});
afterAll(() => client.service.stop());

const put = (sku: string, body: unknown) =>
  client.request<WireStockLevel>(`/v1/skus/${sku}`, { method: 'PUT', key: 'admin', body });
const adjust = (sku: string, delta: number, headers: Record<string, string> = {}) =>
  client.post<WireStockLevel>(
    `/v1/skus/${sku}/adjustments`,
    { delta, reason: 'count' },
    { key: 'admin', headers },
  );

describe('PUT of a SKU', () => {
  it('creates it with what is on hand and its policy', async () => {
    const sku = `A.${randomUUID()}_z`;
    const reply = await put(sku, { onHand: 7, buyerLimit: 2, holdTtlSeconds: 30 });
    expect(reply.status).toBe(201);
    expect(stockLevel.parse(reply.body)).toMatchObject({
      sku,
      onHand: 7,
      available: 7,
      held: 0,
      committed: 0,
      buyerLimit: 2,
      holdTtlSeconds: 30,
    });
    expect(reply.headers.get('etag')).toBe(`"${reply.body.version}"`);
    for (const key of ['storefront', 'admin'] as const) {
      const read = await client.request(`/v1/skus/${sku}`, { key });
      expect(read.text).toBe(reply.text);
      expect(read.headers.get('etag')).toBe(reply.headers.get('etag'));
    }
  });

  it('changes the policy of one that exists, and not what is on hand', async () => {
    const sku = await client.newSku(7, { buyerLimit: 2, holdTtlSeconds: 30 });
    const before = await client.level(sku);
    const kept = await put(sku, { onHand: 99 });
    expect(kept).toMatchObject({ status: 200, body: { onHand: 7, buyerLimit: 2, holdTtlSeconds: 30 } });
    const changed = await put(sku, { onHand: 0, buyerLimit: null, holdTtlSeconds: 60 });
    expect(changed).toMatchObject({ status: 200, body: { onHand: 7, buyerLimit: null, holdTtlSeconds: 60 } });
    expect(changed.body.version).toBeGreaterThan(before.version);
  });

  it('creates one with nothing, and one with as much as can be counted', async () => {
    for (const onHand of [0, Number.MAX_SAFE_INTEGER]) {
      const sku = await client.newSku(onHand);
      expect(await client.level(sku)).toMatchObject({
        onHand,
        available: onHand,
        buyerLimit: null,
        holdTtlSeconds: 600,
      });
    }
  });
});

describe('an adjustment', () => {
  it('adds and takes away, and is seen at once', async () => {
    const sku = await client.newSku(5);
    const before = await client.level(sku);
    const added = await adjust(sku, 3);
    expect(added).toMatchObject({ status: 200, body: { onHand: 8, available: 8 } });
    expect(added.body.version).toBeGreaterThan(before.version);
    expect((await adjust(sku, -8)).body).toMatchObject({ onHand: 0, available: 0 });
    expect(await client.level(sku)).toMatchObject({ onHand: 0 });
  });

  it('takes away nothing that is held', async () => {
    const sku = await client.newSku(5);
    await client.hold(sku, 4);
    const reply = await adjust(sku, -2);
    expectProblem(reply, 'insufficient-stock');
    expect(reply.body).toMatchObject({ sku, available: 1 });
    expect(await client.level(sku)).toMatchObject({ onHand: 5 });
  });

  it('with If-Match works on that version only', async () => {
    const sku = await client.newSku(5);
    const { version } = await client.level(sku);
    expect((await adjust(sku, 1, { 'if-match': `"${version}"` })).status).toBe(200);
    expectProblem(await adjust(sku, 1, { 'if-match': `"${version}"` }), 'version-mismatch');
    expect((await adjust(sku, 1, { 'if-match': '*' })).body).toMatchObject({ onHand: 7 });
    await client.hold(sku);
    const { version: held } = await client.level(sku);
    expect(held).toBeGreaterThan(version + 1);
  });

  it('with If-Match of several works on any of them, also when both are asked for at once', async () => {
    const sku = await client.newSku(5);
    for (let round = 0; round < 10; round += 1) {
      const { version } = await client.level(sku);
      const either = { 'if-match': `"${version + 1}", W/"9", "${version}"` };
      const replies = await Promise.all([adjust(sku, 1, either), adjust(sku, 1, either)]);
      expect(replies.map(({ status }) => status)).toEqual([200, 200]);
      expectProblem(await adjust(sku, 1, either), 'version-mismatch');
    }
  });

  it('with If-Match of what no level can have changes nothing', async () => {
    const sku = await client.newSku(5);
    const { version } = await client.level(sku);
    for (const field of [`W/"${version}"`, '"abc"', '""', `"0${version}"`, `"${version}x", "-1"`]) {
      const reply = await adjust(sku, 1, { 'if-match': field });
      expectProblem(reply, 'version-mismatch');
      expect(reply.body).toMatchObject({ sku, version });
    }
    expect(await client.level(sku)).toMatchObject({ onHand: 5, version });
  });

  it('refused for its version can be sent again under its key', async () => {
    const sku = await client.newSku(5);
    const idempotencyKey = randomUUID();
    const post = (version: number) =>
      client.post(
        `/v1/skus/${sku}/adjustments`,
        { delta: 1, reason: 'count' },
        {
          key: 'admin',
          idempotencyKey,
          headers: { 'if-match': `"${version}"` },
        },
      );
    const { version } = await client.level(sku);
    expectProblem(await post(version + 1), 'version-mismatch');
    expect((await post(version)).status).toBe(200);
  });

  it('of a SKU that nobody has heard of is refused', async () => {
    for (const sku of ['never-heard-of', '%00', 'a%20b']) {
      expectProblem(await adjust(sku, 1), 'unknown-sku');
      expectProblem(await client.request(`/v1/skus/${sku}`), 'unknown-sku');
    }
  });
});
