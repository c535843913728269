/** Simulations over REST: started, followed and read, on the service as its own process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { simulation, simulationProgress, type WireSimulation } from '#contracts';
import { startProcess, type ServiceProcess } from '../fixtures/service-process.js';
import { describeWithPostgres, hasServer, testPostgres, testRedis } from '../servers/index.js';

let folder: string;
let service: ServiceProcess;
let keys = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-simulations-'));
  service = await startProcess({ HOLDFAST_DATA_DIR: folder });
}, 120_000);
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

type CallOptions = {
  body?: unknown;
  key?: string;
  secret?: string;
  at?: ServiceProcess;
  lastEventId?: string;
};

function call(method: string, where: string, more: CallOptions = {}) {
  const { body, key = `key-${(keys += 1)}`, secret = service.adminKey, at = service, lastEventId } = more;
  return fetch(at.baseUrl + where, {
    method,
    headers: {
      authorization: `Bearer ${secret}`,
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      ...(method === 'POST' && { 'idempotency-key': key, 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

type SentEvent = { readonly event: string; readonly lastEventId: string; readonly data: unknown };

/** Reads a stream to its end. */
async function eventsOf(id: string, more: CallOptions = {}): Promise<SentEvent[]> {
  const reply = await call('GET', `/v1/simulations/${id}/events`, more);
  expect(reply.headers.get('content-type')).toBe('text/event-stream');
  const events = (await reply.text()).split('\n\n').filter(Boolean);
  return events.map((text) => {
    const [, event, lastEventId, data] = /^event: (\w+)\nid: (\w+)\ndata: (.*)$/.exec(text)!;
    return { event: event!, lastEventId: lastEventId!, data: JSON.parse(data!) as unknown };
  });
}

const sale = {
  time: 'virtual',
  name: 'rest',
  buyers: 2_000,
  stock: 100,
  arrivals: { curve: 'steady', seconds: 3_600 },
};

test('is started once under its key, followed to its end, and read', async () => {
  const started = await call('POST', '/v1/simulations', { key: 'sale', body: { scenario: sale } });
  expect(started.status).toBe(202);
  const { id, status } = (await started.json()) as WireSimulation;
  expect(status).toBe('running');
  const again = await call('POST', '/v1/simulations', { key: 'sale', body: { scenario: sale } });
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(await again.json()).toEqual({ id, status });

  const events = await eventsOf(id);
  const last = events.pop()!;
  expect(events.length).toBeGreaterThan(0);
  for (const { event, data } of events) {
    expect(event).toBe('progress');
    simulationProgress.parse(data);
  }
  expect(last.event).toBe('finished');
  const read = simulation.parse(await (await call('GET', `/v1/simulations/${id}`)).json());
  expect(last.data).toEqual(read);
  expect(read).toMatchObject({ status: 'finished', scenario: { name: 'rest' }, problem: null });
  expect(read.report).toMatchObject({ accepted: 100, confirmed: 100, oversold: 0, undersold: 0 });
  // Who comes late gets the end at once, and so does who comes back; who has seen it is told not to come any more.
  expect(await eventsOf(id)).toEqual([last]);
  expect(await eventsOf(id, { lastEventId: events.at(-1)!.lastEventId })).toEqual([last]);
  const seen = await call('GET', `/v1/simulations/${id}/events`, { lastEventId: last.lastEventId });
  expect([seen.status, await seen.text()]).toEqual([204, '']);
  const list = (await (await call('GET', '/v1/simulations')).json()) as { data: { id: string }[] };
  expect(list.data.map((one) => one.id)).toEqual([id]);
}, 60_000);

test('bad scenarios are refused by the name of the field, other scopes and ids as everywhere', async () => {
  for (const [scenario, named] of [
    [{ buyers: 0 }, 'scenario.buyers'],
    [{ buyers: 1e9 }, 'scenario.buyers'],
    [{ nonsense: 1 }, 'scenario'],
    [{ arrivals: { curve: 'wave' } }, 'scenario.arrivals.curve'],
    [{ time: 'virtual', strategy: 'redlock' }, 'scenario.strategy'],
  ] as const) {
    const refused = await call('POST', '/v1/simulations', { body: { scenario } });
    expect(refused.status).toBe(422);
    expect(JSON.stringify(await refused.json())).toContain(`"path":"${named}`);
  }
  const secret = service.storefrontKey;
  expect((await call('GET', '/v1/simulations', { secret })).status).toBe(403);
  for (const id of ['x', '00000000-0000-7000-8000-000000000000']) {
    expect((await call('GET', `/v1/simulations/${id}`)).status).toBe(404);
    expect((await call('GET', `/v1/simulations/${id}/events`)).status).toBe(404);
  }
});

test('one at a time, and a service that ends takes it along; started again, it knows of both', async () => {
  const before = await listOf(service);
  const long = { scenario: { buyers: 10, stock: 5, arrivals: { curve: 'steady', seconds: 3_000 } } };
  const started = await call('POST', '/v1/simulations', { body: long });
  expect(started.status).toBe(202);
  const { id } = (await started.json()) as WireSimulation;
  const second = await call('POST', '/v1/simulations', { body: { scenario: sale } });
  expect(second.status).toBe(503);
  expect(second.headers.get('retry-after')).toBe('10');
  expect(await service.end('SIGTERM')).toBe(0);

  service = await startProcess({ HOLDFAST_DATA_DIR: folder });
  expect((await listOf(service)).map((one) => one.id)).toEqual([id, ...before.map((one) => one.id)]);
  const stopped = simulation.parse(await (await call('GET', `/v1/simulations/${id}`)).json());
  expect(stopped).toMatchObject({ status: 'failed', problem: expect.stringContaining('was stopped') });
  const first = await (await call('GET', `/v1/simulations/${before.at(-1)!.id}`)).json();
  expect(simulation.parse(first).report).toMatchObject({ accepted: 100 });
}, 120_000);

const describeWithServers = hasServer('redis') ? describeWithPostgres : describe.skip;
describeWithServers('two instances', () => {
  test('one runs a simulation, the other tells of it as it goes, and of its report when the first is killed', async () => {
    const [redis, postgres] = await Promise.all([testRedis(), testPostgres()]);
    const folders = await Promise.all([0, 1].map(() => mkdtemp(path.join(tmpdir(), 'holdfast-instance-'))));
    const [one, other] = (await Promise.all(
      folders.map((dataDir) =>
        startProcess({
          HOLDFAST_DATA_DIR: dataDir,
          REDIS_URL: redis.url,
          DATABASE_URL: postgres.url,
          HOLDFAST_API_KEYS: 'shop:storefront:hf_test_storefront_1,ops:admin:hf_test_admin_secret',
        }),
      ),
    )) as [ServiceProcess, ServiceProcess];
    const secret = 'hf_test_admin_secret';
    try {
      const body = { scenario: { ...sale, buyers: 5_000 } };
      const started = await call('POST', '/v1/simulations', { body, secret, at: one });
      const { id } = (await started.json()) as WireSimulation;
      expect((await call('POST', '/v1/simulations', { body, secret, at: other })).status).toBe(503);
      const events = await eventsOf(id, { secret, at: other });
      expect(events[0]).toMatchObject({ event: 'progress' });
      expect(events.at(-1)).toMatchObject({ event: 'finished', data: { id, status: 'finished' } });
      await one.kill();
      const read = await (await call('GET', `/v1/simulations/${id}`, { secret, at: other })).json();
      expect(simulation.parse(read).report).toMatchObject({ accepted: 100 });
    } finally {
      await Promise.all([one.stop(), other.stop()]);
      await Promise.all([redis.stop(), postgres.stop()]);
      await Promise.all(folders.map((dataDir) => rm(dataDir, { recursive: true })));
    }
  }, 120_000);
});

/** Page by page, each of one. */
async function listOf(at: ServiceProcess): Promise<{ id: string }[]> {
  const list: { id: string }[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${cursor}`;
    const reply = await call('GET', `/v1/simulations?limit=1${query}`, { at });
    const page = (await reply.json()) as { data: { id: string }[]; nextCursor: string | null };
    expect(page.data).toHaveLength(1);
    list.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return list;
}
