/** HTTP_THREADS: one service of several threads, embedded: what they share, and one that dies under load. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/holdfast.js';
import { startProcess, type ServiceProcess } from '../fixtures/service-process.js';

const killer = path.resolve(import.meta.dirname, '../fixtures/thread-killer.mjs');
const slowSpare = path.resolve(import.meta.dirname, '../fixtures/slow-spare.mjs');
const callers = 24;

let dataDir: string;
let service: ServiceProcess;
let client: Client;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'holdfast-threads-'));
  service = await startProcess({
    HOLDFAST_DATA_DIR: dataDir,
    HTTP_THREADS: '2',
    NODE_OPTIONS: `--import=${killer}`,
  });
  client = new Client(service);
}, 120_000);
afterAll(async () => {
  // Undefined when it could not be started.
  await (service as ServiceProcess | undefined)?.stop();
  await rm(dataDir, { recursive: true });
});

type Attempt = {
  readonly key: string;
  readonly buyerId: string;
  status: number;
  text: string;
  replayed: boolean;
};

/** One request, over a connection of its own choosing; status 0: nobody answered. */
async function attempt(sku: string, made: Attempt[], known: Partial<Attempt> = {}): Promise<Attempt> {
  const { key = randomUUID(), buyerId = randomUUID() } = known;
  const result = { key, buyerId, status: 0, text: '', replayed: false };
  try {
    const reply = await client.post(
      '/v1/reservations',
      { buyerId, lines: [{ sku, quantity: 1 }] },
      { idempotencyKey: key },
    );
    result.status = reply.status;
    result.text = reply.text;
    result.replayed = reply.headers.get('idempotent-replayed') === 'true';
  } catch (error) {
    if ((error as Error).name !== 'TypeError') throw error; // fetch failed: the thread has died
  }
  made.push(result);
  return result;
}

const atOnce = (work: () => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: callers }, work));

/** All of them, some at once. */
async function each<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  await atOnce(async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  });
}

const heldCount = async (): Promise<number> => {
  const { text } = await client.request('/metrics');
  return Number(/holdfast_reservations_total\{outcome="held"\} (\d+)/.exec(text)?.[1]);
};

test('whichever thread is asked answers for all: metrics, readiness, a key that another has answered', async () => {
  const sku = await client.newSku(1_000);
  const before = await heldCount();
  const made: Attempt[] = [];
  await atOnce(() => attempt(sku, made));
  expect(made.map(({ status }) => status)).toEqual(made.map(() => 201));
  await atOnce(async () => {
    expect(await heldCount()).toBe(before + callers);
    expect((await client.request('/readyz')).status).toBe(200);
    const { key, buyerId, text } = made[0]!;
    expect(await attempt(sku, [], { key, buyerId })).toMatchObject({ status: 201, text });
  });
  const { text } = await client.request('/metrics');
  for (const thread of ['1', '2'])
    expect(text).toContain(`nodejs_eventloop_lag_p99_seconds{thread="${thread}"}`);
  expect(text).toMatch(/^holdfast_partitions_closed 0$/m);
});

test('of attempts under one key at once, whichever thread they come to, one is the first, and counts', async () => {
  const [sku, gone] = [await client.newSku(callers), await client.newSku(0)];
  const before = await heldCount();
  for (const wanted of [sku, gone]) {
    await atOnce(async () => {
      const known = { key: randomUUID(), buyerId: randomUUID() };
      const twins = await Promise.all([1, 2, 3].map(() => attempt(wanted, [], known)));
      expect(new Set(twins.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(twins.filter(({ replayed }) => !replayed).length).toBe(1);
    });
  }
  expect(await heldCount()).toBe(before + callers);
});

test('what is sold out to one thread is refused by the other, without a word to Redis', async () => {
  const redis = new Redis({ path: path.join(dataDir, 'redis.sock') });
  try {
    const sku = await client.newSku(callers / 2);
    const made: Attempt[] = [];
    await atOnce(() => attempt(sku, made));
    expect(made.filter(({ status }) => status === 201).length).toBe(callers / 2);
    const reserving = async (): Promise<number> => {
      const stats = await redis.info('commandstats');
      return Number(/cmdstat_fcall:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    await eventually('both threads refuse by themselves', async () => {
      const [calls, startedAt] = [await reserving(), performance.now()];
      const crowd: Attempt[] = [];
      await atOnce(() => attempt(sku, crowd));
      await atOnce(() => attempt(sku, crowd));
      expect(crowd.map(({ status }) => status)).toEqual(crowd.map(() => 409));
      // Sweepers and keepers call functions as well, some ten times a second.
      const others = ((performance.now() - startedAt) / 1_000) * 20 + 4;
      return (await reserving()) - calls < Math.min(others, callers);
    });
  } finally {
    redis.disconnect();
  }
});

test.each([
  ['of an error that nobody caught', 'SIGUSR2'],
  ['in the middle of whatever it did', 'SIGHUP'],
] as const)(
  'a thread dies %s: what it had acknowledged is there, it is replaced, and no unit is lost',
  async (_, signal) => {
    const [plenty, few] = [await client.newSku(1_000_000), await client.newSku(200)];
    const deaths = (): number => service.output.filter((line) => line.includes('has died')).length;
    const [before, countedBefore] = [deaths(), await heldCount()];
    const [made, scarce]: Attempt[][] = [[], []];
    const until = { over: false };
    const load = atOnce(async () => {
      while (!until.over) await Promise.all([attempt(plenty, made!), attempt(few, scarce!)]);
    });
    await eventually('there is load', async () => made!.length > 100);
    service.child.kill(signal);
    await eventually('it is replaced', async () => deaths() > before);
    const sofar = made!.length;
    await eventually('it goes on', async () => made!.length > sofar + 100);
    until.over = true;
    await load;

    const acknowledged = [...made!, ...scarce!].filter(({ status }) => status === 201);
    await each(acknowledged, async ({ key, buyerId, text }) => {
      const { id, lines } = JSON.parse(text) as { id: string; lines: [{ sku: string }] };
      expect((await client.request(`/v1/reservations/${id}`)).body).toMatchObject({ id, status: 'held' });
      const again = await attempt(lines[0].sku, [], { key, buyerId });
      expect([again.status, again.text]).toEqual([201, text]);
    });
    // Those in flight when it died: the retry settles each, and holds one unit at most.
    const unanswered = made!.filter(({ status }) => status === 0);
    await each(unanswered, async ({ key, buyerId }) => {
      expect((await attempt(plenty, [], { key, buyerId })).status).toBe(201);
    });
    expect(unanswered.length).toBeGreaterThan(0);
    expect((await client.level(plenty)).held).toBe(made!.length);
    // The last of the few can be had by whoever comes, whatever the dead thread had taken of them.
    while ((await client.level(few)).available > 0) await attempt(few, []);
    expect(await client.level(few)).toMatchObject({ available: 0, held: 200 });
    expect(await heldCount()).toBeGreaterThan(countedBefore);
    const audit = await client.request('/v1/audit/invariants', { key: 'admin' });
    expect(audit.body).toMatchObject({ ok: true });
  },
  60_000,
);

test('SIGINT ends every thread in order', async () => {
  const sku = await client.newSku(1_000);
  const made: Attempt[] = [];
  const load = atOnce(async () => {
    while ((await attempt(sku, made)).status !== 0);
  });
  await eventually('there is load', async () => made.length > 50);
  expect(await service.end('SIGINT')).toBe(0);
  await load;
  // What was begun was answered: nothing broke off but connections that asked for more.
  expect(made.filter(({ status }) => status !== 0).every(({ status }) => status === 201)).toBe(true);
});

test('a spare that is still loading holds up no end', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-threads-'));
  const young = await startProcess({
    HOLDFAST_DATA_DIR: folder,
    HTTP_THREADS: '2',
    NODE_OPTIONS: `--import=${slowSpare}`,
  });
  const startedAt = performance.now();
  expect(await young.end('SIGTERM')).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  await rm(folder, { recursive: true });
}, 60_000);
