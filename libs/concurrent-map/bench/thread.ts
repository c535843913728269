/** One measuring thread: opens the map, warms up, waits for the others, runs the scenario, posts how long it took. */
import { parentPort, workerData } from 'node:worker_threads';
import { ConcurrentMap, SharedConcurrentMap } from '../src/index.js';
import { LockedMap, Mutex, ReaderWriterLock } from './locked-map.js';
import { isPeer, type PeerKind, type PeerMap, peers } from './peers.js';
import { PlainMap } from './plain-map.js';
import { scenarios, type BenchMap } from './scenarios.js';
import { newBuffer, WideMap } from './wide-map.js';

export type Kind =
  | 'Map'
  | 'ConcurrentMap'
  | 'SharedConcurrentMap'
  | 'SharedConcurrentInt64Map'
  | 'mutex'
  | 'rw-lock'
  | PeerKind;
export type ThreadData = {
  readonly kind: Kind;
  readonly scenario: string;
  readonly buffer: SharedArrayBuffer;
  readonly lock: SharedArrayBuffer;
  /** What a peer gives this thread, once for the warm-up and once for the run. */
  readonly shares: readonly unknown[];
  readonly signals: Int32Array;
  readonly thread: number;
  readonly threads: number;
};
/** Milliseconds for all operations, and of single ones the quantiles in microseconds. */
export type Measured = {
  readonly ms: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
};

const { kind, scenario, buffer, lock, shares, signals, thread, threads } = workerData as ThreadData;
const { filled, entriesMax, count: fullCount, numbered, run } = scenarios[scenario]!;
const count = fullCount / (isPeer(kind) ? peers[kind].fewer : 1);
const names = Array.from(
  { length: filled + 2_048 + (numbered ? threads * count : 0) },
  (_, at) => `sku-${at}`,
);
const key = (number: number): string => names[number]!;
/** Every so many operations, one is timed alone. */
const batch = 500;

function open(on: SharedArrayBuffer, share: unknown): BenchMap {
  if (isPeer(kind)) return peers[kind].open(share) as BenchMap;
  if (kind === 'Map') return new PlainMap();
  if (kind === 'ConcurrentMap') return new ConcurrentMap<string, number>();
  if (kind === 'SharedConcurrentInt64Map') return new WideMap(on) as PeerMap as BenchMap;
  const map = SharedConcurrentMap.attach(on);
  if (kind === 'SharedConcurrentMap') return map;
  return new LockedMap(map, kind === 'mutex' ? new Mutex(lock) : new ReaderWriterLock(lock));
}

// Optimized code before the clock starts, on a map of its own.
const warm = open(newBuffer(kind, entriesMax), shares[0]);
for (let number = 0; number < Math.min(filled, 10_000); number++) warm.store(key(number), 0);
for (let round = 0; round < 3; round++) run(warm, key, 0, Math.min(count, 200_000));

const map = open(buffer, shares[1]);
if (thread === 0) for (let number = 0; number < filled; number++) map.store(key(number), 0);
Atomics.add(signals, 1, 1);
Atomics.notify(signals, 1);
Atomics.wait(signals, 0, 0);

const single = new Float64Array(Math.floor(count / batch));
const start = performance.now();
for (let at = 0; at < single.length; at++) {
  const from = thread * count + at * batch;
  const before = performance.now();
  run(map, key, from, 1);
  single[at] = (performance.now() - before) * 1_000;
  run(map, key, from + 1, batch - 1);
}
const ms = performance.now() - start;
single.sort();
const quantile = (share: number): number => single[Math.floor((single.length - 1) * share)]!;
const measured: Measured = { ms, p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) };
// eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
parentPort!.postMessage(measured);
