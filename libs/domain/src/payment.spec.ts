import { describe, expect, test } from '@jest/globals';
import {
  paymentAfter,
  paymentStatuses,
  paymentTransitions,
  type PaymentEvent,
  type PaymentStatus,
} from './payment.js';

const events: PaymentEvent[] = ['accept', 'capture', 'fail', 'owe', 'refund'];

describe('the table of payment states', () => {
  test('answers every pair of status and event', () => {
    for (const status of paymentStatuses) {
      expect(Object.keys(paymentTransitions[status]).sort()).toEqual([...events].sort());
    }
  });

  test('answers the event that led to a status with the same again', () => {
    for (const status of paymentStatuses) {
      for (const event of events) {
        const next = paymentAfter(status, event);
        if (next) expect(paymentTransitions[next][event]).toBe('same');
      }
    }
  });

  test('ends alike in whatever order the provider’s word arrives, however often', () => {
    const told: PaymentEvent[] = ['accept', 'capture', 'fail', 'accept', 'capture', 'fail'];
    for (const order of permutations(told)) {
      const end = order.reduce<PaymentStatus>(
        (status, event) => paymentAfter(status, event) ?? status,
        'created',
      );
      expect(end).toBe('captured');
    }
  });

  test('never forgets money: what was captured can only stay or go back', () => {
    for (const status of ['captured', 'refund-due', 'refunded'] as const) {
      for (const event of events) {
        const next = paymentAfter(status, event) ?? status;
        expect(['captured', 'refund-due', 'refunded']).toContain(next);
      }
    }
  });
});

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length < 2) return [items.slice()];
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item].concat(rest)));
}
