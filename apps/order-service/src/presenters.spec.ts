import { describe, expect, it } from '@jest/globals';
import {
  problemDocument,
  reservation as wireReservation,
  order as wireOrder,
  stockLevel as wireStockLevel,
  wireLimits,
  wireOrderStatuses,
  wireReservationStatuses,
} from '#contracts';
import {
  limits,
  type Order,
  orderStatuses,
  type Reservation,
  reservationStatuses,
  type StockLevel,
} from '#domain';
import type { Answer } from '#reservations';
import { presentOrder, presentOrderOutcome } from './orders/order.presenter.js';
import {
  presentConfirm,
  presentPay,
  presentReservation,
  presentReservationOutcome,
  presentReserve,
} from './reservations/reservation.presenter.js';
import { etagHeadersOf, presentAdjust, presentStockLevel } from './stock/stock.presenter.js';

const id = '01890a5d-ac96-774b-bcce-b302099a8057';
const reservation: Reservation = {
  id,
  status: 'held',
  buyerId: 'b',
  lines: [{ sku: 'tee', quantity: 2 }],
  createdAtMs: 0,
  expiresAtMs: 1_500,
  metadata: null,
  orderId: null,
  paying: null,
};
const order: Order = {
  id: '01890a5d-ac96-774b-bcce-b302099a8058',
  reservationId: id,
  buyerId: 'b',
  lines: reservation.lines,
  status: 'confirmed',
  createdAtMs: 2_000,
};
const level: StockLevel = {
  sku: 'tee',
  onHand: 10,
  held: 3,
  committed: 2,
  buyerLimit: null,
  holdTtlSeconds: 600,
  version: 7,
};

function bodyOf(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.body) as Record<string, unknown>;
}

function problemOf(answer: Answer): [number, string] {
  const document = problemDocument.parse(bodyOf(answer));
  expect(document.status).toBe(answer.status);
  return [answer.status, document.type];
}

describe('a reservation', () => {
  it('is written with ISO instants, and without what it has not', () => {
    expect(wireReservation.parse(presentReservation(reservation))).toEqual({
      id,
      status: 'held',
      buyerId: 'b',
      lines: [{ sku: 'tee', quantity: 2 }],
      createdAt: '1970-01-01T00:00:00.000Z',
      expiresAt: '1970-01-01T00:00:01.500Z',
    });
  });

  it('has its metadata as it was, and its order', () => {
    const metadata = '{"b":1,"a":[0.1,{"__proto__":null}]}';
    const written = presentReservation({ ...reservation, status: 'confirmed', metadata, orderId: order.id });
    expect(JSON.stringify(written.metadata)).toBe(metadata);
    expect(written.orderId).toBe(order.id);
  });

  it('is the same bytes whatever the store adds to its lines', () => {
    const lines = [{ quantity: 2, sku: 'tee', version: 9 }];
    expect(JSON.stringify(presentReservation({ ...reservation, lines }))).toBe(
      JSON.stringify(presentReservation(reservation)),
    );
  });
});

describe('refusals of reserve', () => {
  it.each([
    [{ kind: 'unknown-sku', sku: 'tee' }, 404, { sku: 'tee' }],
    [{ kind: 'sold-out', sku: 'tee', available: 0 }, 409, { sku: 'tee', available: 0 }],
    [{ kind: 'insufficient-stock', sku: 'tee', available: 1 }, 409, { sku: 'tee', available: 1 }],
    [
      { kind: 'duplicate-reservation', sku: 'tee', reservationId: id },
      409,
      { sku: 'tee', reservationId: id },
    ],
    [{ kind: 'buyer-limit-exceeded', sku: 'tee', buyerLimit: 2 }, 409, { sku: 'tee', buyerLimit: 2 }],
  ] as const)('%j', (outcome, status, members) => {
    const answer = presentReserve(outcome);
    expect(problemOf(answer)).toEqual([status, `/problems/${outcome.kind}`]);
    expect(bodyOf(answer)).toMatchObject(members);
  });

  it('are none when it is held', () => {
    const answer = presentReserve({ kind: 'held', reservation });
    expect(answer.status).toBe(201);
    expect(bodyOf(answer)).toEqual(presentReservation(reservation));
  });
});

describe('what comes too late', () => {
  it.each(reservationStatuses)('for a reservation that is %s says so', (status) => {
    const late = { kind: 'too-late', reservation: { ...reservation, status } } as const;
    for (const answer of [presentReservationOutcome(late), presentConfirm(late)]) {
      expect(problemOf(answer)).toEqual([409, `/problems/reservation-${status}`]);
      // How it is, and nothing of what it will be: most of these may still change.
      const detail = `The reservation is ${status}: it is too late for that`;
      expect(bodyOf(answer)).toMatchObject({ reservationId: id, detail });
    }
  });

  it.each(orderStatuses)('for an order that is %s says so', (status) => {
    const answer = presentOrderOutcome({ kind: 'too-late', order: { ...order, status } });
    expect(problemOf(answer)).toEqual([409, `/problems/order-${status}`]);
  });

  it('or for what was never heard of is a 404', () => {
    expect(problemOf(presentReservationOutcome({ kind: 'unknown-reservation' }))[0]).toBe(404);
    expect(problemOf(presentConfirm({ kind: 'unknown-reservation' }))[0]).toBe(404);
    expect(problemOf(presentOrderOutcome({ kind: 'unknown-order' }))).toEqual([
      404,
      '/problems/unknown-order',
    ]);
  });
});

describe('a confirmation that names money which goes back', () => {
  const paymentId = '01890a5d-ac96-874b-bcce-b302099a8059';

  it.each(['payment-refund-due', 'payment-refunded'] as const)('%s: says what to do', (kind) => {
    const answer = presentConfirm({ kind, paymentId, orderId: null });
    expect(problemOf(answer)).toEqual([409, `/problems/${kind}`]);
    expect(bodyOf(answer)).toMatchObject({ paymentId, detail: expect.stringContaining('another payment') });
    expect(bodyOf(answer)).not.toHaveProperty('orderId');
  });

  it('and the order that rests on other money, or on none', () => {
    const answer = presentConfirm({ kind: 'payment-refunded', paymentId, orderId: order.id });
    expect(bodyOf(answer)).toMatchObject({ paymentId, orderId: order.id });
  });
});

it('a confirmation has the reservation and its order', () => {
  const answer = presentConfirm({ kind: 'confirmed', reservation, order });
  expect(answer.status).toBe(200);
  expect(bodyOf(answer)).toEqual({
    reservation: presentReservation(reservation),
    order: presentOrder(order),
  });
  expect(wireOrder.parse(presentOrder(order)).createdAt).toBe('1970-01-01T00:00:02.000Z');
  expect(bodyOf(presentReservationOutcome({ kind: 'done', reservation }))).toMatchObject({ id });
  expect(bodyOf(presentOrderOutcome({ kind: 'done', order }))).toMatchObject({ id: order.id });
});

it('a payment in no currency of ISO 4217 is told so, by the field', () => {
  const answer = presentPay({ kind: 'unknown-currency', currency: 'ZZZ' });
  expect(problemOf(answer)).toEqual([422, '/problems/invalid-request']);
  expect(bodyOf(answer)).toMatchObject({ errors: [{ path: 'amount.currency' }] });
});

describe('an adjustment', () => {
  it('is answered with the level and its tag', () => {
    const answer = presentAdjust({ kind: 'adjusted', level });
    expect(wireStockLevel.parse(bodyOf(answer))).toEqual(presentStockLevel(level));
    expect(bodyOf(answer)).toMatchObject({ available: 5, version: 7 });
    expect(etagHeadersOf(answer)).toEqual({ etag: '"7"' });
  });

  it.each([
    [{ kind: 'unknown-sku', sku: 'tee' }, 404, 'unknown-sku'],
    [{ kind: 'version-mismatch', sku: 'tee', version: 8 }, 412, 'version-mismatch'],
    [{ kind: 'insufficient-stock', sku: 'tee', available: 1 }, 409, 'insufficient-stock'],
    [{ kind: 'too-much-stock', sku: 'tee' }, 422, 'invalid-request'],
  ] as const)('%j is refused, without a tag', (outcome, status, slug) => {
    const answer = presentAdjust(outcome);
    expect(problemOf(answer)).toEqual([status, `/problems/${slug}`]);
    expect(etagHeadersOf(answer)).toEqual({});
  });
});

describe('the wire and the domain', () => {
  it('know the same statuses', () => {
    expect([...wireReservationStatuses]).toEqual([...reservationStatuses]);
    expect([...wireOrderStatuses]).toEqual([...orderStatuses]);
  });

  it('know the same limits', () => {
    expect(limits).toMatchObject(wireLimits);
  });
});
