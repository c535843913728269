/** A Redis that takes no reservations, or nothing at all: what the load balancer is told, and whoever is on call. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/holdfast.js';
import { startProcess, type ServiceProcess } from '../fixtures/service-process.js';
import { describeWithPostgres, testPostgres, testRedis, type TestDatabase } from '../servers/index.js';

describeWithPostgres('a Redis', () => {
  let servers: { redis: TestDatabase; postgres: TestDatabase };
  let redis: Redis;
  let service: ServiceProcess;
  let client: Client;

  beforeAll(async () => {
    servers = { redis: await testRedis({ own: true }), postgres: await testPostgres() };
    redis = new Redis(servers.redis.url);
    service = await startProcess({
      REDIS_URL: servers.redis.url,
      DATABASE_URL: servers.postgres.url,
      HOLDFAST_API_KEYS: 'shop:storefront:hf_dev_storefront,ops:admin:hf_dev_admin',
    });
    client = new Client(service);
  });
  afterAll(async () => {
    redis.disconnect();
    await service.stop();
    await servers.redis.stop();
    await servers.postgres.stop();
  });

  const ready = () => client.request('/readyz', { key: null });
  const stock = (part: object) => ({ parts: [expect.objectContaining({ name: 'stock', ...part })] });
  const count = async (gauge: string) => {
    const { text } = await client.request('/metrics', { key: null });
    return Number(new RegExp(`^${gauge} (\\d+)$`, 'm').exec(text)?.[1]);
  };
  const warnings = (message: string) => service.output.filter((line) => line.includes(message)).length;

  test('that is full keeps the service in the load balancer, and is seen by whoever is on call', async () => {
    const sku = await client.newSku(10);
    const { id } = await client.hold(sku);
    await redis.config('SET', 'maxmemory', '1');
    // No caller tells it: it is looked at.
    await eventually('it is seen', async () => (await count('holdfast_partitions_full')) === 1);
    expect(await ready()).toMatchObject({
      status: 200,
      body: {
        ok: true,
        ...stock({ ok: true, degraded: true, detail: expect.stringContaining('partition 0: ') }),
      },
    });
    expect(await count('holdfast_partitions_closed')).toBe(0);
    expect((await client.reserve(sku)).status).toBe(503);
    expect((await client.post(`/v1/reservations/${id}/release`)).status).toBe(200);
    expect(warnings('a partition is full')).toBe(1);

    await redis.config('SET', 'maxmemory', '0');
    await eventually('it has room', async () => (await count('holdfast_partitions_full')) === 0, 20_000);
    expect((await ready()).body).toEqual({
      ok: true,
      parts: [{ name: 'stock', ok: true, detail: 'every partition takes reservations' }],
    });
    expect((await client.reserve(sku)).status).toBe(201);
  });

  test('that takes no writes at all is not ready, by its name for that', async () => {
    await redis.config('SET', 'min-replicas-to-write', '1');
    await eventually('it is seen', async () => (await count('holdfast_partitions_closed')) === 1);
    expect(await ready()).toMatchObject({
      status: 503,
      body: { ok: false, ...stock({ ok: false, detail: expect.stringContaining('NOREPLICAS') }) },
    });
    await redis.config('SET', 'min-replicas-to-write', '0');
    await eventually('it is ready', async () => (await ready()).status === 200);
  });
});
