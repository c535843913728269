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
