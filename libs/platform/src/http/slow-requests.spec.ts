/** Whoever sends a byte now and then holds a connection for as long as a request may take, and no longer. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { systemClock } from '../adapters/system.js';
import { createLogger } from '../logging/logger.js';
import { createMetrics } from '../metrics/metrics.js';
import { createHttpServer } from './server.js';

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
  };
  fastify = createHttpServer(options).adapter.getInstance<FastifyInstance>();
  fastify.post('/', async () => 'arrived');
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = fastify.server.address() as { port: number });
});
afterAll(() => fastify.close());

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
