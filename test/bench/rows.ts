/** What is measured: each row a stream of requests to a program, and the answer that each must get. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from './load.js';
import type { Program } from './program.js';
import { admin, floor, startBackends, holdfast, reserve, strategy, unique, untilTheEnd } from './shop.js';

export type Row = {
  readonly name: string;
  readonly program: Program;
  readonly next: () => string;
  readonly expected: number;
  readonly onAnswer?: (status: number, body: string) => void;
};

/** A Holdfast whose ledger is counted at the end. */
export type Counted = { readonly program: Program; readonly skus: readonly string[]; units: number };

const unitsPlenty = 1_000_000_000;
const hotSkus = Array.from({ length: 64 }, (_, index) => `hot-${index}`);
const buyersKnown = 1_000;

/** Every row, in the order of the table; the first is the floor. */
export async function rowsOf(postgresUrl: string): Promise<{ rows: Row[]; counted: Counted[] }> {
  const onServers = await counted(await onNewServers(postgresUrl, {}));
  const onTwoThreads = await counted(await onNewServers(postgresUrl, { HTTP_THREADS: '2' }));
  const unflushed = await counted(await onNewServers(postgresUrl, { DURABILITY: 'redis' }));
  const dataDir = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'));
  untilTheEnd({ stop: () => rm(dataDir, { recursive: true }) });
  const embedded = await counted(await holdfast({ HOLDFAST_DATA_DIR: dataDir }));
  const bare = await floor();
  const rows: Row[] = [
    { name: 'bare Fastify', program: bare, expected: 201, next: () => reserve(['hot-0']) },
    await strategyRow('one script call a request', 'redis-only', postgresUrl, false),
    await strategyRow('one script call, appendfsync always', 'redis-only', postgresUrl, true),
    await strategyRow('PostgreSQL row lock', 'postgres-row-lock', postgresUrl, false),
    await strategyRow('Redlock around check-then-act', 'redlock', postgresUrl, false),
    accepted('Holdfast: accepted, 1 SKU', onServers, (turn) => [hotSkus[turn % 1]!]),
    accepted('Holdfast: accepted, 64 SKUs', onServers, (turn) => [hotSkus[turn % 64]!]),
    accepted('Holdfast: accepted, cart of 3', onServers, () => hotSkus.slice(0, 3)),
    accepted('Holdfast: accepted, cart of 10', onServers, () => hotSkus.slice(0, 10)),
    ...(await refusals('Holdfast', onServers)),
    accepted('Holdfast, 2 threads: accepted, 1 SKU', onTwoThreads, () => ['hot-0']),
    accepted('Holdfast, 2 threads: accepted, 64 SKUs', onTwoThreads, (turn) => [hotSkus[turn % 64]!]),
    accepted('Holdfast, 2 threads: accepted, cart of 3', onTwoThreads, () => hotSkus.slice(0, 3)),
    ...(await refusals('Holdfast, 2 threads', onTwoThreads)),
    accepted('DURABILITY=redis: accepted, 1 SKU', unflushed, () => ['hot-0']),
    accepted('embedded: accepted, 1 SKU', embedded, () => ['hot-0']),
  ];
  return { rows, counted: [onServers, onTwoThreads, unflushed, embedded] };
}

async function onNewServers(postgresUrl: string, env: Record<string, string>): Promise<Program> {
  const { redis, postgres } = await startBackends(postgresUrl, { durable: false });
  return holdfast({ REDIS_URL: redis, DATABASE_URL: postgres, ...env });
}

async function counted(program: Program): Promise<Counted> {
  for (const sku of hotSkus) await admin(program, 'PUT', `/v1/skus/${sku}`, { onHand: unitsPlenty });
  await admin(program, 'PUT', '/v1/skus/gone', { onHand: 0 });
  return { program, skus: hotSkus, units: 0 };
}

function accepted(name: string, shop: Counted, skusOf: (turn: number) => readonly string[]): Row {
  let turn = 0;
  let units = 0;
  return {
    name,
    program: shop.program,
    expected: 201,
    next() {
      const skus = skusOf((turn += 1));
      units = skus.length;
      return reserve(skus);
    },
    onAnswer: (status) => void (status === 201 && (shop.units += units)),
  };
}

async function refusals(service: string, shop: Counted): Promise<Row[]> {
  const { program } = shop;
  // A buyer's name is also the key of their first request, for the replay.
  const buyers: string[] = [];
  while (buyers.length < buyersKnown) {
    const sent: string[] = [];
    await run({
      url: program.url,
      connections: 16,
      durationMs: 500,
      next() {
        const name = unique();
        sent.push(name);
        return reserve(['hot-0'], name, name);
      },
      onAnswer: (status) => void (status === 201 && (shop.units += 1)),
    });
    buyers.push(...sent);
  }
  let turn = 0;
  const any = (): string => buyers[(turn += 1) % buyers.length]!;
  const row = (what: string, expected: number, next: () => string): Row => ({
    name: `${service}: ${what}`,
    program,
    expected,
    next,
  });
  return [
    row('sold out', 409, () => reserve(['gone'])),
    row('duplicate', 409, () => reserve(['hot-0'], any())),
    row('replay', 201, () => {
      const name = any();
      return reserve(['hot-0'], name, name);
    }),
  ];
}

async function strategyRow(name: string, key: string, postgresUrl: string, durable: boolean): Promise<Row> {
  const program = await strategy(key, await startBackends(postgresUrl, { durable }));
  await admin(program, 'PUT', '/v1/skus/hot-0', { onHand: unitsPlenty });
  return { name, program, expected: 201, next: () => reserve(['hot-0']) };
}
