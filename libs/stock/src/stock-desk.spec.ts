import { expect, test } from '@jest/globals';
import { UnavailableError } from '#domain';
import { systemClock, systemTimers } from '#platform';
import { EpochPassedError, StockDesk } from './stock-desk.js';
import type { StockStore } from './stock-store.js';

const command = { reservationId: 'r', buyerId: 'b', paymentId: 'p', lines: [], whole: true };
const reply = {
  decisions: [{ kind: 'reacquired', sequence: 1 }],
  entries: [],
  seen: [],
  nowMs: 1,
  incarnation: 'i',
};

/** A desk over a store that does one thing; `asked` counts how often. */
function open(reacquire: (at: { epoch: number }) => object): {
  desk: StockDesk;
  asked: number;
  epoch: number;
} {
  const state = { desk: undefined as unknown as StockDesk, asked: 0, epoch: 1 };
  const store = {
    reacquire: async (at: { epoch: number }) => {
      state.asked += 1;
      return reacquire(at);
    },
  } as unknown as StockStore;
  state.desk = new StockDesk({
    store,
    clock: systemClock,
    timers: systemTimers,
    admissionOf: () => ({ epoch: state.epoch, incarnation: 'i' }),
    onDecided: () => undefined,
    onTrouble: () => undefined,
  });
  return state;
}

test('what rests on an epoch is decided in it', async () => {
  const { desk } = open(() => reply);
  expect(await desk.reacquire(0, { epoch: 1, command })).toMatchObject({ kind: 'reacquired', epoch: 1 });
});

test('what rests on an epoch that has passed is not asked of the store', async () => {
  const state = open(() => reply);
  state.epoch = 2;
  await expect(state.desk.reacquire(0, { epoch: 1, command })).rejects.toBeInstanceOf(EpochPassedError);
  expect(state.asked).toBe(0);
});

test('an answer that was lost is not asked for again when the epoch has passed meanwhile', async () => {
  const state = open(() => {
    state.epoch = 2;
    throw new UnavailableError('stock-not-ready', 'the answer is lost', true);
  });
  await expect(state.desk.reacquire(0, { epoch: 1, command })).rejects.toBeInstanceOf(EpochPassedError);
  expect(state.asked).toBe(1);
});
