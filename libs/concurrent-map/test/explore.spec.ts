/**
 * The real code of the shared map, stepped through small programs in every order that matters, and the same with bugs
 * planted into it: a suite that did not find those would not have found ours.
 */
import { describe, expect, test } from '@jest/globals';
import { explore, explorePreemptions, sample, type Program } from './support/explorer.js';
import { mutants } from './support/mutants.js';
import { add, clear, compact, exhaustible, long, remove, swap, take } from './support/programs.js';
import { steppedLibrary, type SteppedLibrary } from './support/stepped-source.js';
import { randomCall, randomFrom } from './support/tasks.js';

const library = steppedLibrary();

/** One preemption exhaustively, then as many schedules with two as there is time for. */
function preempted(stepped: SteppedLibrary, program: Program): string | undefined {
  return (
    explorePreemptions(stepped, program, { preemptionsMax: 1, schedulesMax: 1_000 }).violation ??
    explorePreemptions(stepped, program, { preemptionsMax: 2, schedulesMax: 1_500 }).violation
  );
}

describe('every order of', () => {
  test.each(Object.entries(exhaustible))('%s is linearizable', (_, program) => {
    const { violation, exhaustive } = explore(library, program, 20_000);
    expect(violation).toBeUndefined();
    expect(exhaustive).toBe(true);
  });
});

describe('up to two preemptions, and the first orders that matter, of', () => {
  test.each(Object.entries(long))('%s are linearizable', (_, program) => {
    expect(preempted(library, program)).toBeUndefined();
    expect(explore(library, program, 200).violation).toBeUndefined();
  });
});

test('random programs of three threads under random schedules are linearizable', () => {
  const random = randomFrom(20_261_123);
  for (let round = 0; round < 1_500; round++) {
    const calls = (count: number): Program['setup'] =>
      Array.from({ length: count }, () => {
        const call = randomCall(random, { keys: 3, clears: random(4) === 0 });
        return 'key' in call ? { ...call, key: 'ABC'[Number(call.key.at(-1))]! } : call;
      });
    const program = { setup: calls(random(4)), threads: [calls(3), calls(3), calls(2)] };
    const violation = sample(library, program, random);
    if (violation !== undefined) expect([program, violation]).toEqual([]);
  }
});

test('a thread that dies anywhere leaves the others a whole map, and its last operation done or not done', () => {
  const threads = [
    [swap('A', 5), take('A', 1), remove('B'), compact, swap('C', 1), swap('B', 3), clear],
    [swap('B', 7), add('B', 1), compact, swap('C', 2), remove('C'), compact],
  ];
  const setup = [swap('A', 1), swap('B', 2)];
  let died = 0;
  for (let alive = true; alive; died++) {
    let steps = 0;
    // The first thread goes so far, then the second all the way; when only one is left, it is over.
    const violation = sample(library, { setup, threads }, (count) => {
      if (count === 1) return -1;
      return steps++ < died ? 0 : 1;
    });
    expect(violation).toBeUndefined();
    alive = steps > died;
  }
  expect(died).toBeGreaterThan(100);
});

describe('a planted bug is found:', () => {
  const programs: Record<string, Program> = { ...exhaustible, ...long };
  test.each(Object.entries(mutants))('%s', (_, { edit, foundBy }) => {
    expect(preempted(steppedLibrary([edit]), programs[foundBy]!)).toBeDefined();
  });
});
