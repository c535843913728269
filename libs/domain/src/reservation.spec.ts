import { describe, expect, test } from '@jest/globals';
import {
  mergeLines,
  reservationStatuses,
  reservationTransitions,
  statusAt,
  type ReservationEvent,
} from './reservation.js';

const events: ReservationEvent[] = ['extend', 'release', 'expire', 'confirm', 'fulfil', 'cancel'];
const ended = new Set(['released', 'expired', 'cancelled']);

describe('the table of reservation states', () => {
  test('answers every pair of status and event', () => {
    for (const status of reservationStatuses) {
      expect(Object.keys(reservationTransitions[status]).sort()).toEqual([...events].sort());
    }
  });

  test('never leaves a status whose units have gone back', () => {
    for (const status of reservationStatuses.filter((status) => ended.has(status))) {
      for (const event of events)
        expect(['same', 'too-late']).toContain(reservationTransitions[status][event]);
    }
  });

  test('answers the event that led to a status with the same again', () => {
    for (const status of reservationStatuses) {
      for (const event of events) {
        const next = reservationTransitions[status][event];
        if (next === 'same' || next === 'too-late' || next === 'too-early' || event === 'extend') continue;
        expect(reservationTransitions[next][event]).toBe('same');
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

test('a hold has lapsed at its deadline, not before', () => {
  expect(statusAt({ status: 'held', expiresAtMs: 1000 }, 999)).toBe('held');
  expect(statusAt({ status: 'held', expiresAtMs: 1000 }, 1000)).toBe('expired');
  expect(statusAt({ status: 'confirmed', expiresAtMs: 1000 }, 2000)).toBe('confirmed');
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
