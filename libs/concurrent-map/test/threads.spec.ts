/**
 * The shared map under real worker threads: what must hold whatever the schedule was. Small machines switch threads
 * only every few milliseconds, so these tests are long rather than dense; the explorer covers the dense side.
 */
import { describe, expect, test } from '@jest/globals';
import { SharedConcurrentMap } from '../src/index.js';
import { isLinearizable, perKey, type Operation } from './support/linearizability.js';
import { create } from './support/opened.js';
import { Team, together } from './support/team.js';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

function stocked(keys: number, units: number): SharedConcurrentMap {
  const map = SharedConcurrentMap.create({ entriesMax: 1_000 });
  for (let key = 0; key < keys; key++) map.store(`sku-${key}`, units);
  return map;
}

describe('stock is conserved', () => {
  test('under takeIfAtLeast, from three threads', async () => {
    const map = stocked(4, 300_000);
    expect(sum(await together<number>(map.buffer, 3, 'takeUntilEmpty', { keys: 4 }))).toBe(4 * 300_000);
    for (let key = 0; key < 4; key++) expect(map.load(`sku-${key}`)).toBe(0);
  });

  test('under takeIfAtLeast of int64 values, from three threads', async () => {
    const map = create({ entriesMax: 10, wide: true });
    for (let key = 0; key < 2; key++) map.store(`sku-${key}`, 200_000);
    expect(sum(await together<number>(map.buffer, 3, 'takeUntilEmpty', { keys: 2 }))).toBe(2 * 200_000);
    for (let key = 0; key < 2; key++) expect(map.load(`sku-${key}`)).toBe(0);
  });

  test('under load and compareAndSwap, from three threads', async () => {
    const map = stocked(4, 150_000);
    expect(sum(await together<number>(map.buffer, 3, 'swapUntilEmpty', { keys: 4 }))).toBe(4 * 150_000);
  });

  test('but not under load, then store: the listing of the source document oversells', async () => {
    const map = stocked(1, 1_000_000);
    expect(sum(await together<number>(map.buffer, 2, 'loadThenStore', { keys: 1 }))).toBeGreaterThan(
      1_000_000,
    );
  });

  test('while units move between keys and the index is compacted', async () => {
    const map = stocked(16, 1_000);
    const options = { keys: 16, rounds: 100_000, seed: 1 };
    const members = [0, 1].map(() => ({ task: 'moveUnits', options }));
    const churn = { task: 'churn', options: { rounds: 5_000, compactEvery: 20 } };
    const team = await Team.start(map.buffer, [...members, churn]);
    await team.results();
    let units = 0;
    map.range((key, value) => {
      if (key.startsWith('sku-')) units += value;
    });
    expect(units).toBe(16_000);
  });
});

test('of several loadOrStore of one new key exactly one stores', async () => {
  const map = SharedConcurrentMap.create({ entriesMax: 50_000 });
  const won = await together<number[]>(map.buffer, 3, 'winFirst', { keys: 50_000 });
  expect(sum(won.map((keys) => keys.length))).toBe(50_000);
  expect(new Set(won.flat()).size).toBe(50_000);
  for (const [worker, keys] of won.entries()) {
    expect(keys.every((key) => map.load(`sku-${key}`) === worker)).toBe(true);
  }
  expect(map.size).toBe(50_000);
});

test('TestConcurrentLoadAndDeleteRace: what one thread deletes, no other gets', async () => {
  const map = SharedConcurrentMap.create({ entriesMax: 30_000 });
  for (let key = 0; key < 30_000; key++) map.store(`sku-${key}`, key + 1);
  const got = await together<number>(map.buffer, 3, 'loadAndDeleteAll', { keys: 30_000 });
  expect(sum(got)).toBe((30_000 * 30_001) / 2);
  expect(map.size).toBe(0);
});

test('TestLoadOrStoreConcurrentWithDeletes: every value that was stored is deleted once, or still there', async () => {
  const map = SharedConcurrentMap.create({ entriesMax: 4 });
  const compactor = { task: 'churn', options: { rounds: 3_000, compactEvery: 3 } };
  const members = [0, 1].map(() => ({ task: 'offerAndDelete', options: { keys: 2, rounds: 200_000 } }));
  const team = await Team.start(map.buffer, [...members, compactor]);
  const [left, other] = await team.results<number>();
  expect(left! + other!).toBe(map.size);
});

test('nothing is lost while the index grows under three writers', async () => {
  const map = SharedConcurrentMap.create({ entriesMax: 60_000 });
  await together<number>(map.buffer, 3, 'storeOwn', { keys: 20_000 });
  expect(map.size).toBe(60_000);
  let right = 0;
  map.range((key, value) => {
    if (value === Number(key.split(':')[1])) right++;
  });
  expect(right).toBe(60_000);
});

test('keys stored and deleted for ever never fill a small map', async () => {
  const map = SharedConcurrentMap.create({ entriesMax: 8 });
  await together<number>(map.buffer, 3, 'churn', { rounds: 30_000, compactEvery: 1_000_000 });
  expect(map.size).toBe(0);
});

test('TestRangeConcurrentWithMutations: range visits every lasting key once while others come and go', async () => {
  const map = stocked(500, 7);
  const churn = { task: 'churn', options: { rounds: 30_000, compactEvery: 50 } };
  const team = await Team.start(map.buffer, [churn, churn]);
  const running = new Set(team.workers);
  for (const worker of team.workers) worker.on('exit', () => running.delete(worker));
  let ranges = 0;
  for (; running.size > 0; ranges++) {
    const seen: string[] = [];
    map.range((key, value) => {
      if (key.startsWith('sku-')) seen.push(`${key}=${value}`);
    });
    expect(seen.length).toBe(500);
    expect(new Set(seen).size).toBe(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await team.results();
  expect(ranges).toBeGreaterThan(3);
});

test('threads that die in mid-operation hold up nobody and lose nobody else anything', async () => {
  const map = SharedConcurrentMap.create({ entriesMax: 200 });
  map.store('stock', 0x7fff_ffff);
  for (let key = 0; key < 30; key++) map.store(`kept-${key}`, key);
  for (let round = 0; round < 12; round++) {
    const options = { rounds: 1e9, seed: round };
    const team = await Team.start(
      map.buffer,
      [0, 1, 2].map(() => ({ task: 'anything', options })),
    );
    await new Promise((resolve) => setTimeout(resolve, 5 + ((round * 7) % 23)));
    await Promise.all(team.workers.map((worker) => worker.terminate()));
    for (let key = 0; key < 30; key++) expect(map.load(`kept-${key}`)).toBe(key);
    for (let fresh = 0; fresh < 40; fresh++)
      expect(map.loadOrStore(`own-${round}-${fresh}`, 1).loaded).toBe(false);
    map.compact();
    for (let fresh = 0; fresh < 40; fresh++) expect(map.loadAndDelete(`own-${round}-${fresh}`)).toBe(1);
  }
  map.clear();
  for (let key = 0; key < 200; key++) map.store(`again-${key}`, key);
  expect(map.size).toBe(200);
});

describe('histories of real threads are linearizable', () => {
  test('key by key, with compactions', async () => {
    for (let seed = 0; seed < 4; seed++) {
      const map = create({ entriesMax: 8, wide: seed % 2 === 1 });
      const options = { rounds: 12_000, seed, keys: 6, clears: false, pace: 0 };
      const history = (await together<Operation[]>(map.buffer, 3, 'record', options)).flat();
      for (const [key, part] of perKey(history)) expect([key, isLinearizable(part)]).toEqual([key, true]);
    }
  });

  test('as a whole map, with clears', async () => {
    for (let seed = 0; seed < 4; seed++) {
      const map = create({ entriesMax: 8, wide: seed % 2 === 1 });
      const options = { rounds: 1_500, seed, keys: 2, clears: true, pace: 40 };
      const history = (await together<Operation[]>(map.buffer, 2, 'record', options)).flat();
      expect(isLinearizable(history)).toBe(true);
    }
  });
});
