/**
 * `npm run bench:http`: reservations a second over HTTP, beside a bare Fastify POST of the same body, in one run on one
 * machine. Rounds are interleaved and medians shown, because machines drift. Afterwards what was answered is counted
 * in the ledger: a benchmark that lost something says so and exits 1.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startPostgresServer } from '../servers/postgres-server.js';
import { startRedisServer } from '../servers/redis-server.js';
import { post, run, type Measured } from './load.js';
import { startProgram, type Program } from './program.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write('npm run bench:http -- [--seconds 3] [--rounds 3] [--connections 64]\n');
  process.exit(0);
}
const options = {
  durationMs: Number(values.seconds) * 1_000,
  rounds: Number(values.rounds),
  connections: Number(values.connections),
};

const root = path.resolve(import.meta.dirname, '../..');
const main = path.join(root, 'dist/apps/cli/src/up.js');
const keys = { admin: 'bench-admin-key-0000', storefront: 'bench-storefront-key' };
const say = (line: string): void => void process.stderr.write(`${line}\n`);

type Row = {
  readonly name: string;
  readonly program: Program;
  readonly next: () => string;
  readonly expected: number;
  readonly onAnswer?: (status: number, body: string) => void;
};
type Result = Measured & { readonly cpuMicros: number | undefined };

let requests = 0;
const unique = (): string => `bench-${process.pid}-${(requests += 1)}`;

function reserve(sku: string, buyerId: string, key: string): string {
  const headers = { authorization: `Bearer ${keys.storefront}`, 'idempotency-key': key };
  return post('/v1/reservations', headers, JSON.stringify({ buyerId, lines: [{ sku, quantity: 1 }] }));
}

async function admin<Body>(program: Program, method: string, where: string, body?: unknown): Promise<Body> {
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

/** The rows of one service; `acknowledged` counts what it said it holds. */
async function rowsOf(name: string, program: Program, acknowledged: { count: number }): Promise<Row[]> {
  await admin(program, 'PUT', '/v1/skus/hot', { onHand: 1_000_000_000 });
  await admin(program, 'PUT', '/v1/skus/gone', { onHand: 0 });
  const held: string[] = [];
  const buyers: string[] = [];
  const count = (status: number): void => void (status === 201 && (acknowledged.count += 1));
  const fill = await run({
    url: program.url,
    connections: 16,
    durationMs: 500,
    next() {
      const name = unique();
      held.push(name);
      return reserve('hot', name, name);
    },
    onAnswer: count,
  });
  buyers.push(...held.slice(0, Math.min(fill.requests - 16, 1_000)));
  const any = (): string => buyers[requests % buyers.length]!;
  return [
    {
      name: `${name}: accepted`,
      program,
      expected: 201,
      next: () => reserve('hot', unique(), unique()),
      onAnswer: count,
    },
    { name: `${name}: sold out`, program, expected: 409, next: () => reserve('gone', unique(), unique()) },
    { name: `${name}: duplicate`, program, expected: 409, next: () => reserve('hot', any(), unique()) },
    // The buyer's own name was the key of the first request.
    {
      name: `${name}: replay`,
      program,
      expected: 201,
      next() {
        requests += 1;
        return reserve('hot', any(), any());
      },
    },
  ];
}

async function measure(row: Row, durationMs: number): Promise<Result> {
  const before = row.program.cpuMs();
  const { connections } = options;
  const measured = await run({
    url: row.program.url,
    connections,
    durationMs,
    next: row.next,
    ...(row.onAnswer && { onAnswer: row.onAnswer }),
  });
  const after = row.program.cpuMs();
  const strange = Object.keys(measured.statuses).filter((status) => Number(status) !== row.expected);
  if (strange.length > 0) throw new Error(`${row.name}: answered ${JSON.stringify(measured.statuses)}`);
  const cpuMicros =
    before === undefined || after === undefined ? undefined : ((after - before) * 1_000) / measured.requests;
  return { ...measured, cpuMicros };
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

function table(rows: readonly Row[], results: ReadonlyMap<Row, Result[]>): string {
  const floor = median(results.get(rows[0]!)!.map(({ perSecond }) => perSecond));
  const lines = rows.map((row) => {
    const of = (pick: (result: Result) => number): number => median(results.get(row)!.map(pick));
    const perSecond = of((result) => result.perSecond);
    return [
      row.name,
      Math.round(perSecond).toLocaleString('en'),
      (perSecond / floor).toFixed(2),
      of(({ latencyMs }) => latencyMs.p50).toFixed(1),
      of(({ latencyMs }) => latencyMs.p99).toFixed(1),
      of(({ cpuMicros }) => cpuMicros ?? Number.NaN).toFixed(0),
    ];
  });
  const head = ['', 'requests/s', 'of the floor', 'p50 ms', 'p99 ms', 'CPU µs a request'];
  return [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** What was answered is what the ledger has, and every invariant holds. */
async function verify(program: Program, acknowledged: number): Promise<void> {
  const level = await admin<{ held: number }>(program, 'GET', '/v1/skus/hot');
  const audit = await admin<{ ok: boolean }>(program, 'GET', '/v1/audit/invariants');
  if (level.held !== acknowledged) throw new Error(`answered ${acknowledged}, in the ledger ${level.held}`);
  if (!audit.ok) throw new Error(`the audit found: ${JSON.stringify(audit)}`);
}

const stops: (() => Promise<unknown>)[] = [];
try {
  say('starting Redis and PostgreSQL, with every commit on disk');
  const redis = await startRedisServer({ durable: false });
  stops.unshift(() => redis.stop());
  const postgres = await startPostgresServer({ durable: true });
  stops.unshift(() => postgres.stop());
  const dataDir = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'));
  stops.unshift(() => rm(dataDir, { recursive: true }));
  const HOLDFAST_API_KEYS = `a:admin:${keys.admin},s:storefront:${keys.storefront}`;
  const env = { PORT: '0', LOG_LEVEL: 'warn', HOLDFAST_API_KEYS };
  const start = async (args: string[], more: Record<string, string>): Promise<Program> => {
    const program = await startProgram(args, { ...env, ...more });
    stops.unshift(() => program.stop());
    return program;
  };
  const floor = await start([path.join(import.meta.dirname, 'floor.ts')], {});
  const onServers = await start([main], { REDIS_URL: redis.url, DATABASE_URL: postgres.url });
  const embedded = await start([main], { HOLDFAST_DATA_DIR: dataDir });
  const counts = [{ count: 0 }, { count: 0 }] as const;
  const rows: Row[] = [
    { name: 'bare Fastify', program: floor, expected: 201, next: () => reserve('hot', unique(), unique()) },
    ...(await rowsOf('on servers', onServers, counts[0])),
    ...(await rowsOf('embedded', embedded, counts[1])),
  ];
  for (const row of rows) await measure(row, Math.min(1_000, options.durationMs));
  const results = new Map<Row, Result[]>(rows.map((row) => [row, []]));
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const row of rows) {
      const result = await measure(row, options.durationMs);
      results.get(row)!.push(result);
      say(`round ${round}: ${row.name.padEnd(24)} ${Math.round(result.perSecond)} requests/s`);
    }
  }
  await verify(onServers, counts[0].count);
  await verify(embedded, counts[1].count);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}`;
  process.stdout.write(`\n${machine}, load generator on the same machine\n`);
  process.stdout.write(
    `Redis: ${redis.origin.split(',')[0]}, append-only file off. Ledger: ${postgres.origin.split(',')[0]}, fsync and synchronous_commit on\n`,
  );
  process.stdout.write(
    `embedded: PGlite with fsync, Redis with appendfsync always, both in one process's hands\n`,
  );
  process.stdout.write(
    `${options.connections} connections, closed loop; medians of ${options.rounds} rounds of ${values.seconds} s\n\n`,
  );
  process.stdout.write(`${table(rows, results)}\n\n`);
  process.stdout.write(
    `${counts[0].count + counts[1].count} reservations answered 201, all in the ledgers; every invariant holds\n`,
  );
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  for (const stop of stops) await stop();
}
