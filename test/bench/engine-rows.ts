/**
 * `npm run bench:engine`: reservations without HTTP in one table: what is accepted a second, how long it takes, and the
 * processor time of each program, by cart, by number of SKUs, by live holds; and an open loop below capacity.
 */
import { parseArgs } from 'node:util';
import { migrate, openPostgres, PartitionRepository } from '#ledger';
import type { Durability } from '#reservations';
import { fillLedger } from '../fixtures/full-ledger.js';
import { startPostgresServer } from '../servers/postgres-server.js';
import { Engine, type EngineLoad, type EngineMeasured } from './engine.js';
import { startBackends, stopAll, untilTheEnd } from './shop.js';

const help = `npm run bench:engine -- [--seconds 2] [--rounds 3] [--callers 256] [--only WORDS] [--live N] [--skus N]
  --seconds, --rounds   how long each row is measured, and how often; medians are shown
  --callers             of the closed loop
  --only                rows whose name has these words
  --live                adds a shop with this many live holds of 1,000 SKUs: one SKU more, and one of them each time
  --skus                adds a shop with this many SKUs and as many live holds: one of them each time
`;
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    callers: { type: 'string', default: '256' },
    only: { type: 'string', default: '' },
    live: { type: 'string', default: '0' },
    skus: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});
const durationMs = Number(values.seconds) * 1_000;
const callers = Number(values.callers);
/** What of its capacity a shop plans to use. */
const plannedShare = 0.7;
const fillingMs = 600_000;

type Row = { readonly name: string; readonly engine: Engine } & Omit<EngineLoad, 'durationMs'>;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const named = (count: number): string[] => Array.from({ length: count }, (_, index) => `sku-${index}`);

/** Closed before its servers stop, whatever happens: an open one keeps the process alive. */
async function openEngine(...opening: Parameters<typeof Engine.open>): Promise<Engine> {
  const engine = await Engine.open(...opening);
  untilTheEnd({ stop: () => engine.close() });
  return engine;
}

async function rowsOf(postgresUrl: string): Promise<Row[]> {
  const skus = named(64);
  const open = async (durability: Durability): Promise<Engine> => {
    const engine = await openEngine(await startBackends(postgresUrl, { durable: false }), durability);
    await engine.stock(skus);
    return engine;
  };
  const [onLedger, onRedis] = [await open('ledger'), await open('redis')];
  const row = (name: string, skusOf: Row['skusOf'], engine = onLedger): Row => ({
    name,
    engine,
    callers,
    skusOf,
  });
  const rows = [
    row('1 SKU', () => skus.slice(0, 1)),
    row('64 SKUs', (turn) => [skus[turn % 64]!]),
    row('cart of 3', () => skus.slice(0, 3)),
    row('cart of 10', () => skus.slice(0, 10)),
    row('1 SKU, DURABILITY=redis', () => skus.slice(0, 1), onRedis),
  ];
  return rows.filter(({ name }) => name.includes(values.only));
}

/** Rows on ledgers that are full already, which Redis is filled from first. */
async function fullLedgers(postgresUrl: string): Promise<Row[]> {
  const rows: Row[] = [];
  const onFullLedger = async (holds: number, skus: number): Promise<void> => {
    if (holds === 0) return;
    say(`filling a ledger with ${holds} holds of ${skus} SKUs`);
    const on = await startBackends(postgresUrl, { durable: false });
    const db = openPostgres(on.postgres, () => undefined, { queryTimeoutMs: fillingMs });
    await migrate(db);
    await new PartitionRepository(db).initialise(1);
    await fillLedger(db, { holds, skus });
    await db.destroy();
    const engine = await openEngine(on);
    const names = named(skus);
    await engine.stock([...names, 'hot']);
    const among = `${holds.toLocaleString('en')} live holds`;
    const next = (turn: number): string[] => [names[(turn * 7_919) % skus]!];
    rows.push({ name: `1 SKU among ${among}`, engine, callers, skusOf: () => ['hot'] });
    rows.push({
      name: `1 of ${skus.toLocaleString('en')} SKUs among ${among}`,
      engine,
      callers,
      skusOf: next,
    });
  };
  await onFullLedger(Number(values.live), 1_000);
  await onFullLedger(Number(values.skus), Number(values.skus));
  return rows;
}

async function measureAll(rows: readonly Row[]): Promise<Map<string, EngineMeasured[]>> {
  const results = new Map<string, EngineMeasured[]>();
  for (const { engine, ...load } of rows) await engine.measure({ ...load, durationMs: 500 });
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const { name, engine, ...load } of rows) {
      const measured = await engine.measure({ ...load, durationMs });
      results.set(name, [...(results.get(name) ?? []), measured]);
      say(`round ${round}: ${name.padEnd(32)} ${Math.round(measured.perSecond)} a second`);
    }
  }
  return results;
}

function tableOf(results: ReadonlyMap<string, readonly EngineMeasured[]>): string {
  const head = ['', 'reservations/s', 'p50 ms', 'p99 ms', 'service µs', 'Redis µs', 'PostgreSQL µs'];
  const lines = [...results].map(([name, list]) => {
    const of = (pick: (result: EngineMeasured) => number): number =>
      list.map(pick).toSorted((left, right) => left - right)[list.length >> 1]!;
    return [
      name,
      Math.round(of(({ perSecond }) => perSecond)).toLocaleString('en'),
      of(({ latencyMs }) => latencyMs.p50).toFixed(1),
      of(({ latencyMs }) => latencyMs.p99).toFixed(1),
      of(({ cpuMicros }) => cpuMicros.service).toFixed(0),
      of(({ cpuMicros }) => cpuMicros.redis).toFixed(0),
      of(({ cpuMicros }) => cpuMicros.postgres).toFixed(0),
    ];
  });
  return [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

async function bench(): Promise<void> {
  const postgres = untilTheEnd(await startPostgresServer({ durable: true }));
  const rows = [...(await rowsOf(postgres.url)), ...(await fullLedgers(postgres.url))];
  const results = await measureAll(rows);
  const first = rows[0]!;
  const capacity = results
    .get(first.name)!
    .map(({ perSecond }) => perSecond)
    .toSorted((a, b) => a - b)[0]!;
  const offered = Math.round(capacity * plannedShare);
  results.set(`${first.name}, ${offered} due a second`, [
    await first.engine.measure({ ...first, durationMs, offered }),
  ]);
  process.stdout.write(
    `${callers} callers, closed loop unless the row says so; processor time of one reservation\n\n${tableOf(results)}\n`,
  );
  // With DURABILITY=redis the ledger follows.
  await new Promise((resolve) => void setTimeout(resolve, 2_000));
  for (const engine of new Set(rows.map((row) => row.engine))) await engine.verify();
}

if (values.help) process.stdout.write(help);
else {
  try {
    await bench();
  } catch (error) {
    say(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exitCode = 1;
  } finally {
    await stopAll();
  }
}
