/** The embedded Redis: found or obtained, started in the data folder, kept running, stopped with the service. */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { launchRedisContainer } from './redis-container.js';
import { findRedisServer, type RedisServer } from './find-redis-server.js';
import type { Report } from './programs.js';
import { launchRedis, redisPlace } from './redis-process.js';
import { supervise } from './supervise.js';

/** What a client connects to: a Unix socket, or a port where Redis runs in Docker. */
type RedisConnection = { readonly path: string } | { readonly host: string; readonly port: number };

export interface EmbeddedRedis {
  readonly connection: RedisConnection;
  /** Ends it once everything written is on disk. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts Redis on `<dataDir>/redis`, every write on disk before it is answered. The caller holds the data folder
 * (openDataFolder). If the server ends by itself it is started again.
 * @param options.server the server to run, found by findRedisServer when not given
 * @throws ServerNotFoundError, RedisStartError
 */
export async function startRedis(options: {
  dataDir: string;
  report: Report;
  server?: RedisServer;
}): Promise<EmbeddedRedis> {
  const { dataDir, report } = options;
  const server = options.server ?? (await findRedisServer(dataDir, report));
  if (server.kind === 'docker') return startInDocker(dataDir, server.image, report);
  const place = await redisPlace(dataDir);
  const supervisor = await supervise('Redis', () => launchRedis(place, server.program, report), report);
  return { connection: { path: place.socket }, stop: () => supervisor.stop() };
}

async function startInDocker(dataDir: string, image: string, report: Report): Promise<EmbeddedRedis> {
  const wanted = path.resolve(dataDir, 'redis');
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  const folder = realpathSync(wanted);
  const name = `holdfast-redis-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
  const container = await launchRedisContainer({ name, folder, image });
  const supervisor = await supervise('Redis', container.launch, report);
  return { connection: container.connection, stop: () => supervisor.stop() };
}
