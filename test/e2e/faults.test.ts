/** What the service says when something behind it fails, what it logs then, and how it ends. */
import { EventEmitter } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { UnavailableError } from '#domain';
import {
  apiKey,
  createLogger,
  createMetrics,
  type ReadinessProbe,
  systemClock,
  tryToListen,
} from '#platform';
import { createApp, type Host, run, type Services } from '../../apps/order-service/src/index.js';
import { Client, expectProblem } from '../fixtures/client.js';
import { inMemoryServices, type RunningService, startWith } from '../fixtures/service.js';

const running: RunningService[] = [];
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop();
});

async function start(change: (services: Services) => Partial<Services>) {
  const services = inMemoryServices();
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level: 'trace', readable: false, stream });
  const service = await startWith({ ...services, ...change(services) }, logger);
  running.push(service);
  return { client: new Client(service), lines };
}

const cart = { buyerId: 'b', lines: [{ sku: 'tee', quantity: 1 }] };

describe('a part that cannot be reached', () => {
  it.each(['stock-not-ready', 'ledger-unavailable', 'overloaded'] as const)('is a 503 %s', async (code) => {
    const { client } = await start(({ reservations }) => ({
      reservations: {
        ...reservations,
        reserve: () => Promise.reject(new UnavailableError(code, 'redis://user:secret@host', false)),
      },
    }));
    const reply = await client.post('/v1/reservations', cart, { idempotencyKey: 'k' });
    expectProblem(reply, code);
    expect(reply.headers.get('retry-after')).toMatch(/^[1-9][0-9]*$/);
    expect(reply.text).not.toContain('secret');
    const metrics = await client.request('/metrics', { key: null });
    expect(metrics.text).toContain('holdfast_reservations_total{outcome="unavailable"} 1');
  });

  it('makes the service not ready, by name, and still alive', async () => {
    const probes: ReadinessProbe[] = [
      { name: 'redis', check: async () => ({ ok: true, detail: 'answers' }) },
      { name: 'ledger', check: async () => ({ ok: false, detail: 'no connection' }) },
    ];
    const { client } = await start(() => ({ probes }));
    const ready = await client.request('/readyz', { key: null });
    expect(ready).toMatchObject({
      status: 503,
      body: {
        ok: false,
        parts: [
          { name: 'redis', ok: true },
          { name: 'ledger', ok: false, detail: 'no connection' },
        ],
      },
    });
    expect(await client.request('/livez', { key: null })).toMatchObject({ status: 200, body: { ok: true } });
  });
});

describe('a bug', () => {
  it('is a 500 that says nothing, and a line in the log that says what', async () => {
    const { client, lines } = await start(({ stock }) => ({
      stock: { ...stock, find: () => Promise.reject(new TypeError('level of undefined')) },
    }));
    const reply = await client.request('/v1/skus/tee');
    expectProblem(reply, 'internal');
    expect(reply.text).not.toContain('undefined');
    const line = lines.find((text) => text.includes('level of undefined'));
    expect(JSON.parse(line!)).toMatchObject({ level: 50, method: 'GET', route: '/v1/skus/:sku' });
  });

  it('in the middle of a claim leaves the key free', async () => {
    let calls = 0;
    const { client } = await start(({ reservations }) => ({
      reservations: {
        ...reservations,
        reserve: (...args) => {
          calls += 1;
          return calls === 1 ? Promise.reject(new Error('once')) : reservations.reserve(...args);
        },
      },
    }));
    await client.request('/v1/skus/tee', { method: 'PUT', key: 'admin', body: { onHand: 1 } });
    expectProblem(await client.post('/v1/reservations', cart, { idempotencyKey: 'k' }), 'internal');
    expect((await client.post('/v1/reservations', cart, { idempotencyKey: 'k' })).status).toBe(201);
  });
});

describe('the log', () => {
  it('never has an API key in it, known or not', async () => {
    const { client, lines } = await start(({ stock }) => ({
      stock: { ...stock, find: () => Promise.reject(new Error('a bug, so that a line is written')) },
    }));
    await client.request('/v1/skus/tee');
    const headers = { authorization: 'Bearer somebody-elses-key' };
    await client.request('/v1/skus/tee', { key: null, headers });
    expect(lines.length).toBeGreaterThan(2);
    const log = lines.join('');
    for (const secret of [
      client.service.storefrontKey,
      client.service.adminKey,
      'somebody-elses-key',
      'Bearer',
    ]) {
      expect(log).not.toContain(secret);
    }
  });
});

describe('a caller who leaves in the middle of a body', () => {
  it('is no error of the service', async () => {
    const { client, lines } = await start(() => ({}));
    const { hostname, port } = new URL(client.service.baseUrl);
    const socket = connect(Number(port), hostname);
    const head = [
      'POST /v1/reservations HTTP/1.1',
      'host: x',
      `authorization: Bearer ${client.service.storefrontKey}`,
    ];
    socket.write(
      [...head, 'content-type: application/json', 'content-length: 100', '', '{"buyerId"'].join('\r\n'),
    );
    await sleep(100);
    socket.destroy();
    await sleep(100);
    const levels = lines.map((line) => (JSON.parse(line) as { level: number }).level);
    expect(levels.filter((level) => level >= 40)).toEqual([]);
    expect(levels.length).toBeGreaterThan(0);
  });
});

describe('/metrics', () => {
  it('counts attempts by their outcome, and replays once', async () => {
    const { client } = await start(() => ({}));
    const sku = await client.newSku(1);
    const body = { buyerId: 'b', lines: [{ sku, quantity: 1 }] };
    for (let at = 0; at < 3; at++) await client.post('/v1/reservations', body, { idempotencyKey: 'k' });
    await client.post('/v1/reservations', body);
    for (let at = 0; at < 2; at++) await client.reserve(sku);
    const { text, headers } = await client.request('/metrics', { key: null });
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text).toContain('holdfast_reservations_total{outcome="held"} 1\n');
    expect(text).toContain('holdfast_reservations_total{outcome="duplicate-reservation"} 1\n');
    expect(text).toContain('holdfast_reservations_total{outcome="sold-out"} 2\n');
    expect(text).toContain('holdfast_reservations_total{outcome="insufficient-stock"} 0\n');
    expect(text).toMatch(
      /holdfast_http_request_duration_seconds_count\{method="POST",route="\/v1\/reservations",status="409"\} 3\n/,
    );
    expect(text).toContain('process_cpu_seconds_total');
  });
});

describe('the end', () => {
  it('lets what is in flight finish', async () => {
    const { client } = await start(({ reservations }) => ({
      reservations: {
        ...reservations,
        reserve: async (...args) => {
          await sleep(300);
          return reservations.reserve(...args);
        },
      },
    }));
    const sku = await client.newSku(1);
    const reply = client.reserve(sku);
    await sleep(100);
    const beganMs = Date.now();
    const stopping = client.service.stop();
    running.pop();
    expect((await reply).status).toBe(201);
    await stopping;
    expect(Date.now() - beganMs).toBeLessThan(3_000);
    await expect(fetch(client.service.baseUrl)).rejects.toThrow('fetch failed');
  });

  it('does not wait for ever for what never finishes', async () => {
    const { stock, ...services } = inMemoryServices();
    const stuck = { ...stock, find: () => new Promise<never>(() => {}) };
    const logger = createLogger({ level: 'silent', readable: false });
    const keys = [apiKey('shop', ['storefront'], 'storefront-key')];
    const app = await createApp(
      { ...services, stock: stuck },
      { apiKeys: keys },
      { logger, metrics: createMetrics() },
    );
    const baseUrl = await app.listen({ port: 0, host: '127.0.0.1' });
    const headers = { authorization: 'Bearer storefront-key' };
    const request = fetch(`${baseUrl}/v1/skus/tee`, { headers }).catch(() => 'cut off');
    await sleep(100);
    const beganMs = Date.now();
    await app.close(300);
    expect(Date.now() - beganMs).toBeLessThan(2_000);
    expect(await request).toBe('cut off');
  });
});

/** A process that can be told to stop. */
class FakeHost extends EventEmitter implements Host {
  readonly stdout = { text: '', write: (text: string) => void (this.stdout.text += text) };
  readonly stderr = { text: '', write: (text: string) => void (this.stderr.text += text) };
  readonly exited: number[] = [];

  constructor(readonly env: Record<string, string>) {
    super();
  }

  exit(code: number): void {
    this.exited.push(code);
  }

  async address(): Promise<string> {
    for (let waited = 0; waited < 5_000; waited += 10) {
      const address = /listens on (\S+)/.exec(this.stdout.text)?.[1];
      if (address !== undefined) return address;
      await sleep(10);
    }
    throw new Error(`not listening: ${this.stdout.text} ${this.stderr.text}`);
  }
}

describe('the process', () => {
  const quiet = { PORT: '0', LOG_LEVEL: 'silent' };

  it('refuses a bad configuration with 78, saying everything that is wrong, and opens nothing', async () => {
    const host = new FakeHost({ PORT: 'x', DURABILITY: 'hope' });
    let opened = false;
    const open = async () => {
      opened = true;
      return { ...inMemoryServices(), close: async () => {} };
    };
    expect(await run(open, host)).toBe(78);
    expect(opened).toBe(false);
    expect(host.stderr.text.trim().split('\n')).toHaveLength(2);
  });

  it('listens, says with which keys, and ends in order on a signal', async () => {
    const host = new FakeHost(quiet);
    let closed = 0;
    const ended = run(async () => ({ ...inMemoryServices(), close: async () => void (closed += 1) }), host);
    const baseUrl = await host.address();
    expect(host.stdout.text).toContain('hf_dev_storefront');
    expect(host.stdout.text).toContain('hf_dev_admin');
    const headers = { authorization: 'Bearer hf_dev_storefront' };
    expect((await fetch(`${baseUrl}/v1/skus`, { headers })).status).toBe(200);
    expect(closed).toBe(0);
    host.emit('SIGTERM');
    expect(await ended).toBe(0);
    expect(closed).toBe(1);
    await expect(fetch(baseUrl)).rejects.toThrow('fetch failed');
  });

  it('prints no key that was configured', async () => {
    const host = new FakeHost({ ...quiet, HOLDFAST_API_KEYS: 'shop:storefront:a-secret-of-20-chars' });
    const ended = run(async () => ({ ...inMemoryServices(), close: async () => {} }), host);
    const baseUrl = await host.address();
    expect(host.stdout.text).not.toMatch(/hf_dev|a-secret/);
    const statusWith = async (key: string) =>
      (await fetch(`${baseUrl}/v1/skus`, { headers: { authorization: `Bearer ${key}` } })).status;
    expect(await statusWith('a-secret-of-20-chars')).toBe(200);
    expect(await statusWith('hf_dev_storefront')).toBe(401);
    host.emit('SIGINT');
    expect(await ended).toBe(0);
  });

  it('ends at once when told a second time, but takes an echo within a second for the same signal', async () => {
    const host = new FakeHost(quiet);
    let nowMs = 0;
    const clock = { ...systemClock, monotonicMs: () => nowMs };
    let finish: () => void = () => {};
    const closing = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const ended = run(async () => ({ ...inMemoryServices(), close: () => closing }), host, clock);
    await host.address();
    host.emit('SIGINT');
    nowMs = 1_000;
    host.emit('SIGTERM');
    expect(host.exited).toEqual([]);
    nowMs = 1_001;
    host.emit('SIGINT');
    expect(host.exited).toEqual([1]);
    finish();
    await ended;
  });

  it('told to stop while it waits for a server, it ends in seconds', async () => {
    const host = new FakeHost(quiet);
    void run(() => new Promise(() => {}), host);
    host.emit('SIGTERM');
    for (let waited = 0; waited < 20_000 && host.exited.length === 0; waited += 50) await sleep(50);
    expect(host.exited).toEqual([1]);
  }, 30_000);

  it('closes what it opened when somebody takes the port meanwhile, says what to change, and 1', async () => {
    const other = createServer();
    const port = await tryToListen({ host: '127.0.0.1', port: 0 });
    const host = new FakeHost({ ...quiet, PORT: String(port) });
    let closed = 0;
    const open = async () => {
      await new Promise<void>((resolve) => void other.listen(port, '127.0.0.1', resolve));
      return { ...inMemoryServices(), close: async () => void (closed += 1) };
    };
    expect(await run(open, host)).toBe(1);
    expect(closed).toBe(1);
    expect(host.stderr.text).toBe(
      `holdfast: cannot listen on port ${port} of 127.0.0.1: another program already uses it. Change PORT or HOST.\n`,
    );
    other.close();
  });
});

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
