/** The service as a process on its own data folder: killed under load, stopped, started again. */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/holdfast.js';
import { startProcess, type ServiceProcess } from '../fixtures/service-process.js';

let dataDir: string;
let service: ServiceProcess;

const start = async (): Promise<Client> => {
  service = await startProcess({ HOLDFAST_DATA_DIR: dataDir });
  return new Client(service);
};

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'holdfast-process-'));
});
afterAll(async () => {
  await service.stop();
  await rm(dataDir, { recursive: true });
});

type Attempt = { readonly key: string; readonly buyerId: string; readonly answer: string | null };

/** Reserves over some connections until the service is gone; an attempt without an answer has none. */
async function reserveUntilDeath(client: Client, sku: string, attempts: Attempt[]): Promise<void> {
  const one = async (): Promise<void> => {
    for (;;) {
      const [key, buyerId] = [randomUUID(), randomUUID()];
      try {
        const body = { buyerId, lines: [{ sku, quantity: 1 }] };
        const reply = await client.post('/v1/reservations', body, { idempotencyKey: key });
        expect(reply.status).toBe(201);
        attempts.push({ key, buyerId, answer: reply.text });
      } catch (error) {
        if ((error as Error).name !== 'TypeError') throw error; // fetch failed: nobody answered
        attempts.push({ key, buyerId, answer: null });
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: 32 }, one));
}

const retry = (client: Client, sku: string, { key, buyerId }: Attempt) =>
  client.post('/v1/reservations', { buyerId, lines: [{ sku, quantity: 1 }] }, { idempotencyKey: key });

test('killed three times under load: everything acknowledged is there, and the same key gives the same answer', async () => {
  let client = await start();
  const sku = await client.newSku(1_000_000);
  const attempts: Attempt[] = [];
  for (const answers of [1, 100, 250]) {
    const before = attempts.length;
    const reserving = reserveUntilDeath(client, sku, attempts);
    await eventually(`${answers} answers`, async () => attempts.length >= before + answers, 30_000);
    await service.kill();
    await reserving;
    client = await start();
  }
  const acknowledged = attempts.filter(({ answer }) => answer !== null);
  expect(acknowledged.length).toBeGreaterThanOrEqual(351);
  for (const attempt of acknowledged) {
    const { id } = JSON.parse(attempt.answer!) as { id: string };
    expect((await client.request(`/v1/reservations/${id}`)).body).toMatchObject({ id, status: 'held' });
    const replay = await retry(client, sku, attempt);
    expect([replay.status, replay.text]).toEqual([201, attempt.answer]);
  }
  // Those in flight when it died: done or not, the retry settles it, and the buyer holds one unit.
  const unanswered = attempts.filter(({ answer }) => answer === null);
  for (const attempt of unanswered) expect((await retry(client, sku, attempt)).status).toBe(201);
  await eventually(
    'the level counts each attempt once',
    async () => (await client.level(sku)).held === attempts.length,
  );
  const audit = await client.request('/v1/audit/invariants', { key: 'admin' });
  expect(audit.body).toMatchObject({ ok: true });
}, 120_000);

test('a second process on the folder says who has it, and harms nothing', async () => {
  await expect(startProcess({ HOLDFAST_DATA_DIR: dataDir })).rejects.toThrow(
    `is in use by process ${service.child.pid}`,
  );
  expect((await new Client(service).request('/readyz')).status).toBe(200);
});

test('a port that somebody has is said before anything is opened', async () => {
  const { port } = new URL(service.baseUrl);
  const nothingYet = path.join(dataDir, 'of-nobody');
  const refused = startProcess({ HOLDFAST_DATA_DIR: nothingYet, PORT: port, SANDBOX_PORT: '0' });
  await expect(refused).rejects.toThrow(
    new RegExp(`port ${port} of 127\\.0\\.0\\.1 is in use: waiting[^]*another program already uses it`),
  );
  expect(existsSync(nothingYet)).toBe(false);
});

test('SIGINT ends everything it has started, with exit code 0; what was reserved survives', async () => {
  let client = new Client(service);
  const sku = await client.newSku(5);
  const held = await client.hold(sku, 2);
  expect(processesIn(dataDir)).not.toEqual([]);
  expect(await service.end('SIGINT')).toBe(0);
  expect(processesIn(dataDir)).toEqual([]);
  client = await start();
  expect((await client.request(`/v1/reservations/${held.id}`)).body).toEqual(held);
  expect(await client.level(sku)).toMatchObject({ onHand: 5, held: 2 });
  expect((await client.reserve(sku, 4)).body).toMatchObject({
    type: '/problems/insufficient-stock',
    available: 3,
  });
}, 60_000);

/** Processes that name the folder on their command line, or work in it. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(folder) ? [command] : [];
      } catch {
        return []; // It has ended meanwhile.
      }
    });
}
