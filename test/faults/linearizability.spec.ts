import { expect, test } from '@jest/globals';
import { judge, type ShelfOperation } from './linearizability.js';

let clock = 0;
/** One after the other, unless `over` says otherwise. */
const take = (quantity: number, over: Partial<ShelfOperation> = {}): ShelfOperation => ({
  kind: 'take',
  quantity,
  calledMs: (clock += 1),
  returnedMs: (clock += 1),
  outcome: 'done',
  ...over,
});
const refused = { outcome: 'refused' } as const;
const unheard = { outcome: 'unknown', returnedMs: Infinity } as const;

test.each<[what: string, units: number, history: () => ShelfOperation[], verdict: string]>([
  ['takes what there is', 3, () => [take(2), take(1), take(1, refused)], 'linearizable'],
  ['sells a unit twice', 1, () => [take(1), take(1)], 'not-linearizable'],
  ['refuses units that are there', 2, () => [take(1), take(1, refused)], 'not-linearizable'],
  ['says how many are left', 3, () => [take(1), take(3, { ...refused, available: 2 })], 'linearizable'],
  ['says that fewer are left', 3, () => [take(1), take(3, { ...refused, available: 1 })], 'not-linearizable'],
  [
    'refuses what somebody may have who got no answer',
    1,
    () => [take(1, unheard), take(1, refused)],
    'linearizable',
  ],
  [
    'refuses what somebody may have had who got no answer, and gives it to another',
    1,
    () => [take(1, { ...unheard, lapsed: true }), take(1, refused), take(1)],
    'linearizable',
  ],
  [
    'refuses more than that',
    3,
    () => [take(1, { ...unheard, lapsed: true }), take(2, refused), take(3)],
    'not-linearizable',
  ],
  [
    'refuses what somebody asks for only later',
    1,
    () => [take(1, refused), take(1, { ...unheard, lapsed: true }), take(1)],
    'not-linearizable',
  ],
])('a shelf that %s', (_, units, history, verdict) => {
  expect(judge(history(), units)).toBe(verdict);
});
