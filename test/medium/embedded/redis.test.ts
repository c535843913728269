/** The embedded Redis on a real server: durable, adopted when left behind, started again when it dies, gone when stopped. */
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { findRedisServer, isAlive, type RedisServer, startRedis } from '#platform';
import { withClient } from '../../fixtures/redis-client.js';
import { describeWithRedis } from '../../servers/index.js';
import { testDataFolder } from '../../servers/server.js';
import { runCompiled } from '../../fixtures/run-compiled.js';

describeWithRedis('the embedded Redis', () => {
  let dataDir: string;
  let server: RedisServer;
  const messages: string[] = [];
  const report = (message: string) => void messages.push(message);

  beforeEach(async () => {
    dataDir = realpathSync(mkdtempSync(path.join(tmpdir(), 'holdfast-redis-data-')));
    messages.length = 0;
    server = await findRedisServer(testDataFolder, report);
  });
  afterEach(async () => {
    // One that a failed test has left.
    const left = { connection: { path: path.join(dataDir, 'redis.sock') } };
    await withClient(left, (client) => client.shutdown('NOSAVE')).catch(() => undefined);
    rmSync(dataDir, { recursive: true });
  });

  /** Starts a service in another process, uses its Redis, kills it. */
  async function leaveBehind(use: (client: Redis) => Promise<void>) {
    const service = runCompiled(`
      const redis = await embedded.startRedis({
        dataDir: ${JSON.stringify(dataDir)}, report: say, server: ${JSON.stringify(server)} });
      say('serving');
      setInterval(() => redis, 1000);`);
    await service.line('serving');
    const socket = { path: path.join(dataDir, 'redis.sock') };
    const pid = await withClient({ connection: socket }, async (client) => {
      await use(client);
      return pidOf(client);
    });
    service.child.kill('SIGKILL');
    await service.ended;
    return { socket, pid };
  }

  it('writes to disk before it answers, and forgets nothing for want of memory', async () => {
    const redis = await startRedis({ dataDir, report, server });
    await withClient(redis, async (client) => {
      expect(await settings(client, ['appendonly', 'appendfsync', 'save', 'maxmemory-policy'])).toEqual({
        appendonly: 'yes',
        appendfsync: 'always',
        save: '',
        'maxmemory-policy': 'noeviction',
      });
    });
    await redis.stop();
  });

  it('keeps its data over a restart', async () => {
    const first = await startRedis({ dataDir, report, server });
    await withClient(first, (client) => client.set('key', 'value'));
    await first.stop();
    const second = await startRedis({ dataDir, report, server });
    expect(await withClient(second, (client) => client.get('key'))).toBe('value');
    await second.stop();
  });

  it('is gone after stop, and stays gone', async () => {
    const redis = await startRedis({ dataDir, report, server });
    const pid = await withClient(redis, pidOf);
    await redis.stop();
    expect(isAlive(pid)).toBe(false);
    await sleep(500);
    await expect(withClient(redis, pidOf)).rejects.toThrow();
  });

  it('is started again with its data when it dies', async () => {
    const redis = await startRedis({ dataDir, report, server });
    const pid = await withClient(redis, async (client) => {
      await client.set('key', 'value');
      return pidOf(client);
    });
    process.kill(pid, 'SIGKILL');
    await until(async () => (await withClient(redis, pidOf)) !== pid);
    expect(await withClient(redis, (client) => client.get('key'))).toBe('value');
    expect(messages).toContain('Redis has ended (killed by SIGKILL), starting it again in 100 ms');
    await redis.stop();
  });

  it('goes with a service that ends in a hurry, also while it starts', async () => {
    for (const last of ['started', 'served']) {
      const service = runCompiled(`
        const starting = embedded.startRedis({
          dataDir: ${JSON.stringify(dataDir)}, report: say, server: ${JSON.stringify(server)} });
        if (${JSON.stringify(last)} === 'served') await starting;
        else await new Promise((resolve) => setTimeout(resolve, 5));
        process.exit(1);`);
      expect(await service.ended).toEqual({ code: 1, signal: null });
      await until(async () => redisIn(dataDir).length === 0);
    }
  });

  it('survives a service that is killed, and is adopted by the next one instead of doubled', async () => {
    const { socket, pid } = await leaveBehind(async (client) => void (await client.set('key', 'value')));
    expect(isAlive(pid)).toBe(true);
    const next = await startRedis({ dataDir, report, server });
    expect(next.connection).toEqual(socket);
    expect(await withClient(next, pidOf)).toBe(pid);
    expect(await withClient(next, (client) => client.get('key'))).toBe('value');
    await next.stop();
    expect(isAlive(pid)).toBe(false);
  });

  it('does not adopt a server that was left behind with other settings: it is ended, its data kept', async () => {
    const { pid } = await leaveBehind(async (client) => {
      await client.set('key', 'value');
      await client.config('SET', 'appendfsync', 'no');
    });
    const second = await startRedis({ dataDir, report, server });
    expect(isAlive(pid)).toBe(false);
    expect(await withClient(second, (client) => client.get('key'))).toBe('value');
    expect(await withClient(second, (client) => settings(client, ['appendfsync']))).toEqual({
      appendfsync: 'always',
    });
    await second.stop();
  });

  it('serves from a folder whose path is too long for a socket and has spaces in it', async () => {
    const long = path.join(dataDir, 'a folder with a “name”', 'x'.repeat(120));
    mkdirSync(long, { recursive: true });
    const redis = await startRedis({ dataDir: long, report, server });
    expect(await withClient(redis, (client) => client.ping())).toBe('PONG');
    await redis.stop();
  });

  it('says what the log says when it cannot start', async () => {
    const first = await startRedis({ dataDir, report, server });
    await withClient(first, (client) => client.set('key', 'value'));
    await first.stop();
    rmSync(path.join(dataDir, 'redis/appendonlydir/appendonly.aof.1.base.rdb'));
    await expect(startRedis({ dataDir, report, server })).rejects.toThrow(
      /did not start \((it ended|exit 1)\)[\s\S]*appendonly\.aof\.1\.base\.rdb/,
    );
  });
});

/** Processes that work in the folder of its data. */
function redisIn(folder: string): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`) === path.join(folder, 'redis');
    } catch {
      return false; // It has ended meanwhile.
    }
  });
}

async function pidOf(client: Redis): Promise<number> {
  return Number(/^process_id:(\d+)/m.exec(await client.info('server'))?.[1]);
}

async function settings(client: Redis, names: readonly string[]): Promise<Record<string, string>> {
  const found = await Promise.all(names.map((name) => client.config('GET', name)));
  return Object.fromEntries(found.map(([name, value]) => [name!, value!]));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > deadlineMs) throw new Error('did not come to hold within 10 s');
    await sleep(50);
  }
}
