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

describe('int64 writes that find all guards up', () => {
  const noGuards = { file: 'shared/layout.ts', find: 'guards: 2', put: 'guards: 0' };
  const sleeper: Program = {
    ...long['a taker that sleeps until its record has another key']!,
    mayFill: true,
  };

  test('are linearizable: while there are any, no record is given to another key', () => {
    const stepped = steppedLibrary([noGuards], true);
    expect(preempted(stepped, sleeper)).toBeUndefined();
    for (const program of Object.values(exhaustible))
      expect(explore(stepped, program, 100).violation).toBeUndefined();
  });

  test.each([
    ['a record is given away beside them', 'if (this.memory.read(unguardedAt) !== 0) return true;', ''],
    ['one does not say that it is there', 'Atomics.add(words, unguardedAt, 1);', ''],
  ])('a planted bug is found: %s', (_, find, put) => {
    const edit = { file: 'shared/guards.ts', find, put };
    expect(preempted(steppedLibrary([noGuards, edit], true), sleeper)).toBeDefined();
  });
});

describe('a full map in which keys come and go does a bounded piece of its rebuilds in each call', () => {
  const batch = { file: 'shared/layout.ts', find: 'batchSlots: 2', put: 'batchSlots: 16' };
  /** A whole rebuild of the 256 slots takes more than 2,000 steps. */
  const stepsMax = 1_000;

  test.each([false, true])('int64: %s', (wide) => {
    expect(longestCall(steppedLibrary([batch], wide))).toBeLessThan(stepsMax);
  });

  test('a planted bug is found: records are not brought back before they have run out', () => {
    const late = { file: 'shared/rebuild.ts', find: '!index.isScarce(root) && ', put: '' };
    expect(longestCall(steppedLibrary([batch, late]))).toBeGreaterThan(2 * stepsMax);
  });
});

/** Steps of the longest call among thousands that delete the oldest of 64 keys and store a new one. */
function longestCall(stepped: SteppedLibrary): number {
  const keys = 64;
  const geometry = { wide: stepped.wide, entriesMax: keys, keyLengthMax: 8, sparesMin: 64 };
  const map = new stepped.Map(stepped.layOut(stepped.geometryOf(geometry)));
  const steps = (name: string, ...args: unknown[]): number => {
    const running = map[name]!(...(args as never[]));
    let count = 0;
    while (running.next().done !== true) count++;
    return count;
  };
  const value = stepped.wide ? 1n : 1;
  let longest = 0;
  for (let at = 0; at < 1_500; at++) {
    if (at >= keys) longest = Math.max(longest, steps('loadAndDelete', `${at - keys}`));
    longest = Math.max(longest, steps('swap', `${at}`, value));
  }
  return longest;
}

describe('a planted bug is found:', () => {
  const programs: Record<string, Program> = { ...exhaustible, ...long };
  test.each(Object.entries(mutants))('%s', (_, { edit, foundBy, wide }) => {
    expect(preempted(steppedLibrary([edit], wide), programs[foundBy]!)).toBeDefined();
  });
});
