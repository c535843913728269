/** What an answer rests on the ledger has before it goes out: the positions that each use case waits for. */
import { describe, expect, test } from '@jest/globals';
import type { JournalPosition, Reservation, ReservationStatus } from '#domain';
import { orderIdOf } from '#ledger';
import { Orders } from './orders.js';
import { Reservations } from './reservations.js';
import { Stock } from './stock.js';
import type { Operation } from './use-cases.js';

const operation: Operation = { id: 'o1', repeated: false, request: null };
const present = (outcome: object) => ({ status: 200, body: JSON.stringify(outcome) });
const position: JournalPosition = { partition: 0, epoch: 3, sequence: 7 };
const reservation: Reservation = {
  id: 'r1',
  status: 'held',
  buyerId: 'me',
  lines: [{ sku: 'A', quantity: 1 }],
  createdAtMs: 1,
  expiresAtMs: 2,
  metadata: null,
  orderId: null,
  paying: null,
};
const order = { ...reservation, id: orderIdOf('r1'), reservationId: 'r1', status: 'cancelled' };

/** Over a store that decides so; the ledger shows `afterwards` once it was waited for. */
function open(decision: object, afterwards: ReservationStatus = 'held') {
  const restsOn: JournalPosition[] = [];
  const decide = async () => ({ ...position, nowMs: 5, ...decision });
  const parts = {
    clock: { monotonicMs: () => 0 },
    durability: 'ledger',
    onItsWay: { find: (look: () => Promise<unknown>) => look() },
    partitionCount: 1,
    commits: {
      commit: async ({ requires }: { requires: readonly JournalPosition[] }) =>
        void restsOn.push(...requires),
    },
    reservations: {
      find: async () => ({ ...reservation, status: restsOn.length > 0 ? afterwards : 'held' }),
      findOrder: async () => order,
      endOrder: async () => true,
      unreturned: async () => [{ ...reservation, reservationId: 'r1', epochs: new Map([[0, 3]]) }],
    },
    stock: { adjustment: async () => undefined },
    desk: Object.fromEntries(
      ['extend', 'release', 'confirm', 'put', 'adjust', 'cancel'].map((name) => [name, decide]),
    ),
  } as unknown as ConstructorParameters<typeof Stock>[0];
  return {
    restsOn,
    orders: new Orders(parts),
    reservations: new Reservations(parts),
    stock: new Stock(parts),
  };
}

const adjustment = { sku: 'A', delta: 1, reason: 'count', expectedVersions: null };
const ofOne = { reservationId: 'r1' };

describe('an answer waits for its decision', () => {
  test.each([
    [
      'extended',
      (of: ReturnType<typeof open>) =>
        of.reservations.extend(operation, { ...ofOne, ttlSeconds: 1 }, present),
    ],
    ['released', (of: ReturnType<typeof open>) => of.reservations.release(operation, ofOne, present)],
    [
      'confirmed',
      (of: ReturnType<typeof open>) =>
        of.reservations.confirm(operation, { ...ofOne, paymentId: null }, present),
    ],
    [
      'created',
      (of: ReturnType<typeof open>) =>
        of.stock.put({ sku: 'A', onHand: 1, buyerLimit: null, holdTtlSeconds: 1 }),
    ],
    ['adjusted', (of: ReturnType<typeof open>) => of.stock.adjust(operation, adjustment, present)],
    [
      'cancelled',
      (of: ReturnType<typeof open>) => of.orders.cancel(operation, { orderId: order.id }, present),
    ],
  ])('%s', async (kind, ask) => {
    const opened = open({ kind });
    await ask(opened);
    expect(opened.restsOn).toEqual([position]);
  });
});

describe('what was decided before', () => {
  test('is told as the ledger has it then', async () => {
    const { reservations, restsOn } = open({ kind: 'ended', outcome: 'expired' }, 'expired');
    const { body } = await reservations.release(operation, ofOne, present);
    expect(JSON.parse(body)).toMatchObject({ kind: 'too-late', reservation: { status: 'expired' } });
    expect(restsOn).toEqual([position]);
  });

  test('and neither the store nor the ledger can tell is asked again', async () => {
    const { reservations } = open({ kind: 'unknown' });
    const asked = reservations.release(operation, ofOne, present);
    await expect(asked).rejects.toMatchObject({ code: 'stock-not-ready', outcomeUnknown: false });
  });
});
