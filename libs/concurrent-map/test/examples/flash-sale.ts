/**
 * The source document's stock reservation, from two threads. First as it is listed there, look and then store: both
 * threads see the same level, both take a unit of it, one of the two is sold twice. Then with compareAndSwap, which
 * decides and writes in one step, and with takeIfAtLeast, which is the same in one call.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { SharedConcurrentMap } from '#concurrent-map';

type Reserve = (map: SharedConcurrentMap, sku: string) => boolean;

const ways: Record<string, Reserve> = {
  'load, then store': (map, sku) => {
    const left = map.load(sku) ?? 0;
    if (left < 1) return false;
    map.store(sku, left - 1);
    return true;
  },
  'load and compareAndSwap': (map, sku) => {
    for (;;) {
      const left = map.load(sku) ?? 0;
      if (left < 1) return false;
      if (map.compareAndSwap(sku, left, left - 1)) return true;
    }
  },
  takeIfAtLeast: (map, sku) => map.takeIfAtLeast(sku, 1) !== undefined,
};

async function sell(way: string): Promise<void> {
  const units = 2_000_000;
  const map = SharedConcurrentMap.create({ entriesMax: 10 });
  map.store('SKU-1001', units);
  map.store('buyers who are there', 0);
  const threads = [1, 2].map(
    () => new Worker(new URL(import.meta.url), { workerData: { buffer: map.buffer, way } }),
  );
  const sold = await Promise.all(
    threads.map(async (thread) => ((await once(thread, 'message')) as [number])[0]),
  );
  const total = sold.reduce((sum, units) => sum + units, 0);
  console.log(`${way}: ${total === units ? 'every unit was sold once' : 'some units were sold twice'}`);
}

if (isMainThread) {
  for (const way of Object.keys(ways)) await sell(way);
} else {
  const { buffer, way } = workerData as { buffer: SharedArrayBuffer; way: string };
  const map = SharedConcurrentMap.attach(buffer);
  // Both begin together: else one may have sold all before the other is there.
  map.add('buyers who are there', 1);
  while (map.load('buyers who are there') !== 2);
  let sold = 0;
  while (ways[way]!(map, 'SKU-1001')) sold++;
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
  parentPort!.postMessage(sold);
}
