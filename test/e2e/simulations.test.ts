/** Simulations over REST: started, followed and read, on the service as its own process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { simulation, simulationProgress, type WireSimulation } from '#contracts';
import { startProcess, type ServiceProcess } from '../fixtures/service-process.js';

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

function call(method: string, where: string, more: { body?: unknown; key?: string; secret?: string } = {}) {
  const { body, key = `key-${(keys += 1)}`, secret = service.adminKey } = more;
  return fetch(service.baseUrl + where, {
    method,
    headers: {
      authorization: `Bearer ${secret}`,
      ...(method === 'POST' && { 'idempotency-key': key, 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** Reads a stream to its end. */
async function eventsOf(id: string): Promise<{ event: string; data: unknown }[]> {
  const reply = await call('GET', `/v1/simulations/${id}/events`);
  expect(reply.headers.get('content-type')).toBe('text/event-stream');
  const events = (await reply.text()).split('\n\n').filter(Boolean);
  return events.map((text) => {
    const [, event, data] = /^event: (\w+)\nid: \d+\ndata: (.*)$/.exec(text)!;
    return { event: event!, data: JSON.parse(data!) as unknown };
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
  // Who comes late gets the end at once.
  expect(await eventsOf(id)).toEqual([last]);
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

test('one at a time: a second one is told to come again, and a service that ends takes it along', async () => {
  const long = { scenario: { buyers: 10, stock: 5, arrivals: { curve: 'steady', seconds: 3_000 } } };
  expect((await call('POST', '/v1/simulations', { body: long })).status).toBe(202);
  const second = await call('POST', '/v1/simulations', { body: { scenario: sale } });
  expect(second.status).toBe(503);
  expect(second.headers.get('retry-after')).toBe('10');
  expect(await service.end('SIGTERM')).toBe(0);
}, 60_000);
