import { expect, test } from '@jest/globals';
import { UnavailableError } from '#domain';
import { systemTimers } from '#platform';
import { KeyReused } from './finality.js';
import { Idempotency } from './idempotency.js';
import type { Answer } from './use-cases.js';

const request = { keyDigest: Buffer.alloc(32, 1), fingerprint: Buffer.alloc(32, 2) };

/** A ledger that gives every claim; says how each was given up: `certain` that nothing was done, or not. */
function open(repeated = false) {
  const givenUp: boolean[] = [];
  const idempotency = new Idempotency({
    idempotency: {
      claim: async (requests: readonly unknown[]) => requests.map(() => ({ kind: 'claimed', repeated })),
      abandon: async (_: unknown, certain: boolean) => void givenUp.push(certain),
    },
    timers: systemTimers,
    commits: {},
    durability: 'ledger',
  } as unknown as ConstructorParameters<typeof Idempotency>[0]);
  return { idempotency, givenUp };
}

const answers = (status: number) => async (): Promise<Answer> => ({ status, body: '{}' });
const fails = (error: Error) => async (): Promise<Answer> => {
  throw error;
};
const notReady = (outcomeUnknown: boolean) =>
  new UnavailableError('stock-not-ready', 'not now', outcomeUnknown);

test.each([
  ['an answer that is kept keeps its key', answers(409), false, []],
  ['one that is not leaves it as new', answers(404), false, [true]],
  ['so does work that was certainly not done', fails(notReady(false)), false, [true]],
  ['after work that may be done the next attempt looks', fails(notReady(true)), false, [false]],
  ['also when it was an earlier one that may have done it', fails(notReady(false)), true, [false]],
  ['and after a bug', fails(new Error('a bug')), false, [false]],
  ['another request under the key has done nothing', fails(new KeyReused()), false, [true]],
] as const)('%s', async (_, work, repeated, expected) => {
  const { idempotency, givenUp } = open(repeated);
  await idempotency.once(request, work).catch(() => undefined);
  expect(givenUp).toEqual(expected);
});

test('a request that comes while it is worked on shares the answer; another under its key does not', async () => {
  const { idempotency } = open();
  const worked = Promise.withResolvers<Answer>();
  const first = idempotency.once(request, () => worked.promise);
  const same = idempotency.once(request, answers(500));
  const other = idempotency.once({ ...request, fingerprint: Buffer.alloc(32, 3) }, answers(500));
  worked.resolve({ status: 201, body: 'once' });
  const answer = { status: 201, body: 'once' };
  expect(await first).toEqual({ kind: 'answered', answer, replayed: false });
  expect(await same).toEqual({ kind: 'answered', answer, replayed: true });
  expect(await other).toEqual({ kind: 'reused' });
  // Afterwards the ledger is asked again.
  expect(await idempotency.once(request, answers(202))).toMatchObject({ answer: { status: 202 } });
});
