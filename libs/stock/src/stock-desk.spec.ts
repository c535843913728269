import { expect, test } from '@jest/globals';
import { UnavailableError } from '#domain';
import { systemClock, systemTimers } from '#platform';
import { EpochPassedError, OpensSoonError, StockDesk, TooLateError } from './stock-desk.js';
import { NoRoomError, type StockStore } from './stock-store.js';

const command = { reservationId: 'r', buyerId: 'b', paymentId: 'p', lines: [], whole: true };
const hold = { reservationId: 'r', buyerId: 'b', ttlSeconds: 60, metadata: null, lines: [] };
const reply = {
  decisions: [{ kind: 'reacquired', sequence: 1 }],
  entries: [],
  seen: [],
  nowMs: 1,
  incarnation: 'i',
};

/** A desk over a store that does one thing; `asked` counts how often, `decided` how often it was believed, `troubles` how often not. */
function open(reacquire: (at: { epoch: number }) => object): {
  desk: StockDesk;
  asked: number;
  epoch: number;
  filled: number;
  opensSoon: number;
  closed: boolean;
  decided: number;
  troubles: number;
} {
  const counts = { asked: 0, epoch: 1, filled: 1, opensSoon: 0, closed: false, decided: 0, troubles: 0 };
  const state = { desk: undefined as unknown as StockDesk, ...counts };
  const ask = async (at: { epoch: number }): Promise<object> => {
    state.asked += 1;
    return reacquire(at);
  };
  const store = { reacquire: ask, reserve: ask, release: ask, extend: ask } as unknown as StockStore;
  state.desk = new StockDesk({
    store,
    clock: systemClock,
    timers: systemTimers,
    openingOf: () => {
      if (state.closed) throw new UnavailableError('stock-not-ready', 'closed', false);
      state.opensSoon -= 1;
      if (state.opensSoon >= 0) throw new OpensSoonError('stock-not-ready', 'in a moment', false);
      return { epoch: state.epoch, incarnation: 'i', filled: state.filled };
    },
    onDecided: () => void (state.decided += 1),
    onTrouble: () => void (state.troubles += 1),
  });
  return state;
}

test('what rests on an epoch is decided in it', async () => {
  const { desk } = open(() => reply);
  expect(await desk.reacquire(0, { epoch: 1, command })).toMatchObject({ kind: 'reacquired', epoch: 1 });
});

test('what rests on an epoch that is forgotten is not asked of the store', async () => {
  const state = open(() => reply);
  state.epoch = state.filled = 2;
  await expect(state.desk.reacquire(0, { epoch: 1, command })).rejects.toBeInstanceOf(EpochPassedError);
  expect(state.asked).toBe(0);
});

test('what rests on an epoch that has passed and is not forgotten is decided in the one in force', async () => {
  const state = open(() => reply);
  state.epoch = 2;
  expect(await state.desk.reacquire(0, { epoch: 1, command })).toMatchObject({ epoch: 2 });
});

const lost = (): never => {
  throw new UnavailableError('stock-not-ready', 'the answer is lost', true);
};

test('an answer that was lost is not asked for again when it may be forgotten', async () => {
  const state = open(() => {
    state.epoch = state.filled = 2;
    return lost();
  });
  const asked = state.desk.reacquire(0, { epoch: 2, command });
  await expect(asked).rejects.toBeInstanceOf(EpochPassedError);
  expect(state.asked).toBe(1);
});

test('an answer that was lost is asked for again in the next epoch of the same store', async () => {
  const state = open(({ epoch }) => {
    state.epoch = 2;
    return epoch === 1 ? lost() : reply;
  });
  expect(await state.desk.reacquire(0, { epoch: 1, command })).toMatchObject({ epoch: 2 });
  expect([state.asked, state.troubles]).toEqual([2, 1]);
});

test('a store that is full is not waited for', async () => {
  const state = open(() => {
    throw new NoRoomError();
  });
  const asked = state.desk.extend(0, { reservationId: 'r', ttlSeconds: 60 });
  await expect(asked).rejects.toMatchObject({ code: 'stock-not-ready', outcomeUnknown: false });
  expect([state.asked, state.troubles]).toEqual([1, 1]);
});

test.each([
  ['in time', Infinity, 1, undefined],
  ['too late', -1, 1, TooLateError],
  ['in another epoch', Infinity, 2, EpochPassedError],
] as const)('the decision of a cart that is asked for %s', async (_, byMs, epoch, refusal) => {
  const state = open(() => reply);
  const decided = state.desk.decide(0, { epoch, byMs, command: { ...hold, partitions: [0, 1] } });
  if (refusal) await expect(decided).rejects.toBeInstanceOf(refusal);
  else await decided;
  expect(state.asked).toBe(refusal ? 0 : 1);
});

test('a part that is to be given back on the strength of a look is given back soon after it, or not at all', async () => {
  const state = open(() => reply);
  const late = state.desk.releasePart(0, { byMs: -1, command: { reservationId: 'r' } });
  await expect(late).rejects.toBeInstanceOf(TooLateError);
  expect(state.asked).toBe(0);
  await state.desk.releasePart(0, { byMs: Infinity, command: { reservationId: 'r' } });
  expect(state.asked).toBe(1);
});

test('an outcome that was unknown stays so, though the partition is closed by then', async () => {
  const state = open(() => {
    state.closed = true;
    return lost();
  });
  const asked = state.desk.reacquire(0, { epoch: 1, command });
  await expect(asked).rejects.toMatchObject({ outcomeUnknown: true });
});

test('what another memory says is passed on to nobody', async () => {
  const state = open(() => (state.asked === 1 ? { ...reply, incarnation: 'another' } : reply));
  expect(await state.desk.reacquire(0, { epoch: 1, command })).toMatchObject({ kind: 'reacquired' });
  expect([state.asked, state.decided]).toEqual([2, 1]);
});

test('a partition that opens within a moment is waited for, within bounds', async () => {
  const state = open(() => reply);
  state.opensSoon = 3;
  expect(await state.desk.reacquire(0, { epoch: 1, command })).toMatchObject({ kind: 'reacquired' });
  state.opensSoon = Infinity;
  await expect(state.desk.reacquire(0, { epoch: 1, command })).rejects.toMatchObject({
    code: 'stock-not-ready',
    outcomeUnknown: false,
  });
});
