/**
 * The nine concurrent ones among the 29 subtests of Go's hash-trie map, under their names, on real threads, with a good,
 * a truncated and a constant hash, int64 values with the second. The other twenty are in src/map-contract.spec.ts.
 */
import { describe, expect, test } from '@jest/globals';
import { create, hashes, type HashName, type OpenedMap } from './support/opened.js';
import type { TrieOperation, TrieOptions } from './support/tasks.js';
import { together } from './support/team.js';

const threads = 2;

/** Loads of keys that are worth the threads' start, but not under a hash that makes one chain of them. */
const keysUnder: Record<HashName, number> = { good: 2_000, truncated: 300, constant: 60 };

type Outcome = { readonly map: OpenedMap; readonly keys: number; readonly tally: number };

async function run(operation: TrieOperation, shared: boolean, check: (outcome: Outcome) => void) {
  for (const [turn, hash] of (Object.keys(hashes) as HashName[]).entries()) {
    const keys = keysUnder[hash];
    const map = create({ entriesMax: threads * keys, wide: turn % 2 === 1, hash });
    const options: TrieOptions & { hash: HashName } = { operation, shared, keys, hash };
    const tallies = await together<number>(map.buffer, threads, 'trie', options);
    check({ map, keys, tally: tallies.reduce((sum, tally) => sum + tally, 0) });
  }
}

/** Once for each key, or for each key of each thread. */
const effects: Record<string, boolean> = { ConcurrentUnsharedKeys: false, ConcurrentSharedKeys: true };

describe.each(['CompareAndDelete', 'LoadAndDelete'] as const)('%s', (operation) => {
  test.each(Object.entries(effects))('%s', async (_, shared) => {
    await run(operation, shared, ({ map, tally }) => {
      // What was stored was deleted once, or is there: where keys are shared, a late thread may have stored it again.
      expect(map.size + tally).toBe(0);
      if (!shared) expect(map.size).toBe(0);
    });
  });
});

describe('CompareAndSwap', () => {
  test.each(Object.entries(effects))('%s', async (_, shared) => {
    await run('CompareAndSwap', shared, ({ map, keys, tally }) => {
      expect(tally).toBe(shared ? keys : threads * keys);
      expect(map.size).toBe(tally);
      map.range((_key, value) => {
        expect(value).toBeLessThan(0);
      });
    });
  });
});

describe('Swap', () => {
  test.each(Object.entries(effects))('%s', async (_, shared) => {
    await run('Swap', shared, ({ map, keys, tally }) => {
      let left = 0;
      map.range((_key, value) => {
        left += value;
      });
      const stored = ((keys * (keys - 1)) / 2) * (shared ? 1 : threads);
      // Whatever a swap stored, another one got back, or it is there.
      expect(left).toBe(stored + tally);
    });
  });
});

describe('Clear', () => {
  test('Concurrent', async () => {
    await run('Clear', true, ({ map }) => {
      map.clear();
      expect(map.size).toBe(0);
      map.store('after', 1);
      expect(map.load('after')).toBe(1);
    });
  });
});
