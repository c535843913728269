import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { type LiveHold, LiveHolds } from './live-holds.js';

const hold = (number: number): LiveHold => ({
  reservationId: `00000000-0000-8000-8000-${String(number).padStart(12, '0')}`,
  expiresAtMs: 1_800_000_000_000 + number,
  sequence: number,
});

type Step =
  | { readonly kind: 'put'; readonly buyer: string; readonly number: number }
  | { readonly kind: 'remove'; readonly buyer: string; readonly number: number }
  | { readonly kind: 'clear' };

const buyer = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map(String),
  fc.constantFrom('', 'é', '漢字', '😀', 'x'.repeat(128), '漢'.repeat(128)),
);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('put' as const), buyer, number: fc.nat(20) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('remove' as const), buyer, number: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
  ),
  { maxLength: 400 },
);

function carryOut(
  list: readonly Step[],
  holds: LiveHolds,
  look: (model: Map<string, LiveHold>) => void,
): void {
  const model = new Map<string, LiveHold>();
  for (const step of list) {
    if (step.kind === 'clear') {
      holds.clear();
      model.clear();
    } else {
      const isLater = (model.get(step.buyer)?.sequence ?? -1) > step.number;
      if (step.kind === 'put') {
        holds.put('A', step.buyer, hold(step.number));
        if (!isLater) model.set(step.buyer, hold(step.number));
        expect(holds.find('A', step.buyer)).toEqual(model.get(step.buyer));
      } else {
        holds.remove('A', step.buyer, step.number);
        if (!isLater) model.delete(step.buyer);
      }
    }
    look(model);
  }
}

describe('live holds', () => {
  test('are those of a map, as long as there is room', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const holds = new LiveHolds(2 ** 18);
        carryOut(list, holds, (model) => {
          for (let number = 0; number <= 40; number += 1)
            expect(holds.find('A', String(number))).toEqual(model.get(String(number)));
        });
      }),
      { numRuns: 60 },
    );
  });

  test('forget when there is no room, and are never wrong', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const holds = new LiveHolds(2 ** 11);
        // What was forgotten is not known to be later.
        const inOrder = list.map((step, number) => ({ ...step, number }));
        carryOut(inOrder, holds, (model) => {
          for (let number = 0; number <= 40; number += 1) {
            const found = holds.find('A', String(number));
            if (found) expect(found).toEqual(model.get(String(number)));
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  test('forget the oldest first, round after round', () => {
    const holds = new LiveHolds(2 ** 13);
    const known = (number: number): boolean => holds.find('A', `buyer ${number}`) !== undefined;
    for (let number = 0; number < 2_000; number += 1) {
      holds.put('A', `buyer ${number}`, hold(number));
      // Each has 80 bytes or 88, so there is room for 93 to 102.
      const newest = Array.from({ length: Math.min(number, 90) }, (_, back) => number - back);
      expect(newest.filter((each) => !known(each))).toEqual([]);
      expect(known(number - 110)).toBe(false);
    }
  });

  test('tell SKUs and buyers apart whose names come to the same together', () => {
    const holds = new LiveHolds(2 ** 12);
    holds.put('A', 'B C', hold(1));
    expect(holds.find('A', 'B  C')).toBeUndefined();
    expect(holds.find('AB', 'C')).toBeUndefined();
    expect(holds.find('A', 'B C')).toEqual(hold(1));
  });

  test('do not keep a name that is too long, and find none', () => {
    const holds = new LiveHolds(2 ** 14);
    for (const length of [1_000, 1_018, 1_019, 1_020, 1_026, 1_027, 3_000]) {
      holds.put('A', 'x'.repeat(length), hold(length));
      expect(holds.find('A', 'x'.repeat(length))?.sequence).toBe(length <= 1_018 ? length : undefined);
    }
  });
});
