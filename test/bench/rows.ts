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

/** A row whose servers start when it is opened: those that nobody wants cost nothing. */
type Plan = { readonly name: string; readonly open: () => Promise<Row> };
type Shop = () => Promise<Counted>;

const unitsPlenty = 1_000_000_000;
const hotSkus = Array.from({ length: 64 }, (_, index) => `hot-${index}`);
const buyersKnown = 1_000;

/** The wanted rows, in the order of the table, with the shops behind them; the floor is always the first. */
export async function rowsOf(
  postgresUrl: string,
  wanted: (name: string) => boolean,
): Promise<{ rows: Row[]; shops: Counted[] }> {
  const shops: Counted[] = [];
  const shop = (start: () => Promise<Program>): Shop =>
    once(async () => {
      const opened = await counted(await start());
      shops.push(opened);
      return opened;
    });
  const rows = [await floorRow()];
  for (const { name, open } of plans(postgresUrl, shop)) if (wanted(name)) rows.push(await open());
  return { rows, shops };
}

function plans(postgresUrl: string, shop: (start: () => Promise<Program>) => Shop): Plan[] {
  const onServers = shop(() => onNewServers(postgresUrl, {}));
  const onTwoThreads = shop(() => onNewServers(postgresUrl, { HTTP_THREADS: '2' }));
  const unflushed = shop(() => onNewServers(postgresUrl, { DURABILITY: 'redis' }));
  const embedded = shop(onNewFolder);
  return [
    strategyPlan('one script call a request', 'redis-only', postgresUrl, false),
    strategyPlan('one script call, appendfsync always', 'redis-only', postgresUrl, true),
    strategyPlan('PostgreSQL row lock', 'postgres-row-lock', postgresUrl, false),
    strategyPlan('Redlock around check-then-act', 'redlock', postgresUrl, false),
    accepted('Holdfast: accepted, 1 SKU', onServers, (turn) => [hotSkus[turn % 1]!]),
    accepted('Holdfast: accepted, 64 SKUs', onServers, (turn) => [hotSkus[turn % 64]!]),
    accepted('Holdfast: accepted, cart of 3', onServers, () => hotSkus.slice(0, 3)),
    accepted('Holdfast: accepted, cart of 10', onServers, () => hotSkus.slice(0, 10)),
    ...refusals('Holdfast', onServers),
    accepted('Holdfast, 2 threads: accepted, 1 SKU', onTwoThreads, () => ['hot-0']),
    accepted('Holdfast, 2 threads: accepted, 64 SKUs', onTwoThreads, (turn) => [hotSkus[turn % 64]!]),
    accepted('Holdfast, 2 threads: accepted, cart of 3', onTwoThreads, () => hotSkus.slice(0, 3)),
    ...refusals('Holdfast, 2 threads', onTwoThreads),
    accepted('DURABILITY=redis: accepted, 1 SKU', unflushed, () => ['hot-0']),
    accepted('embedded: accepted, 1 SKU', embedded, () => ['hot-0']),
  ];
}

/** Does it at the first call, and gives everybody the same. */
function once<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | undefined;
  return () => (made ??= make());
}

async function floorRow(): Promise<Row> {
  return { name: 'bare Fastify', program: await floor(), expected: 201, next: () => reserve(['hot-0']) };
}

async function onNewServers(postgresUrl: string, env: Record<string, string>): Promise<Program> {
  const { redis, postgres } = await startBackends(postgresUrl, { durable: false });
  return holdfast({ REDIS_URL: redis, DATABASE_URL: postgres, ...env });
}

async function onNewFolder(): Promise<Program> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'));
  untilTheEnd({ stop: () => rm(dataDir, { recursive: true }) });
  return holdfast({ HOLDFAST_DATA_DIR: dataDir });
}

async function counted(program: Program): Promise<Counted> {
  const put = (sku: string): Promise<unknown> =>
    admin(program, 'PUT', `/v1/skus/${sku}`, { onHand: unitsPlenty });
  await Promise.all(hotSkus.map(put));
  await admin(program, 'PUT', '/v1/skus/gone', { onHand: 0 });
  return { program, skus: hotSkus, units: 0 };
}

function accepted(name: string, shop: Shop, skusOf: (turn: number) => readonly string[]): Plan {
  const rowOn = (opened: Counted): Row => {
    let turn = 0;
    let units = 0;
    return {
      name,
      program: opened.program,
      expected: 201,
      next() {
        const skus = skusOf((turn += 1));
        units = skus.length;
        return reserve(skus);
      },
      onAnswer: (status) => void (status === 201 && (opened.units += units)),
    };
  };
  return { name, open: async () => rowOn(await shop()) };
}

function refusals(service: string, shop: Shop): Plan[] {
  const buyers = once(async () => knownBuyers(await shop()));
  const plan = (what: string, expected: number, nextOf: (any: () => string) => string): Plan => ({
    name: `${service}: ${what}`,
    async open() {
      const { program } = await shop();
      const known = await buyers();
      let turn = 0;
      const any = (): string => known[(turn += 1) % known.length]!;
      return { name: `${service}: ${what}`, program, expected, next: () => nextOf(any) };
    },
  });
  return [
    plan('sold out', 409, () => reserve(['gone'])),
    plan('duplicate', 409, (any) => reserve(['hot-0'], any())),
    plan('replay', 201, (any) => {
      const name = any();
      return reserve(['hot-0'], name, name);
    }),
  ];
}

/** Buyers who have a unit. A buyer's name is also the key of their first request, for the replay. */
async function knownBuyers(shop: Counted): Promise<readonly string[]> {
  const buyers: string[] = [];
  while (buyers.length < buyersKnown) {
    await run({
      url: shop.program.url,
      connections: 16,
      durationMs: 500,
      next() {
        const name = unique();
        buyers.push(name);
        return reserve(['hot-0'], name, name);
      },
      onAnswer: (status) => void (status === 201 && (shop.units += 1)),
    });
  }
  return buyers;
}

function strategyPlan(name: string, key: string, postgresUrl: string, durable: boolean): Plan {
  return {
    name,
    async open() {
      const program = await strategy(key, await startBackends(postgresUrl, { durable }));
      await admin(program, 'PUT', '/v1/skus/hot-0', { onHand: unitsPlenty });
      return { name, program, expected: 201, next: () => reserve(['hot-0']) };
    },
  };
}
