import { describe, expect, test } from '@jest/globals';
import {
  mergeLines,
  reservationStatuses,
  reservationTransitions,
  statusAt,
  type ReservationEvent,
  type ReservationStatus,
} from './reservation.js';

const events = Object.keys(reservationTransitions.held) as ReservationEvent[];
const outcomes = new Set<string>(['same', 'pending', 'too-late', 'too-early']);

describe('the table of reservation states', () => {
  test('answers every pair of status and event', () => {
    for (const status of reservationStatuses) {
      expect(Object.keys(reservationTransitions[status]).sort()).toEqual([...events].sort());
    }
  });

  test('gives units that have gone back to nobody but late money for which they were found again', () => {
    const live = new Set<string>(['held', 'paying', 'confirmed', 'fulfilled']);
    for (const status of reservationStatuses.filter((status) => !live.has(status))) {
      for (const event of events) {
        const next = reservationTransitions[status][event];
        if (live.has(next)) expect([status, event, next]).toEqual(['late-paid', 'reacquire', 'confirmed']);
      }
    }
  });

  test('gives money back once, and never for what has become an order', () => {
    for (const status of reservationStatuses) {
      const next = reservationTransitions[status].refund;
      expect(next === 'refunded').toBe(status === 'refund-due');
      if (reservationTransitions[status].owe === 'refund-due') expect(status).toBe('late-paid');
    }
  });

  test('keeps what is being paid from everything but its payment and its own deadline', () => {
    const moves = events.filter((event) => !outcomes.has(reservationTransitions.paying[event]));
    expect(moves).toEqual(['expire', 'fail', 'capture']);
  });

  test('answers the event that led to a status with the same again', () => {
    for (const status of reservationStatuses) {
      for (const event of events) {
        const next = reservationTransitions[status][event];
        if (outcomes.has(next) || event === 'extend') continue;
        expect(reservationTransitions[next as ReservationStatus][event]).toBe('same');
      }
    }
  });

  test('lets exactly one of release, expire and confirm win', () => {
    for (const [first, second] of [
      ['release', 'confirm'],
      ['expire', 'confirm'],
      ['expire', 'release'],
      ['confirm', 'release'],
    ] as const) {
      const won = reservationTransitions.held[first];
      expect(reservationTransitions[won][second]).toBe('too-late');
    }
  });
});

test('a hold has lapsed at its deadline, not before; while it is being paid, at that of the payment', () => {
  const hold = { status: 'held', expiresAtMs: 1000, paying: null } as const;
  expect(statusAt(hold, 999)).toBe('held');
  expect(statusAt(hold, 1000)).toBe('expired');
  expect(statusAt({ ...hold, status: 'confirmed' }, 2000)).toBe('confirmed');
  const paying = { ...hold, status: 'paying', paying: { paymentId: 'p', deadlineMs: 3000 } } as const;
  expect(statusAt(paying, 2999)).toBe('paying');
  expect(statusAt(paying, 3000)).toBe('expired');
});

test('lines of one SKU are summed in the order of first mention', () => {
  expect(
    mergeLines([
      { sku: 'B', quantity: 1 },
      { sku: 'A', quantity: 2 },
      { sku: 'B', quantity: 3 },
    ]),
  ).toEqual([
    { sku: 'B', quantity: 4 },
    { sku: 'A', quantity: 2 },
  ]);
});
