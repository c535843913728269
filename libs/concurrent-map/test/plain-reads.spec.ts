/**
 * Where `load` reads plainly (src/shared/memory.ts says where, and why), what the language would allow must not happen:
 * a read that is moved out of its loop, one that is older than the one before, one that overtakes an own write.
 */
import { expect, test } from '@jest/globals';
import { create } from './support/opened.js';
import { Team, together } from './support/team.js';

test.each([false, true])('a loop of loads sees every value in its turn, int64: %s', async (wide) => {
  const map = create({ entriesMax: 4, wide });
  map.store('sku-0', 0);
  const options = { last: 100_000 };
  const team = await Team.start(map.buffer, [
    { task: 'loadUntil', options },
    { task: 'countUp', options },
  ]);
  expect(await team.results<number>()).toEqual([expect.any(Number), 100_000]);
});

test.each([false, true])('who has stored sees whoever did not see it, int64: %s', async (wide) => {
  const map = create({ entriesMax: 4, wide });
  for (const key of ['sku-0', 'sku-1']) map.store(key, 0);
  const [one, other] = await together<number[]>(map.buffer, 2, 'storeThenLook', { rounds: 500_000 });
  // Neither saw the other's store: one of the loads came before the store that precedes it.
  const crossed = one!.findIndex((seen, round) => seen + 1 < other!.length && other![seen + 1]! < round);
  expect(crossed).toBe(-1);
});
