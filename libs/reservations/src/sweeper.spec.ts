import { expect, test } from '@jest/globals';
import { Sweeper } from './sweeper.js';

/** Rounds between two tidyings. */
const rounds = 50;

test('has the store forget for as long as there is more to forget, within bounds', async () => {
  let left = 0;
  let turns = 0;
  const sweeper = new Sweeper({
    store: {
      expire: async () => ({ entries: [], parts: [], more: false }),
      tidy: async () => {
        turns += 1;
        left -= 1;
        return { more: left > 0 };
      },
    },
    clock: { monotonicMs: () => 0 },
    orders: { returnUnits: async () => undefined },
    openPartitions: () => [{ partition: 0, epoch: 1 }],
    drainedOf: () => 7,
    onEntries: () => undefined,
    report: (message: string, facts: object) => {
      throw new Error(`${message}: ${JSON.stringify(facts)}`);
    },
  } as unknown as ConstructorParameters<typeof Sweeper>[0]);
  for (const [waiting, expected] of [
    [1, 1],
    [30, 30],
    [1_000_000, 50],
  ] as const) {
    [left, turns] = [waiting, 0];
    for (let round = 0; round < rounds; round += 1) await sweeper.sweep();
    expect(turns).toBe(expected);
  }
});

const opening = { epoch: 3, incarnation: 'a', filled: 1 };

test.each([
  ['is asked of the memory that its epoch began in', opening, 1],
  [
    'stays when that is asked of another, which may have lost the decision',
    { ...opening, incarnation: 'b' },
    0,
  ],
  ['stays when that is asked in another epoch', { ...opening, epoch: 4 }, 0],
])('a part of a cart whose decision %s', async (_, state, expected) => {
  let releases = 0;
  const sweeper = new Sweeper({
    store: {
      expire: async () => ({ entries: [], parts: ['r1'], more: false }),
      state: async () => ({ ...state, sequence: 5 }),
    },
    desk: {
      releasePart: async () => {
        releases += 1;
      },
    },
    reservations: { fates: async () => [{ id: 'r1', status: 'pending', partitions: [0, 1] }] },
    clock: { monotonicMs: () => 0 },
    drain: async () => undefined,
    openPartitions: () => [{ partition: 1, epoch: 1 }],
    openingOf: () => opening,
    onEntries: () => undefined,
    report: (message: string, facts: object) => {
      throw new Error(`${message}: ${JSON.stringify(facts)}`);
    },
  } as unknown as ConstructorParameters<typeof Sweeper>[0]);
  await sweeper.sweep();
  expect(releases).toBe(expected);
});
