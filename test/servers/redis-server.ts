/** A Redis server for tests: from Docker, from PATH, or from the distribution's packages. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import {
  findRedisServer,
  freePort,
  redisImage,
  ServerNotFoundError,
  spawnLeashed,
  untilItAnswers,
} from '#platform';
import { fromDocker, testDataFolder, type TestServer } from './server.js';

/** Each test takes a database of its own, so there must be enough of them. */
export const redisDatabasesMax = 4096;

/** @throws ServerNotFoundError when none can be had */
export async function startRedisServer(options: { durable: boolean }): Promise<TestServer> {
  return (await fromDocker('Redis', () => containerised(options))) ?? local(options);
}

function settings({ durable }: { durable: boolean }): string[] {
  const persistence = durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  return [...persistence, '--save', '', '--databases', `${redisDatabasesMax}`];
}

async function containerised(options: { durable: boolean }): Promise<TestServer> {
  const { RedisContainer } = await import('@testcontainers/redis');
  const container = await new RedisContainer(redisImage)
    .withCommand(['redis-server', ...settings(options)])
    .start();
  return {
    url: container.getConnectionUrl(),
    origin: `Testcontainers, ${redisImage}`,
    async stop() {
      await container.stop();
    },
  };
}

async function local(options: { durable: boolean }): Promise<TestServer> {
  const server = await findRedisServer(testDataFolder, (message) =>
    process.stderr.write(`Redis: ${message}\n`),
  );
  if (server.kind === 'docker')
    throw new ServerNotFoundError('Redis: none on this machine, none from Docker');
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-redis-'));
  const port = await freePort();
  const leashed = spawnLeashed({
    file: server.program.file,
    args: ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', folder, ...settings(options)],
    env: server.program.env,
    folder,
    endSignal: 'TERM',
  });
  await untilItAnswers('Redis', leashed, () => ping(port));
  return { url: `redis://127.0.0.1:${port}`, origin: server.program.origin, stop: () => leashed.stop() };
}

async function ping(port: number): Promise<void> {
  const settings = { retryStrategy: () => null, maxRetriesPerRequest: 0, disconnectTimeout: 100 };
  const redis = new Redis({ port, lazyConnect: true, ...settings });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.ping();
  } finally {
    redis.disconnect();
  }
}
