import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { order, pageOf, reservation, stockLevel, type WireReservation } from '#contracts';
import { Client, expectProblem } from '../fixtures/client.js';
import { startService } from '../fixtures/service.js';

let client: Client;
beforeAll(async () => {
  client = new Client(await startService());
});
afterAll(() => client.service.stop());

type ListPage = { data: Record<string, unknown>[]; nextCursor: string | null };

async function allPages(path: string, limit: number): Promise<ListPage[]> {
  const pages: ListPage[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(limit), ...(cursor !== null && { cursor }) });
    const reply: { status: number; body: ListPage } = await client.request<ListPage>(
      `${path}${path.includes('?') ? '&' : '?'}${query.toString()}`,
    );
    expect(reply.status).toBe(200);
    pages.push(reply.body);
    cursor = reply.body.nextCursor;
  } while (cursor !== null);
  return pages;
}

describe('the list of reservations', () => {
  it('gives each of a buyer once, newest first, by pages', async () => {
    const buyerId = `b-${randomUUID()} ü&=`;
    const made: WireReservation[] = [];
    for (let at = 0; at < 7; at++) made.push(await client.hold(await client.newSku(1), 1, { buyerId }));
    await client.hold(await client.newSku(1));
    const path = `/v1/reservations?buyerId=${encodeURIComponent(buyerId)}`;
    const pages = await allPages(path, 3);
    expect(pages.map(({ data }) => data.length)).toEqual([3, 3, 1]);
    for (const page of pages) pageOf(reservation).parse(page);
    const listed = pages.flatMap(({ data }) => data.map(({ id }) => id));
    expect(listed).toEqual(made.map(({ id }) => id).toReversed());
  });

  it('filters by status and SKU', async () => {
    const sku = await client.newSku(10);
    const { id: held } = await client.hold(sku);
    const { id: released } = await client.hold(sku);
    await client.post(`/v1/reservations/${released}/release`);
    const idsOf = async (query: string) =>
      (await client.request<ListPage>(`/v1/reservations?${query}`)).body.data.map(({ id }) => id);
    expect(await idsOf(`sku=${sku}`)).toEqual([released, held]);
    expect(await idsOf(`sku=${sku}&status=held`)).toEqual([held]);
    expect(await idsOf(`sku=${sku}&status=released`)).toEqual([released]);
    expect(await idsOf(`sku=${sku}&status=confirmed`)).toEqual([]);
    expect(await idsOf('sku=never-heard-of')).toEqual([]);
  });

  it('shows a lapsed hold as expired', async () => {
    const sku = await client.newSku(1);
    const { expiresAt } = await client.hold(sku, 1, { ttlSeconds: 1 });
    await new Promise((resolve) => {
      setTimeout(resolve, Date.parse(expiresAt) + 1_000 - Date.now());
    });
    const { body } = await client.request<ListPage>(`/v1/reservations?sku=${sku}`);
    expect(body.data).toMatchObject([{ status: 'expired' }]);
  });
});

describe('the list of orders', () => {
  it('gives orders newest first, by status', async () => {
    const sku = await client.newSku(5);
    const ids: unknown[] = [];
    for (let at = 0; at < 3; at++) {
      const { id } = await client.hold(sku);
      const reply = await client.post<{ order: { id: string } }>(`/v1/reservations/${id}/confirm`);
      ids.unshift(reply.body.order.id);
    }
    await client.post(`/v1/orders/${String(ids[1])}/cancel`, undefined, { key: 'admin' });
    const pages = await allPages('/v1/orders', 2);
    for (const page of pages) pageOf(order).parse(page);
    const listed = pages.flatMap(({ data }) => data.map(({ id }) => id));
    expect(listed.filter((id) => ids.includes(id))).toEqual(ids);
    const cancelled = await allPages('/v1/orders?status=cancelled', 1_000);
    expect(
      cancelled.flatMap(({ data }) => data.map(({ id }) => id)).filter((id) => ids.includes(id)),
    ).toEqual([ids[1]]);
  });
});

describe('the list of SKUs', () => {
  it('gives each once, by name', async () => {
    const made: string[] = [];
    for (let at = 0; at < 5; at++) made.push(await client.newSku(at));
    const pages = await allPages('/v1/skus', 2);
    for (const page of pages) pageOf(stockLevel).parse(page);
    const listed = pages.flatMap(({ data }) => data.map(({ sku }) => String(sku)));
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed.filter((sku) => made.includes(sku)).sort()).toEqual([...made].sort());
    expect(listed).toEqual([...listed].sort());
  });
});

describe('a cursor', () => {
  it('belongs to its list and filter', async () => {
    const sku = await client.newSku(5);
    await client.hold(sku);
    await client.hold(sku);
    const { body } = await client.request<ListPage>(`/v1/reservations?sku=${sku}&limit=1`);
    const cursor = body.nextCursor!;
    expect((await client.request(`/v1/reservations?sku=${sku}&limit=5&cursor=${cursor}`)).status).toBe(200);
    for (const path of [
      '/v1/reservations?',
      `/v1/reservations?sku=${sku}&status=held&`,
      '/v1/orders?',
      '/v1/skus?',
    ]) {
      expectProblem(await client.request(`${path}cursor=${cursor}`), 'invalid-cursor');
    }
  });

  it('is null at the end, and a full last page has none', async () => {
    const sku = await client.newSku(5);
    await client.hold(sku);
    await client.hold(sku);
    const { body } = await client.request<ListPage>(`/v1/reservations?sku=${sku}&limit=2`);
    expect(body).toMatchObject({ nextCursor: null });
    expect(body.data).toHaveLength(2);
  });

  it('goes on where the page ended, whatever has come since', async () => {
    const sku = await client.newSku(9);
    const first = await client.hold(sku);
    const second = await client.hold(sku);
    const page = await client.request<ListPage>(`/v1/reservations?sku=${sku}&limit=1`);
    expect(page.body.data).toMatchObject([{ id: second.id }]);
    await client.hold(sku);
    const next = await client.request<ListPage>(
      `/v1/reservations?sku=${sku}&cursor=${page.body.nextCursor!}`,
    );
    expect(next.body.data).toMatchObject([{ id: first.id }]);
  });
});
