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

/** Sweeps a partition once, of which one part is due; its reservation has this fate in the ledger, or another at a second look. */
async function toldOf(fate: object | undefined, later = fate): Promise<string[]> {
  const told: string[] = [];
  let looks = 0;
  const tell = (name: string) => async (_: number, command: object) =>
    void told.push(`${name} ${JSON.stringify(command)}`);
  const sweeper = new Sweeper({
    store: {
      expire: async () => ({ entries: [], parts: (looks += 1) === 2 ? ['r1'] : [], more: looks < 3 }),
      state: async () => ({ ...opening, sequence: 5 }),
    },
    desk: { extend: tell('extend'), confirm: tell('confirm'), releasePart: tell('release') },
    reservations: {
      fates: async () => {
        const seen = told.length > 0 ? later : fate;
        return seen ? [{ id: 'r1', partitions: [0, 1], ...seen }] : [];
      },
    },
    // The look at the ledger takes as long as it likes: what counts is when the part was found.
    clock: { monotonicMs: () => looks * 100 },
    drain: async ({ partition, sequence }: { partition: number; sequence: number }) =>
      void told.push(`drain ${partition} to ${sequence}`),
    openPartitions: () => [{ partition: 1, epoch: 1 }],
    openingOf: () => opening,
    onEntries: () => undefined,
    report: (message: string, facts: object) => {
      throw new Error(`${message}: ${JSON.stringify(facts)}`);
    },
  } as unknown as ConstructorParameters<typeof Sweeper>[0]);
  await sweeper.sweep();
  expect(looks).toBe(3);
  return told;
}

const orphan = '{"byMs":4100,"command":{"reservationId":"r1","what":"orphan"}}';
test.each([
  [{ status: 'held', expiresAtMs: 9 }, ['extend {"reservationId":"r1","untilMs":9}']],
  [{ status: 'confirmed' }, ['confirm {"reservationId":"r1","paymentId":null}']],
  [{ status: 'fulfilled' }, ['confirm {"reservationId":"r1","paymentId":null}']],
  ...['released', 'expired', 'refund-due', 'refunded', 'cancelled'].map(
    (status) => [{ status }, ['release {"byMs":4100,"command":{"reservationId":"r1"}}']] as const,
  ),
  [{ status: 'pending' }, ['drain 0 to 5', `release ${orphan}`]],
  [{ status: 'paying' }, []],
  [{ status: 'late-paid' }, []],
  [undefined, []],
])('the part of a cart that is %j is told so, however many looks it takes to find it', async (fate, told) => {
  expect(await toldOf(fate)).toEqual(told);
});

test('a part that turns out to be decided, once the ledger has all of that, is left alone', async () => {
  expect(await toldOf({ status: 'pending' }, { status: 'held' })).toEqual(['drain 0 to 5']);
});
