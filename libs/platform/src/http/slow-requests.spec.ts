/**
 * Whoever sends a byte now and then holds a connection for as long as a request may take, and no longer; whoever takes nothing of
 * the answer, for as long as a connection may be silent.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { systemClock } from '../adapters/system.js';
import { createLogger } from '../logging/logger.js';
import { createMetrics } from '../metrics/metrics.js';
import { createHttpServer } from './server.js';

const connectionsMax = 20;
let fastify: FastifyInstance;
let port: number;
beforeAll(async () => {
  const options = {
    apiKeys: [],
    logger: createLogger({ level: 'silent', readable: false }),
    metrics: createMetrics(),
    clock: systemClock,
    bodyBytesMax: 1_000,
    callsInFlightMax: 10,
    requestTimeoutMs: 300,
    silenceMsMax: 1_000,
    connectionsMax,
  };
  fastify = createHttpServer(options).adapter.getInstance<FastifyInstance>();
  fastify.post('/', async () => 'arrived');
  fastify.get('/much', async () => Buffer.alloc(muchBytes));
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = fastify.server.address() as { port: number });
});
afterAll(() => fastify.close());

/** More than the kernel keeps for somebody. */
const muchBytes = 32 * 1_024 ** 2;
const head = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

it.each([
  ['nothing', '', ''],
  ['its head', head, 'a: b\r\n'],
  ['its body', `${head}content-length: 999\r\n\r\n"`, 'x'],
])('a request that dribbles %s in is a 408, and its connection is closed', async (_, first, drop) => {
  const received = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(first));
    const dribbling = setInterval(() => socket.writable && socket.write(drop), 20);
    socket.on('data', (bytes) => (text += bytes.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(dribbling);
      resolve(text);
    });
  });
  expect(received).toMatch(/^HTTP\/1\.1 408 /);
  expect(received).toContain('application/problem+json');
  expect(received).toContain('/problems/request-timeout');
});

async function ask(path: string): Promise<{ readonly socket: Socket; readonly ended: Promise<unknown> }> {
  const connected = once(fastify.server, 'connection') as Promise<[Socket]>;
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.pause().write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
  const [accepted] = await connected;
  return { socket, ended: once(accepted, 'close') };
}

it('an answer of which nothing is taken is given up, and its connection is closed', async () => {
  const { ended } = await ask('/much');
  await ended;
});

it('an answer that is taken slowly is given to its end', async () => {
  const { socket, ended } = await ask('/much');
  let taken = 0;
  for await (const bytes of socket as AsyncIterable<Buffer>) {
    taken += bytes.length;
    if (taken > muchBytes) break;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  expect(taken).toBeGreaterThan(muchBytes);
  await ended;
});

it('a connection more than there may be is closed at once, and the others are answered', async () => {
  const dropped = once(fastify.server, 'drop');
  const sockets = Array.from({ length: connectionsMax + 1 }, () => connect(port, '127.0.0.1'));
  await dropped;
  const answered = sockets.map(async (socket) => {
    socket.on('error', () => undefined).write(`${head}content-length: 0\r\nconnection: close\r\n\r\n`);
    const chunks = await socket.toArray().catch(() => []);
    return chunks.join('').includes('arrived');
  });
  expect((await Promise.all(answered)).filter((isAnswered) => !isAnswered)).toHaveLength(1);
});
