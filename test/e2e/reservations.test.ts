import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { confirmation, order, reservation, stockLevel, type WireReservation } from '#contracts';
import { Client, expectProblem } from '../fixtures/client.js';
import { startService } from '../fixtures/service.js';

let client: Client;
beforeAll(async () => {
  client = new Client(await startService());
});
afterAll(() => client.service.stop());

describe('a reservation', () => {
  it('holds its units, is read again, and shows in the level', async () => {
    const sku = await client.newSku(5);
    const before = Date.now();
    const reply = await client.reserve(sku, 2, { buyerId: 'Zoë 🧡', ttlSeconds: 60 });
    expect(reply.status).toBe(201);
    expect(reply.headers.get('content-type')).toBe('application/json');
    expect(reservation.parse(reply.body)).toMatchObject({
      status: 'held',
      buyerId: 'Zoë 🧡',
      lines: [{ sku, quantity: 2 }],
    });
    const lifeMs = Date.parse(reply.body.expiresAt) - Date.parse(reply.body.createdAt);
    expect(lifeMs).toBe(60_000);
    expect(Math.abs(Date.parse(reply.body.createdAt) - before)).toBeLessThan(10_000);
    const read = await client.request(`/v1/reservations/${reply.body.id}`);
    expect(read.body).toEqual(reply.body);
    expect(await client.level(sku)).toMatchObject({ onHand: 5, available: 3, held: 2, committed: 0 });
  });

  it('lasts as long as the policy says when the request does not', async () => {
    const sku = await client.newSku(5, { holdTtlSeconds: 120 });
    const { createdAt, expiresAt } = await client.hold(sku);
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(120_000);
  });

  it('adds up lines of one SKU', async () => {
    const sku = await client.newSku(5);
    const lines = [
      { sku, quantity: 2 },
      { sku, quantity: 2 },
    ];
    const reply = await client.post('/v1/reservations', { buyerId: 'b', lines });
    expect(reply.body).toMatchObject({ lines: [{ sku, quantity: 4 }] });
    const refused = await client.post('/v1/reservations', { buyerId: 'c', lines });
    expectProblem(refused, 'insufficient-stock');
    expect(refused.body).toMatchObject({ sku, available: 1 });
  });

  it('keeps metadata exactly', async () => {
    const sku = await client.newSku(5);
    const metadata = JSON.parse(
      '{"note":"\\u2028 \\"ü\\" 🧡","n":[0.1,1e+21,null,{"__proto__":{"x":1}}],"":{}}',
    ) as object;
    const { id, metadata: given } = await client.hold(sku, 1, { metadata });
    const read = await client.request(`/v1/reservations/${id}`);
    for (const kept of [given, read.body['metadata']])
      expect(JSON.stringify(kept)).toBe(JSON.stringify(metadata));
  });

  it('keeps metadata nested as deep as 4 KiB allow', async () => {
    const depth = 2_045;
    const text = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(text).toHaveLength(4_096);
    const { id } = await client.hold(await client.newSku(1), 1, { metadata: JSON.parse(text) as object });
    const { body } = await client.request(`/v1/reservations/${id}`);
    expect(JSON.stringify(body['metadata'])).toBe(text);
  });

  it('keeps any text that it takes exactly, and finds it again (generated)', async () => {
    const sku = await client.newSku(1_000);
    const text = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 60 })
      .filter((value) => !value.includes('\0') && value.length <= 128);
    await fc.assert(
      fc.asyncProperty(text, fc.dictionary(text, text, { maxKeys: 3 }), async (buyer, metadata) => {
        const buyerId = `${buyer}${randomUUID()}`;
        const { id } = await client.hold(sku, 1, { buyerId, metadata });
        const list = await client.request<{ data: WireReservation[] }>(
          `/v1/reservations?buyerId=${encodeURIComponent(buyerId)}`,
        );
        expect(list.body.data).toMatchObject([{ id, buyerId }]);
        expect(list.body.data[0]!.metadata).toEqual(JSON.parse(JSON.stringify(metadata)));
      }),
      { numRuns: 100 },
    );
  });

  it('is held whole or not at all', async () => {
    const [many, few] = [await client.newSku(5), await client.newSku(1)];
    const lines = [
      { sku: many, quantity: 1 },
      { sku: few, quantity: 2 },
    ];
    expectProblem(await client.post('/v1/reservations', { buyerId: 'b', lines }), 'insufficient-stock');
    expect(await client.level(many)).toMatchObject({ available: 5, held: 0 });
    expect(await client.level(few)).toMatchObject({ available: 1, held: 0 });
  });

  it('is nothing for a SKU that nobody has heard of', async () => {
    const known = await client.newSku(5);
    const lines = [known, 'never-heard-of'].map((sku) => ({ sku, quantity: 1 }));
    expectProblem(await client.post('/v1/reservations', { buyerId: 'b', lines }), 'unknown-sku');
    expect(await client.level(known)).toMatchObject({ held: 0 });
  });
});

describe('a refusal', () => {
  it('says that the buyer already holds the SKU, and under which reservation', async () => {
    const sku = await client.newSku(5);
    const { id } = await client.hold(sku, 1, { buyerId: 'b' });
    const reply = await client.reserve(sku, 1, { buyerId: 'b' });
    expectProblem(reply, 'duplicate-reservation');
    expect(reply.body).toMatchObject({ reservationId: id });
  });

  it('says sold out when nothing is left, and how much is left when too little is', async () => {
    const sku = await client.newSku(3);
    await client.hold(sku, 1);
    const tooFew = await client.reserve(sku, 3);
    expectProblem(tooFew, 'insufficient-stock');
    expect(tooFew.body).toMatchObject({ sku, available: 2 });
    await client.hold(sku, 2);
    const soldOut = await client.reserve(sku, 3);
    expectProblem(soldOut, 'sold-out');
    expect(soldOut.body).toMatchObject({ sku });
  });

  it('looks at what a buyer may have, bought units included, before what there is', async () => {
    const sku = await client.newSku(2, { buyerLimit: 2 });
    const buyer = { buyerId: 'b' };
    expectProblem(await client.reserve(sku, 3, buyer), 'buyer-limit-exceeded');
    const { id } = await client.hold(sku, 2, buyer);
    expectProblem(await client.reserve(sku, 3, buyer), 'duplicate-reservation');
    expect((await client.post(`/v1/reservations/${id}/confirm`)).status).toBe(200);
    expectProblem(await client.reserve(sku, 1, buyer), 'buyer-limit-exceeded');
    expectProblem(await client.reserve(sku, 1), 'sold-out');
  });
});

describe('release', () => {
  it('gives the units back, once, and again the same answer', async () => {
    const sku = await client.newSku(2);
    const { id } = await client.hold(sku, 2);
    for (const body of [undefined, {}]) {
      const reply = await client.post(`/v1/reservations/${id}/release`, body);
      expect(reply).toMatchObject({ status: 200, body: { id, status: 'released' } });
    }
    expect(await client.level(sku)).toMatchObject({ available: 2, held: 0 });
    expectProblem(await client.post(`/v1/reservations/${id}/confirm`), 'reservation-released');
    expectProblem(
      await client.post(`/v1/reservations/${id}/extend`, { ttlSeconds: 60 }),
      'reservation-released',
    );
  });

  it('comes too late for what is confirmed', async () => {
    const { id } = await client.hold(await client.newSku(2));
    await client.post(`/v1/reservations/${id}/confirm`);
    expectProblem(await client.post(`/v1/reservations/${id}/release`), 'reservation-confirmed');
  });
});

describe('extend', () => {
  it('sets the deadline to now and the time given, never earlier than it was', async () => {
    const { id, expiresAt } = await client.hold(await client.newSku(2), 1, { ttlSeconds: 100 });
    const longer = await client.post(`/v1/reservations/${id}/extend`, { ttlSeconds: 1_000 });
    const gained = Date.parse(String(longer.body['expiresAt'])) - Date.parse(expiresAt);
    expect(gained).toBeGreaterThanOrEqual(900_000);
    expect(gained).toBeLessThan(960_000);
    const shorter = await client.post(`/v1/reservations/${id}/extend`, { ttlSeconds: 1 });
    expect(shorter.body).toEqual(longer.body);
  });
});

describe('confirm', () => {
  it('makes an order, once, and again the same', async () => {
    const sku = await client.newSku(3);
    const { id } = await client.hold(sku, 2);
    const first = await client.post(`/v1/reservations/${id}/confirm`, { paymentId: 'p-1' });
    const { reservation, order } = confirmation.parse(first.body);
    expect(reservation).toMatchObject({ id, status: 'confirmed', orderId: order.id });
    expect(order).toMatchObject({ reservationId: id, status: 'confirmed', lines: [{ sku, quantity: 2 }] });
    expect((await client.post(`/v1/reservations/${id}/confirm`)).body).toEqual(first.body);
    expect(await client.level(sku)).toMatchObject({ onHand: 3, available: 1, held: 0, committed: 2 });
    for (const key of ['storefront', 'admin'] as const) {
      expect((await client.request(`/v1/orders/${order.id}`, { key })).body).toEqual(order);
    }
  });
});

describe('expiry', () => {
  it('returns the units within a second of the deadline, and answers with what happened', async () => {
    const sku = await client.newSku(1);
    const { id, expiresAt } = await client.hold(sku, 1, { ttlSeconds: 1 });
    expect(await client.level(sku)).toMatchObject({ available: 0, held: 1 });
    await sleepUntil(Date.parse(expiresAt) + 1_000);
    expect(await client.level(sku)).toMatchObject({ available: 1, held: 0 });
    expect((await client.request(`/v1/reservations/${id}`)).body).toMatchObject({ status: 'expired' });
    for (const call of ['release', 'confirm']) {
      expectProblem(await client.post(`/v1/reservations/${id}/${call}`), 'reservation-expired');
    }
    expectProblem(
      await client.post(`/v1/reservations/${id}/extend`, { ttlSeconds: 9 }),
      'reservation-expired',
    );
    expect((await client.reserve(sku)).status).toBe(201);
  });
});

describe('an order', () => {
  const newOrder = async (sku: string) => {
    const { id } = await client.hold(sku, 2);
    const reply = await client.post(`/v1/reservations/${id}/confirm`);
    return confirmation.parse(reply.body).order.id;
  };
  const change = (id: string, call: string) =>
    client.post(`/v1/orders/${id}/${call}`, undefined, { key: 'admin' });

  it('is fulfilled: the units stay sold, and it cannot be cancelled any more', async () => {
    const sku = await client.newSku(5);
    const id = await newOrder(sku);
    for (const _ of [1, 2]) {
      const reply = await change(id, 'fulfil');
      expect(order.parse(reply.body)).toMatchObject({ id, status: 'fulfilled' });
    }
    expectProblem(await change(id, 'cancel'), 'order-fulfilled');
    const level = await client.level(sku);
    expect(level.available).toBe(3);
    expect(level.onHand).toBe(level.available + level.held + level.committed);
  });

  it('is cancelled: the units go back', async () => {
    const sku = await client.newSku(5);
    const id = await newOrder(sku);
    for (const _ of [1, 2])
      expect((await change(id, 'cancel')).body).toMatchObject({ id, status: 'cancelled' });
    expectProblem(await change(id, 'fulfil'), 'order-cancelled');
    expect(await client.level(sku)).toMatchObject({ onHand: 5, available: 5, committed: 0 });
  });
});

describe('an id that was never given out', () => {
  it.each([
    'not-a-uuid',
    '%00',
    '%F0%9F%A7%A1',
    'x'.repeat(2_000),
    randomUUID(),
    randomUUID().toUpperCase(),
    "'--",
  ])('is unknown: %s', async (id) => {
    expectProblem(await client.request(`/v1/reservations/${id}`), 'unknown-reservation');
    for (const call of ['release', 'confirm']) {
      expectProblem(await client.post(`/v1/reservations/${id}/${call}`), 'unknown-reservation');
    }
    expectProblem(await client.request(`/v1/orders/${id}`), 'unknown-order');
    expectProblem(await client.post(`/v1/orders/${id}/cancel`, {}, { key: 'admin' }), 'unknown-order');
  });
});

describe('an id in capitals', () => {
  it('is the same id, of a reservation and of an order, also for an Idempotency-Key', async () => {
    const made = await client.hold(await client.newSku(5));
    const read = await client.request(`/v1/reservations/${made.id.toUpperCase()}`);
    expect(read.body).toEqual(made);
    const idempotencyKey = randomUUID();
    const confirm = (id: string) =>
      client.post<{ order: { id: string } }>(`/v1/reservations/${id}/confirm`, {}, { idempotencyKey });
    const first = await confirm(made.id.toUpperCase());
    expect(first.status).toBe(200);
    const again = await confirm(made.id);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.text).toBe(first.text);
    const { order: bought } = first.body;
    expect((await client.request(`/v1/orders/${bought.id.toUpperCase()}`)).body).toEqual(bought);
  });
});

describe('200 units', () => {
  it('go to exactly 200 of 5,000 buyers, 256 of whom ask at once', async () => {
    const sku = await client.newSku(200);
    const statuses = new Map<number, number>();
    let asked = 0;
    const buyer = async () => {
      while (asked < 5_000) {
        asked += 1;
        const { status, body } = await client.reserve(sku);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status !== 201) expect(body).toMatchObject({ type: '/problems/sold-out' });
      }
    };
    await Promise.all(Array.from({ length: 256 }, buyer));
    expect(Object.fromEntries(statuses)).toEqual({ 201: 200, 409: 4_800 });
    expect(stockLevel.parse(await client.level(sku))).toMatchObject({ available: 0, held: 200 });
    const audit = await client.request('/v1/audit/invariants', { key: 'admin' });
    expect(audit.body).toMatchObject({ ok: true });
  });
});

async function sleepUntil(atMs: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, atMs - Date.now()));
  });
}
