/**
 * The real code of the shared map, stepped through small programs in every order that matters, and the same with bugs
 * planted into it: a suite that did not find those would not have found ours.
 */
import { describe, expect, test } from '@jest/globals';
import { explore, explorePreemptions, sample, type Program } from './support/explorer.js';
import { mutants } from './support/mutants.js';
import { add, clear, compact, exhaustible, load, long, remove, swap, take } from './support/programs.js';
import { steppedLibrary, type SteppedLibrary } from './support/stepped-source.js';
import { randomCall, randomFrom } from './support/tasks.js';

const library = steppedLibrary();
const wideLibrary = steppedLibrary([], true);
const libraries = [library, wideLibrary];

/** One preemption exhaustively, then as many schedules with two as there is time for. */
function preempted(stepped: SteppedLibrary, program: Program): string | undefined {
  return (
    explorePreemptions(stepped, program, { preemptionsMax: 1, schedulesMax: 400 }).violation ??
    explorePreemptions(stepped, program, { preemptionsMax: 2, schedulesMax: 400 }).violation
  );
}

describe('every order of', () => {
  test.each(Object.entries(exhaustible))('%s is linearizable', (_, program) => {
    const { violation, exhaustive } = explore(library, program, 20_000);
    expect(violation).toBeUndefined();
    expect(exhaustive).toBe(true);
    expect(explore(wideLibrary, program, 300).violation).toBeUndefined();
  });
});

describe('up to two preemptions, and the first orders that matter, of', () => {
  test.each(Object.entries(long))('%s are linearizable', (_, program) => {
    expect(preempted(library, program)).toBeUndefined();
    for (const stepped of libraries) expect(explore(stepped, program, 100).violation).toBeUndefined();
  });
});

test('random programs of three threads under random schedules are linearizable', () => {
  const random = randomFrom(20_261_123);
  for (let round = 0; round < 1_200; round++) {
    const calls = (count: number): Program['setup'] =>
      Array.from({ length: count }, () => {
        const call = randomCall(random, { keys: 4, clears: random(4) === 0 });
        return 'key' in call ? { ...call, key: 'ABCD'[Number(call.key.at(-1))]! } : call;
      });
    const program = { setup: calls(random(6)), threads: [calls(3), calls(3), calls(2)], entriesMax: 6 };
    const violation = sample(libraries[round % 2]!, program, random);
    if (violation !== undefined) expect([program, violation]).toEqual([]);
  }
});

describe('a thread that dies anywhere leaves the others a whole map, and its last operation done or not done:', () => {
  const dying: Record<string, Program> = {
    'all operations': {
      setup: [swap('A', 1), swap('B', 2)],
      threads: [
        [swap('A', 5), take('A', 1), remove('B'), compact, swap('C', 1), swap('B', 3), clear],
        [swap('B', 7), add('B', 1), compact, swap('C', 2), remove('C'), compact],
      ],
    },
    growth: {
      setup: [swap('A', 1), swap('B', 2), swap('C', 3)],
      entriesMax: 6,
      threads: [
        [swap('D', 4), remove('A'), clear, swap('D', 5)],
        [swap('D', 6), load('A'), remove('B'), compact, swap('B', 7)],
      ],
    },
  };
  test.each(Object.entries(dying))('%s', (_, program) => {
    for (const stepped of libraries) {
      let died = 0;
      for (let alive = true; alive; died++) {
        let steps = 0;
        // The first thread goes so far, then the second all the way; when only one is left, it is over.
        const violation = sample(stepped, program, (count) => {
          if (count === 1) return -1;
          return steps++ < died ? 0 : 1;
        });
        expect(violation).toBeUndefined();
        alive = steps > died;
      }
      expect(died).toBeGreaterThan(100);
    }
  });
});

describe('a planted bug is found:', () => {
  const programs: Record<string, Program> = { ...exhaustible, ...long };
  test.each(Object.entries(mutants))('%s', (_, { edit, foundBy, wide }) => {
    expect(preempted(steppedLibrary([edit], wide), programs[foundBy]!)).toBeDefined();
  });
});
