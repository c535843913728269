/** A caller who closes his side once he has sent his request gets his answer all the same, and then the connection ends. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { systemClock, systemTimers } from '../adapters/system.js';
import { createLogger } from '../logging/logger.js';
import { createMetrics } from '../metrics/metrics.js';
import { createHttpServer } from './server.js';

const takesMs = 50;
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
  };
  fastify = createHttpServer(options).adapter.getInstance<FastifyInstance>();
  fastify.post('/', async () => {
    await systemTimers.sleep(takesMs);
    return 'arrived';
  });
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = fastify.server.address() as { port: number });
});
afterAll(() => fastify.close());

const head = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
const whole = `${head}content-length: 2\r\n\r\n{}`;

it.each([
  ['a request', whole, ['200']],
  ['two requests', whole + whole, ['200', '200']],
  ['a part of one', `${head}content-length: 9\r\n\r\n{`, ['400']],
  ['nothing', '', []],
])('%s, and then no more, is answered to its end', async (_, sent, expected) => {
  const received = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(sent));
    socket.on('data', (bytes) => (text += bytes.toString()));
    socket.on('close', () => resolve(text));
  });
  expect([...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(expected);
  expect(received.match(/arrived/g)?.length ?? 0).toBe(expected.filter((status) => status === '200').length);
});

it('a caller who leaves without the answer keeps no connection', async () => {
  const socket = connect(port, '127.0.0.1', () => socket.write(whole, () => socket.destroy()));
  await new Promise((resolve) =>
    fastify.server.once('connection', (accepted) => accepted.once('close', resolve)),
  );
});
