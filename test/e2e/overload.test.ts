/** Many times the calls that the service works on at once: what it accepts it answers soon, the rest it refuses at once. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/holdfast.js';
import { startService, type RunningService } from '../fixtures/service.js';

const inFlightMax = 32;
const callers = 200;
const callsEach = 8;

/**
 * Reservations that are made while one is in flight: those of the batches that were under way when it came, those of its
 * own, and what came in between. A multiple of what may be in flight, however large the crowd is: this bounds the wait,
 * whatever a batch takes on this machine.
 */
const madeMeanwhileMax = 4 * inFlightMax;
/** The most at once, and the most that were made while one was waiting, of what has come to the use cases. */
const seen = { inFlight: 0, madeMeanwhile: 0 };

let service: RunningService;
let client: Client;

beforeAll(async () => {
  service = await startService({ callsInFlightMax: inFlightMax }, (reservations) => {
    let [inFlight, made] = [0, 0];
    const watched: typeof reservations = Object.create(reservations);
    watched.reserve = async (...call) => {
      const madeBefore = made;
      seen.inFlight = Math.max(seen.inFlight, (inFlight += 1));
      try {
        return await reservations.reserve(...call);
      } finally {
        inFlight -= 1;
        seen.madeMeanwhile = Math.max(seen.madeMeanwhile, (made += 1) - madeBefore);
      }
    };
    return watched;
  });
  client = new Client(service);
});
afterAll(() => service.stop());

type Answer = { readonly status: number; readonly retryAfter: string | undefined; readonly text: string };

/** As fetch would, with as many connections as there are callers. */
function reserve(agent: Agent, sku: string, leave = false): Promise<Answer> {
  const body = JSON.stringify({ buyerId: randomUUID(), lines: [{ sku, quantity: 1 }] });
  return new Promise((resolve, reject) => {
    const sent = request(`${service.baseUrl}/v1/reservations`, {
      agent,
      method: 'POST',
      headers: {
        authorization: `Bearer ${service.storefrontKey}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'idempotency-key': randomUUID(),
      },
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => {
        const retryAfter = response.headers['retry-after'];
        resolve({ status: response.statusCode!, retryAfter, text });
      });
    });
    sent.end(body, () => leave && setImmediate(() => sent.destroy()));
  });
}

test('accepts what it can, refuses the rest at once, sells nothing wrong, and is well right after', async () => {
  const sku = await client.newSku(1_000_000);
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const answers: Answer[] = [];
  let inTheCrowd: number[] = [];
  try {
    await Promise.all([
      ...Array.from({ length: callers }, async () => {
        for (let call = 0; call < callsEach; call += 1) answers.push(await reserve(agent, sku));
      }),
      (async () => {
        const probes = ['/livez', '/readyz', '/metrics'].map((probe) => client.request(probe, { key: null }));
        inTheCrowd = (await Promise.all(probes)).map(({ status }) => status);
      })(),
    ]);
    const accepted = answers.filter(({ status }) => status === 201);
    const refused = answers.filter(({ status }) => status !== 201);
    // Each of those that were in flight first, at least.
    expect(accepted.length).toBeGreaterThanOrEqual(inFlightMax);
    expect(refused.length).toBeGreaterThan(callers);
    for (const { status, retryAfter, text } of refused)
      expect([status, retryAfter, JSON.parse(text).type]).toEqual([503, '1', '/problems/overloaded']);
    expect(seen.inFlight).toBeLessThanOrEqual(inFlightMax);
    expect(seen.madeMeanwhile).toBeLessThanOrEqual(madeMeanwhileMax);
    expect(inTheCrowd).toEqual([200, 200, 200]);
    expect((await client.level(sku)).held).toBe(accepted.length);
    // At once: nothing has been left in a queue.
    expect((await reserve(agent, sku)).status).toBe(201);
    const audit = await client.request('/v1/audit/invariants', { key: 'admin' });
    expect(audit.body).toMatchObject({ ok: true });
  } finally {
    agent.destroy();
  }
});

/** As many connections as there may be calls, and again as many: each sends this, and is left open. */
async function open(text: string): Promise<Socket[]> {
  const { hostname, port } = new URL(service.baseUrl);
  const sockets = Array.from({ length: 2 * inFlightMax }, () => connect(Number(port), hostname));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) socket.on('error', () => undefined).write(text);
  return sockets;
}

async function roomForAll(sku: string): Promise<boolean> {
  const calls = Array.from({ length: inFlightMax }, () => client.request(`/v1/skus/${sku}`));
  return (await Promise.all(calls)).every(({ status }) => status === 200);
}

test.each([
  ['of somebody without a key', '/v1/payments/webhooks/nobody', () => ''],
  ['of a shop', '/v1/reservations', () => service.storefrontKey],
  ['that is a file', '/v1/reconciliations/files?format=mt940', () => service.adminKey],
])('a body %s that does not arrive takes up no room', async (_, path, key) => {
  const sku = await client.newSku(1);
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: x',
    `authorization: Bearer ${key()}`,
    `idempotency-key: k`,
    `content-type: ${path.includes('files') ? 'text/plain' : 'application/json'}`,
    'content-length: 50',
  ];
  const sockets = await open(`${head.join('\r\n')}\r\n\r\n{`);
  try {
    for (let round = 0; round < 3; round += 1) expect(await roomForAll(sku)).toBe(true);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test('a file that goes on coming after it was refused takes up no room', async () => {
  const sku = await client.newSku(1);
  const head = [
    'POST /v1/reconciliations/files?format=mt940 HTTP/1.1',
    'host: x',
    `authorization: Bearer ${service.adminKey}`,
    'content-type: text/plain',
    'content-length: 50',
  ];
  const sockets = await open(`${head.join('\r\n')}\r\n\r\n{`);
  try {
    for (const socket of sockets) expect(String((await once(socket, 'data'))[0])).toContain(' 400 ');
    for (const socket of sockets) socket.write(' '.repeat(49));
    await Promise.all(sockets.map((socket) => once(socket.end(), 'close')));
    expect(await roomForAll(sku)).toBe(true);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test('who leaves before the answer takes up no room', async () => {
  const sku = await client.newSku(1_000_000);
  const agent = new Agent({ keepAlive: false });
  for (let round = 0; round < 3; round += 1)
    await Promise.allSettled(Array.from({ length: inFlightMax }, () => reserve(agent, sku, true)));
  await eventually('there is room for as many as before', () => roomForAll(sku));
});
