/**
 * The servers that all test files of a run share: started once before them, ended after them, handed to the workers
 * in the environment. Called by global-setup.mjs and global-teardown.mjs.
 */
import { startPostgresServer } from './postgres-server.js';
import { startRedisServer } from './redis-server.js';
import type { TestServer } from './server.js';

/** What a worker knows of a server: where it is, or why there is none. */
export type SharedServer = { readonly url: string } | { readonly missing: string };

export interface SharedServers {
  readonly redis: SharedServer;
  readonly postgres: SharedServer;
}

export const serversVariable = 'HOLDFAST_TEST_SERVERS';

export async function startSharedServers(): Promise<{ stop: () => Promise<void> }> {
  const [redis, postgres] = await Promise.all([
    attempt('Redis', () => startRedisServer({ durable: false })),
    attempt('PostgreSQL', () => startPostgresServer({ durable: false })),
  ]);
  const servers: SharedServers = { redis: known(redis), postgres: known(postgres) };
  process.env[serversVariable] = JSON.stringify(servers);
  return {
    async stop() {
      await Promise.all([redis, postgres].map(async (server) => 'stop' in server && server.stop()));
    },
  };
}

async function attempt(
  name: string,
  start: () => Promise<TestServer>,
): Promise<TestServer | { missing: string }> {
  try {
    const server = await start();
    process.stderr.write(`tests use ${name} from: ${server.origin}\n`);
    return server;
  } catch (error) {
    const missing = (error as Error).message;
    process.stderr.write(`tests have NO ${name}: ${missing}\n`);
    return { missing };
  }
}

function known(server: TestServer | { missing: string }): SharedServer {
  return 'url' in server ? { url: server.url } : server;
}
