/** A shop under load: a Holdfast, or one of the strategies that the simulator compares it with, as a process. */
import path from 'node:path';
import { Client } from 'pg';
import { freePort } from '#platform';
import { startRedisServer } from '../servers/redis-server.js';
import { post } from './load.js';
import { startProgram, type Program } from './program.js';

export const keys = { admin: 'bench-admin-key-0000', storefront: 'bench-storefront-key' };

const dist = path.resolve(import.meta.dirname, '../..');
const stops: (() => Promise<unknown>)[] = [];
let requests = 0;

/** A name that nothing else has. */
export const unique = (): string => `bench-${process.pid}-${(requests += 1)}`;

/** Stops it when the benchmark ends; what was started last is stopped first. */
export function untilTheEnd<Part extends { stop(): Promise<unknown> }>(part: Part): Part {
  stops.unshift(() => part.stop());
  return part;
}

export async function stopAll(): Promise<void> {
  for (const stop of stops.splice(0)) await stop();
}

export type Backends = { readonly redis: string; readonly postgres: string };

/** A Redis of its own and an empty database on the server. */
export async function startBackends(postgresUrl: string, options: { durable: boolean }): Promise<Backends> {
  const redis = untilTheEnd(await startRedisServer(options));
  const client = new Client({ connectionString: postgresUrl });
  const name = `bench_${(requests += 1)}`;
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const postgres = new URL(postgresUrl);
  postgres.pathname = `/${name}`;
  return { redis: redis.url, postgres: postgres.href };
}

export async function floor(): Promise<Program> {
  return untilTheEnd(await startProgram([path.join(import.meta.dirname, 'floor.js')], {}));
}

/** A strategy of the simulator: as much of the contract as a sale uses. */
export async function strategy(name: string, { redis, postgres }: Backends): Promise<Program> {
  const main = path.join(dist, 'libs/simulation/src/strategies/strategy-server.js');
  const env = { STRATEGY: name, PORT: String(await freePort()), REDIS_URL: redis, DATABASE_URL: postgres };
  return untilTheEnd(await startProgram([main], env));
}

export async function holdfast(env: Record<string, string>): Promise<Program> {
  const main = path.join(dist, 'apps/order-service/src/main.js');
  const HOLDFAST_API_KEYS = `a:admin:${keys.admin},s:storefront:${keys.storefront}`;
  return untilTheEnd(await startProgram([main], { PORT: '0', LOG_LEVEL: 'warn', HOLDFAST_API_KEYS, ...env }));
}

/** One unit of each SKU. */
export function reserve(skus: readonly string[], buyerId: string = unique(), key: string = unique()): string {
  const headers = { authorization: `Bearer ${keys.storefront}`, 'idempotency-key': key };
  const lines = skus.map((sku) => ({ sku, quantity: 1 }));
  return post('/v1/reservations', headers, JSON.stringify({ buyerId, lines }));
}

export async function admin<Body>(
  program: Program,
  method: string,
  where: string,
  body?: unknown,
): Promise<Body> {
  const reply = await fetch(program.url + where, {
    method,
    headers: {
      authorization: `Bearer ${keys.admin}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!reply.ok) throw new Error(`${method} ${where}: ${reply.status} ${await reply.text()}`);
  return (await reply.json()) as Body;
}
