/**
 * Where medium and e2e tests take their servers from. A run shares one Redis and one PostgreSQL; each call gives
 * an empty database on them that nobody else uses. A server that cannot be had is a loud skip (describeWithRedis,
 * describeWithPostgres), and a failure under CI.
 */
import { randomBytes } from 'node:crypto';
import { PGlite, type ParserOptions } from '@electric-sql/pglite';
import { describe } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { Browser } from 'playwright-core';
import { ServerNotFoundError } from '#platform';
import { findChromium, startChromium } from './chromium.js';
import { startPostgresServer } from './postgres-server.js';
import { redisDatabasesMax, startRedisServer } from './redis-server.js';
import { testDataFolder } from './server.js';
import { type SharedServer, type SharedServers, serversVariable } from './shared-servers.js';

export interface TestDatabase {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * An empty Redis database of its own on the shared server. Functions, scripts and settings are the server's: a test that
 * changes them, flushes everything, or kills the server wants `own`, a server for itself; `durable` (which implies
 * `own`) has it write every command to disk first.
 */
export async function testRedis(options: { own?: boolean; durable?: boolean } = {}): Promise<TestDatabase> {
  const { own = false, durable = false } = options;
  if (own || durable) return startRedisServer({ durable });
  const server = urlOf('redis');
  const database = await withRedis(server, (redis) => redis.incr('holdfast:test:database'));
  if (database >= redisDatabasesMax)
    throw new Error(`More than ${redisDatabasesMax} Redis databases in a run`);
  const url = `${server.replace(/\/$/, '')}/${database}`;
  return {
    url,
    async stop() {
      await withRedis(url, (redis) => redis.flushdb());
    },
  };
}

/**
 * An empty PostgreSQL database of its own on the shared server, which does not wait for the disk. `durable` starts a
 * server of its own that does.
 */
export async function testPostgres(options: { durable?: boolean } = {}): Promise<TestDatabase> {
  if (options.durable === true) return startPostgresServer({ durable: true });
  const server = urlOf('postgres');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onPostgres(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, stop: () => onPostgres(server, `drop database if exists ${name} with (force)`) };
}

/** A PGlite in memory, empty. Takes two to three seconds: one for each test file is enough. */
export async function testPglite(
  options: { parsers?: ParserOptions } = {},
): Promise<{ pglite: PGlite; stop: () => Promise<void> }> {
  const pglite = await PGlite.create(options);
  return { pglite, stop: () => pglite.close() };
}

/** `describe` for tests that need the shared Redis. */
export function describeWithRedis(name: string, tests: () => void): void {
  describeWith('redis', 'Redis', name, tests);
}

/** `describe` for tests that need the shared PostgreSQL. */
export function describeWithPostgres(name: string, tests: () => void): void {
  describeWith('postgres', 'PostgreSQL', name, tests);
}

function describeWith(kind: keyof SharedServers, server: string, name: string, tests: () => void): void {
  const found = shared(kind);
  if ('url' in found) {
    describe(name, tests);
    return;
  }
  if (isContinuousIntegration()) throw new Error(`${name}: needs ${server}. ${found.missing}`);
  process.stderr.write(`SKIPPED, there is no ${server}: ${name}\n`);
  describe.skip(name, tests);
}

/**
 * A browser for a test file, and `describe` for its tests: skipped loudly when none can be had, an error under CI.
 * Looked for only when a file that wants it is run.
 */
export async function browserForTests(): Promise<{
  readonly describe: (name: string, tests: () => void) => void;
  readonly start: () => Promise<Browser>;
}> {
  try {
    const program = await findChromium(testDataFolder, (message) =>
      process.stderr.write(`Chromium: ${message}\n`),
    );
    process.stderr.write(`tests use ${program.origin}\n`);
    return { describe, start: () => startChromium(program) };
  } catch (error) {
    if (isContinuousIntegration() || !(error instanceof ServerNotFoundError)) throw error;
    const skip = (name: string, tests: () => void) => {
      process.stderr.write(`SKIPPED, there is no browser: ${name}\n${error.message}\n`);
      describe.skip(name, tests);
    };
    return { describe: skip, start: () => Promise.reject(error) };
  }
}

/** Whether the run has this shared server; under CI a missing one is an error. */
export function hasServer(kind: keyof SharedServers): boolean {
  const found = shared(kind);
  if ('url' in found) return true;
  if (isContinuousIntegration()) throw new Error(found.missing);
  return false;
}

function isContinuousIntegration(): boolean {
  return !['', '0', 'false'].includes(process.env['CI'] ?? '');
}

function urlOf(kind: keyof SharedServers): string {
  const found = shared(kind);
  if ('url' in found) return found.url;
  throw new Error(found.missing);
}

function shared(kind: keyof SharedServers): SharedServer {
  const known = process.env[serversVariable];
  if (known === undefined) return { missing: 'this test is in a Jest project without the global set-up' };
  return (JSON.parse(known) as SharedServers)[kind];
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true });
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

async function onPostgres(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
