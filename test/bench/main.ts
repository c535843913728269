/**
 * `npm run bench`: one table in one run on one machine: Holdfast beside a bare Fastify POST of the same body and beside
 * what shops build instead. Rounds are interleaved and medians shown, because machines drift. Afterwards what was
 * answered is counted in the ledgers: a benchmark that lost something says so and exits 1.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { startPostgresServer } from '../servers/postgres-server.js';
import { Engine, type EngineMeasured } from './engine.js';
import { run, type Measured } from './load.js';
import { plotSvg, type Point } from './plot.js';
import { rowsOf, type Counted, type Row } from './rows.js';
import { admin, startBackends, stopAll, untilTheEnd } from './shop.js';

const help = `npm run bench -- [--seconds 2] [--rounds 3] [--connections 64] [--only WORDS] [--plot FILE.svg] [--json FILE]
  --seconds, --rounds   how long each row is measured, and how often; medians are shown
  --connections         of the closed loop
  --only                rows whose name has these words, or those of another --only; the floor and the engine in any case
  --plot                also the open loop: throughput and p99 over the offered load, drawn into the file
  --json                the figures, into the file
`;
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '64' },
    only: { type: 'string', multiple: true, default: [''] },
    plot: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const durationMs = Number(values.seconds) * 1_000;
const rounds = Number(values.rounds);
const connections = Number(values.connections);
const engineCallers = 256;
/** Of each step of the open loop. */
const warmUpMs = 1_000;
/** Shares of what the closed loop reached. */
const offeredShares = [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1, 1.25, 1.5];

type Result = Measured & { readonly cpuMicros: number; readonly loadCpuMicros: number };

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function measure(row: Row, ms: number, offered?: number): Promise<Result> {
  const [before, own] = [row.program.cpuMs(), process.cpuUsage()];
  const measured = await run({
    url: row.program.url,
    connections: offered === undefined ? connections : connections * 4,
    durationMs: ms,
    next: row.next,
    ...(offered !== undefined && { offered, warmUpMs }),
    ...(row.onAnswer && { onAnswer: row.onAnswer }),
  });
  const { user, system } = process.cpuUsage(own);
  const usedMs = (row.program.cpuMs() ?? Number.NaN) - (before ?? Number.NaN);
  const strange = Object.keys(measured.statuses).filter((status) => Number(status) !== row.expected);
  if (strange.length > 0) say(`${row.name}: answered ${JSON.stringify(measured.statuses)}`);
  const { requests } = measured;
  return {
    ...measured,
    cpuMicros: (usedMs * 1_000) / requests,
    loadCpuMicros: (user + system) / requests,
  };
}

async function closedLoop(rows: readonly Row[]): Promise<Map<string, Result[]>> {
  const results = new Map(rows.map(({ name }) => [name, [] as Result[]]));
  for (const row of rows) await measure(row, Math.min(1_000, durationMs));
  for (let round = 1; round <= rounds; round += 1) {
    for (const row of rows) {
      const result = await measure(row, durationMs);
      results.get(row.name)!.push(result);
      say(`round ${round}: ${row.name.padEnd(36)} ${Math.round(result.perSecond)} requests/s`);
    }
  }
  return results;
}

/** The same row at growing rates, whether or not it keeps up. */
async function openLoop(row: Row, capacity: number): Promise<Point[]> {
  const points: Point[] = [];
  for (const share of offeredShares) {
    const offered = Math.round(capacity * share);
    const { perSecond, latencyMs } = await measure(row, durationMs, offered);
    points.push({ offered, answered: perSecond, p99Ms: latencyMs.p99 });
    say(
      `open loop: ${row.name}: ${offered} offered, ${Math.round(perSecond)} answered, p99 ${latencyMs.p99.toFixed(1)} ms`,
    );
  }
  return points;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((left, right) => left - right)[numbers.length >> 1] ?? Number.NaN;

function tableOf(results: ReadonlyMap<string, readonly Result[]>): string {
  const of = (name: string, pick: (result: Result) => number): number => median(results.get(name)!.map(pick));
  const floor = of([...results.keys()][0]!, ({ perSecond }) => perSecond);
  const head = ['', 'requests/s', 'of the floor', 'p50 ms', 'p99 ms', 'p99.9 ms', 'CPU µs', 'load CPU µs'];
  const lines = [...results.keys()].map((name) => {
    const perSecond = of(name, (result) => result.perSecond);
    return [
      name,
      Math.round(perSecond).toLocaleString('en'),
      (perSecond / floor).toFixed(2),
      of(name, ({ latencyMs }) => latencyMs.p50).toFixed(1),
      of(name, ({ latencyMs }) => latencyMs.p99).toFixed(1),
      of(name, ({ latencyMs }) => latencyMs.p999).toFixed(1),
      of(name, ({ cpuMicros }) => cpuMicros).toFixed(0),
      of(name, ({ loadCpuMicros }) => loadCpuMicros).toFixed(0),
    ];
  });
  return [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** `npm run bench:engine` says more. */
async function withoutHttp(postgresUrl: string): Promise<EngineMeasured> {
  const engine = await Engine.open(await startBackends(postgresUrl, { durable: false }));
  try {
    await engine.stock(['hot']);
    const load = { callers: engineCallers, skusOf: () => ['hot'] };
    await engine.measure({ ...load, durationMs: durationMs / 2 });
    const measured = await engine.measure({ ...load, durationMs });
    await engine.verify();
    return measured;
  } finally {
    await engine.close();
  }
}

/** The programs of the other rows are stopped before: what they do while nobody asks them would show in the p99. */
async function alone<Result>(
  row: Row,
  rows: readonly Row[],
  measureIt: () => Promise<Result>,
): Promise<Result> {
  const others = new Set(rows.map(({ program }) => program));
  others.delete(row.program);
  for (const program of others) await program.stop();
  return measureIt();
}

/** What was answered is what the ledger has, and every invariant holds. */
async function verify({ program, skus, units }: Counted): Promise<void> {
  let held = 0;
  // With DURABILITY=redis the ledger follows.
  for (let patience = 100; patience > 0 && held !== units; patience -= 1) {
    held = 0;
    for (const sku of skus) held += (await admin<{ held: number }>(program, 'GET', `/v1/skus/${sku}`)).held;
  }
  if (held !== units) throw new Error(`answered ${units} units, in the ledger ${held}`);
  const audit = await admin<{ ok: boolean }>(program, 'GET', '/v1/audit/invariants');
  if (!audit.ok) throw new Error(`the audit found: ${JSON.stringify(audit)}`);
}

async function bench(): Promise<void> {
  say('starting Redis, PostgreSQL with every commit on disk, and the shops');
  const postgres = untilTheEnd(await startPostgresServer({ durable: true }));
  const { rows, shops } = await rowsOf(postgres.url, (name) =>
    values.only.some((words) => name.includes(words)),
  );
  const results = await closedLoop(rows);
  const engine = await withoutHttp(postgres.url);
  results.set(`without HTTP: accepted, 1 SKU, ${engineCallers} callers`, [
    { ...engine, cpuMicros: engine.cpuMicros.service, loadCpuMicros: 0 },
  ]);
  const plotted = rows.find(({ name }) => name.includes('accepted, 1 SKU')) ?? rows[0]!;
  for (const shop of shops) await verify(shop);
  const points = values.plot
    ? await alone(plotted, rows, () =>
        openLoop(plotted, median(results.get(plotted.name)!.map(({ perSecond }) => perSecond))),
      )
    : [];
  const again = shops.filter(({ program }) => points.length > 0 && program === plotted.program);
  for (const shop of again) await verify(shop);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}`;
  process.stdout.write(`
${machine}; load generator, Redis and PostgreSQL on the same machine
PostgreSQL: ${postgres.origin.split(',')[0]}, fsync and synchronous_commit on. Redis: no append-only file, unless the row says so
embedded: PGlite with fsync, Redis with appendfsync always
${connections} connections, closed loop; medians of ${rounds} rounds of ${values.seconds} s; CPU of the answering process

${tableOf(results)}

${shops.reduce((sum, { units }) => sum + units, 0)} units answered 201, all in the ledgers; every invariant holds
`);
  if (values.plot) writeFileSync(values.plot, plotSvg(plotted.name, points));
  if (values.json)
    writeFileSync(values.json, JSON.stringify({ machine, results: [...results], points }, null, 2));
}

if (values.help) process.stdout.write(help);
else {
  try {
    await bench();
  } catch (error) {
    say(`bench: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  } finally {
    await stopAll();
  }
}
