/** The small programs that the explorer runs, each for a meeting of operations that could go wrong. */
import type { Program } from './explorer.js';
import type { Call } from './linearizability.js';

export const load = (key: string): Call => ({ op: 'load', key });
export const swap = (key: string, value: number): Call => ({ op: 'swap', key, value });
export const offer = (key: string, value: number): Call => ({ op: 'loadOrStore', key, value });
export const remove = (key: string): Call => ({ op: 'loadAndDelete', key });
export const take = (key: string, value: number): Call => ({ op: 'takeIfAtLeast', key, value });
export const add = (key: string, value: number): Call => ({ op: 'add', key, value });
export const exchange = (key: string, value: number, next: number): Call => ({
  op: 'compareAndSwap',
  key,
  value,
  next,
});
export const dropIf = (key: string, value: number): Call => ({ op: 'compareAndDelete', key, value });
export const clear: Call = { op: 'clear' };
export const compact: Call = { op: 'compact' };
export const compactStep: Call = { op: 'compactStep' };
export const range = { op: 'range' } as const;

/** The next new key makes the index grow. */
const crowded = { setup: [swap('A', 1), swap('B', 2), swap('C', 3)], entriesMax: 6 };

/** Steps are few enough that every order that matters is run. */
export const exhaustible: Record<string, Program> = {
  'two takes of the last units': {
    setup: [swap('A', 3)],
    threads: [[take('A', 2), load('A')], [take('A', 2)]],
  },
  'take against add': { setup: [swap('A', 1)], threads: [[take('A', 2)], [add('A', 1), take('A', 1)]] },
  'three swaps by comparison': {
    setup: [swap('A', 1)],
    threads: [[exchange('A', 1, 2)], [exchange('A', 2, 3)], [exchange('A', 1, 3), load('A')]],
  },
  'two first stores of one key': { setup: [], threads: [[offer('A', 1)], [offer('A', 2)]] },
  'two first stores that collide': { setup: [], threads: [[swap('A', 1), load('B')], [swap('B', 2)]] },
  'store against delete': { setup: [swap('A', 1)], threads: [[offer('A', 2), load('A')], [remove('A')]] },
  'delete against conditional delete': { setup: [swap('A', 1)], threads: [[remove('A')], [dropIf('A', 1)]] },
  'two stores of a deleted key': {
    setup: [swap('A', 1), remove('A')],
    threads: [[offer('A', 2)], [offer('A', 3), load('A')]],
  },
  'store against clear': { setup: [swap('A', 1)], threads: [[swap('A', 2), load('A')], [clear]] },
  'first store against clear': {
    setup: [],
    threads: [
      [swap('A', 2), load('A')],
      [clear, load('A')],
    ],
  },
  'known keys after a clear': {
    setup: [swap('A', 1), swap('B', 1)],
    threads: [[load('A'), load('B'), take('B', 1)], [clear]],
  },
  'exchange against compaction': {
    setup: [swap('A', 1)],
    threads: [[exchange('A', 1, 2)], [compact], [load('A')]],
  },
};

/** Index rebuilds take too many steps for that: these are run with few preemptions, and in part exhaustively. */
export const long: Record<string, Program> = {
  'store of a deleted key against compaction': {
    setup: [swap('A', 1), remove('A')],
    threads: [[swap('A', 2), load('A')], [compact]],
  },
  'first store against compaction': {
    setup: [swap('B', 1), remove('B')],
    threads: [[swap('A', 2), load('A')], [compact]],
  },
  'delete and store against compaction': {
    setup: [swap('A', 1)],
    threads: [
      [remove('A'), swap('A', 3)],
      [compact, load('A')],
    ],
  },
  'two compactions at once': {
    setup: [swap('A', 1), swap('B', 1), remove('B')],
    threads: [
      [compact, load('A')],
      [compact, swap('B', 2)],
    ],
  },
  'compaction against clear': {
    setup: [swap('A', 1)],
    threads: [
      [compact, load('A')],
      [clear, load('A')],
    ],
  },
  'first store against clear and another first store': {
    setup: [swap('A', 1)],
    threads: [[swap('B', 2)], [clear, swap('C', 3), load('C')]],
  },
  'growth under two writers of one new key': {
    ...crowded,
    threads: [
      [offer('D', 4), load('A')],
      [offer('D', 5), remove('A')],
    ],
  },
  'growth by two threads, a batch each': {
    ...crowded,
    // By its lowest bits each key has a slot of its own, and by its highest ones the slot tells it from others.
    hash: (key) => (key.charCodeAt(0) - 'A'.charCodeAt(0)) * (1 + 2 ** 26),
    threads: [
      [offer('D', 4), load('A')],
      [offer('D', 5), load('A')],
    ],
  },
  'growth into the last record': {
    setup: [...crowded.setup, remove('C')],
    entriesMax: 3,
    sparesMin: 0,
    threads: [[swap('D', 4), load('D')], [offer('D', 5)]],
  },
  'growth begins while a first store is under way': {
    setup: [swap('A', 1), swap('B', 2)],
    entriesMax: 6,
    threads: [[offer('D', 4)], [swap('C', 3), offer('D', 5), load('D')]],
  },
  'growth under a reader': {
    ...crowded,
    threads: [[swap('D', 4)], [load('D'), load('A'), load('D')]],
  },
  'a key that is deleted and stored again while it moves': {
    ...crowded,
    threads: [[swap('D', 4)], [remove('B'), offer('B', 5), load('B')]],
  },
  'growth against clear': {
    ...crowded,
    threads: [
      [swap('D', 4), load('D')],
      [clear, offer('A', 5)],
    ],
  },
  'growth against compaction': {
    ...crowded,
    setup: [...crowded.setup, remove('C')],
    threads: [
      [swap('D', 4), load('D')],
      [compact, swap('C', 5)],
    ],
  },
  'steps of a compaction by two threads, and a key that comes back': {
    setup: [swap('A', 1), swap('B', 2), remove('B')],
    threads: [
      [compactStep, swap('B', 3), compactStep, load('A')],
      [compactStep, remove('A'), compactStep],
    ],
  },
  'steps of a compaction beside growth': {
    ...crowded,
    threads: [
      [compactStep, remove('A'), compactStep],
      [swap('D', 4), load('A')],
    ],
  },
  'range beside growth and a delete': {
    ...crowded,
    threads: [[swap('D', 4), remove('B')], [range]],
  },
  'range beside clear and a new key': {
    setup: [swap('A', 1), swap('B', 2)],
    threads: [[clear, swap('C', 3), swap('A', 4)], [range]],
  },
  'a helper that sleeps through two eras': {
    setup: [swap('A', 1)],
    threads: [
      [compact, swap('B', 2)],
      [compact, compact, load('A')],
    ],
  },
  'a taker that sleeps until its record has another key': {
    setup: [swap('A', 1)],
    entriesMax: 1,
    sparesMin: 0,
    threads: [[take('A', 1)], [clear, compact, swap('B', 1), clear, compact, swap('C', 1), load('C')]],
  },
};
