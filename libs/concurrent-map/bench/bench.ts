/**
 * `npm run bench:map [-- hot | peers | int64 | go | mixes | mixed-peers | all] [--only=WORDS] [--threads=1,2,4] [--runs=2]`: one table, millions of operations a second
 * of all threads together, the best of the runs, and of single operations p50, p99 and max in microseconds.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { isPeer, type PeerKind, peers, sharedBy } from './peers.js';
import { goBenchmarks, hotKeys, mixes, scenarios, type Scenario } from './scenarios.js';
import type { Kind, Measured, ThreadData } from './thread.js';
import { newBuffer } from './wide-map.js';

const hooks = new URL('../test/support/typescript-hooks.mjs', import.meta.url);
const groups: Record<string, Record<string, Scenario>> = {
  hot: hotKeys,
  peers: hotKeys,
  int64: hotKeys,
  go: goBenchmarks,
  mixes,
  'mixed-peers': mixes,
  all: scenarios,
};

const group = process.argv[2] !== undefined && process.argv[2] in groups ? process.argv[2] : 'hot';
const option = (name: string): string | undefined =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
const threadCounts = (option('threads') ?? '1,2').split(',').map(Number);
const only = option('only') ?? '';
const runs = Number(option('runs') ?? 2);
const ours: Kind = 'SharedConcurrentMap';
const besidePeers: Kind[] = [ours, ...(Object.keys(peers) as PeerKind[])];
const sharedOf: Record<string, Kind[]> = {
  peers: besidePeers,
  'mixed-peers': besidePeers,
  int64: [ours, 'SharedConcurrentInt64Map'],
};
const shared = sharedOf[group] ?? [ours, 'mutex', 'rw-lock'];
const columns: [Kind, number][] = [
  ['Map', 1],
  ['ConcurrentMap', 1],
  ...threadCounts.flatMap((threads) => shared.map((kind): [Kind, number] => [kind, threads])),
];

type Row = { readonly millions: number; readonly p50: number; readonly p99: number; readonly max: number };

async function measure(scenario: string, kind: Kind, threads: number): Promise<Row> {
  const { entriesMax, count } = scenarios[scenario]!;
  const buffer = newBuffer(kind, entriesMax);
  const lock = new SharedArrayBuffer(64);
  const signals = new Int32Array(new SharedArrayBuffer(8));
  const rehearsals = Array.from({ length: threads }, () => shareOf(kind, entriesMax, 1));
  const stage = shareOf(kind, entriesMax, threads);
  const workers = Array.from({ length: threads }, (_, thread) => {
    const own = [rehearsals[thread]!.shares[0]!, stage.shares[thread]!];
    const shares = own.map(({ value }) => value);
    const workerData: ThreadData = { kind, scenario, buffer, lock, shares, signals, thread, threads };
    return new Worker(new URL('./thread.ts', import.meta.url), {
      workerData,
      transferList: own.flatMap(({ ports }) => ports),
      execArgv: ['--import', hooks.href],
      resourceLimits: { maxOldGenerationSizeMb: 4_096 },
    });
  });
  const measured = Promise.all(
    workers.map(async (worker) => ((await once(worker, 'message')) as [Measured])[0]),
  );
  for (let ready = 0; ready < threads; ready = Atomics.load(signals, 1)) {
    await Atomics.waitAsync(signals, 1, ready).value;
  }
  Atomics.store(signals, 0, 1);
  Atomics.notify(signals, 0);
  const results = await measured;
  await Promise.all([...workers.map((worker) => worker.terminate()), stage.close()]);
  await Promise.all(rehearsals.map((rehearsal) => rehearsal.close()));
  const slowest = Math.max(...results.map(({ ms }) => ms));
  const worst = (of: 'p50' | 'p99' | 'max'): number => Math.max(...results.map((result) => result[of]));
  return {
    millions: (threads * count) / (isPeer(kind) ? peers[kind].fewer : 1) / slowest / 1_000,
    p50: worst('p50'),
    p99: worst('p99'),
    max: worst('max'),
  };
}

/** What the threads of a run share: of our own maps the buffer, which they get anyway. */
function shareOf(kind: Kind, entriesMax: number, threads: number): ReturnType<typeof sharedBy> {
  return isPeer(kind) ? peers[kind].share(entriesMax, threads) : sharedBy(threads, undefined);
}

function show({ millions, p50, p99, max }: Row): string {
  const micros = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
  return `${millions.toPrecision(3)} (${micros(p50)}/${micros(p99)}/${micros(max)})`;
}

console.log(
  `| million operations a second (p50/p99/max µs) | ${columns.map(([kind, threads]) => `${kind} ×${threads}`).join(' | ')} |`,
);
console.log(`|---|${columns.map(() => '---:').join('|')}|`);
for (const scenario of Object.keys(groups[group]!).filter((name) => name.includes(only))) {
  const cells: string[] = [];
  for (const [kind, threads] of columns) {
    if (isPeer(kind) && !peers[kind].does(scenario, threads)) {
      cells.push('–');
      continue;
    }
    const rows: Row[] = [];
    for (let run = 0; run < runs; run++) rows.push(await measure(scenario, kind, threads));
    rows.sort((a, b) => b.millions - a.millions);
    cells.push(show(rows[0]!));
  }
  console.log(`| ${scenario} | ${cells.join(' | ')} |`);
}
