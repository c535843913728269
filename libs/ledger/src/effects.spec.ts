import { describe, expect, test } from '@jest/globals';
import type { JournalDecision, JournalEntry, JournalLine } from '#domain';
import { effectsOf, orderIdOf, type Effects } from './effects.js';

const live = ['held', 'paying'];

/** Entries of one journal each, in order: what is not said is of partition 0. */
function effects(...decisions: (JournalDecision & { readonly partition?: number })[]): Effects {
  return effectsOf(
    decisions.map((decision, index): JournalEntry => {
      const sequence = index + 1;
      return Object.assign({ partition: 0, epoch: 1, sequence, atMs: 1_000 * sequence }, decision);
    }),
  );
}

const lines = (version: number, buyerLimit: number | null = null): JournalLine[] => [
  { sku: 'A', quantity: 2, version, buyerLimit },
];
const of = { reservationId: 'r1', buyerId: 'me' };
const held = (version: number, partitions = [0], revived = false) =>
  ({
    kind: 'held',
    ...of,
    expiresAtMs: 60_000,
    lines: lines(version),
    metadata: null,
    partitions,
    revived,
  }) as const;
const ended = (
  kind: 'released' | 'expired' | 'confirmed' | 'cancelled' | 'reacquired',
  version: number,
  decides = true,
) => ({ kind, ...of, lines: lines(version, 5), decides, paymentId: null }) as const;
/** The same of a part in partition 1. */
const part = <Decision extends JournalDecision>(decision: Decision) => ({
  ...decision,
  partition: 1,
  ...('lines' in decision && { lines: decision.lines.map((line) => ({ ...line, sku: 'B' })) }),
});

describe('what a batch comes to', () => {
  test('a hold that ends in it is one row, as it ended, and its level has moved by nothing', () => {
    const { reservations, reservationChanges, levels, buyers } = effects(held(2), ended('released', 3));
    expect(reservations).toMatchObject([{ status: 'released', held_in: [], committed_in: [] }]);
    expect(reservationChanges).toEqual([]);
    expect(levels).toMatchObject([{ sku: 'A', held: 0, committed: 0, version: 3 }]);
    expect(buyers).toMatchObject([{ held: 0, committed: 0 }]);
  });

  test('a part that comes first is pending, until the deciding one is held: then it is one cart', () => {
    const before = effects(part(held(2, [0, 1])));
    expect(before.reservations).toMatchObject([{ status: 'pending', held_in: [1] }]);
    const { reservations } = effects(part(held(2, [0, 1])), held(3, [0, 1]));
    expect(reservations).toMatchObject([{ status: 'held', created_at: 2_000, held_in: [1, 0] }]);
    expect(reservations[0]!.lines).toEqual([
      { sku: 'B', quantity: 2, partition: 1 },
      { sku: 'A', quantity: 2, partition: 0 },
    ]);
  });

  test('a part that is held, given back and held again has its lines once', () => {
    const again = [part(held(2, [0, 1])), part(ended('released', 3, false)), part(held(4, [0, 1]))];
    const { reservations, returned } = effects(...again);
    expect(reservations).toMatchObject([{ status: 'pending', held_in: [1] }]);
    expect(reservations[0]!.lines).toHaveLength(1);
    expect(returned).toEqual(['r1']);
  });

  test('a payment of a new reservation is a change of it', () => {
    const amount = { value: 1, currency: 'EUR' };
    const paying = { kind: 'paying', reservationId: 'r1', paymentId: 'p1', provider: 'test' } as const;
    const { reservations, reservationChanges, payments } = effects(held(2), {
      ...paying,
      amount,
      deadlineMs: 90_000,
    });
    expect(reservations).toMatchObject([{ status: 'held' }]);
    const change = { id: 'r1', of: live, status: 'paying', payment_id: 'p1', payment_deadline: 90_000 };
    expect(reservationChanges).toMatchObject([change]);
    expect(payments).toMatchObject([{ id: 'p1', reservation_id: 'r1', amount: 1 }]);
  });
});

describe('what becomes of a reservation that is known', () => {
  const change = (...decisions: Parameters<typeof effects>) => effects(...decisions).reservationChanges[0];

  test('its deadline is what the deciding partition says', () => {
    const extended = { kind: 'extended', reservationId: 'r1', expiresAtMs: 70_000 } as const;
    expect(change({ ...extended, decides: true })).toMatchObject({ of: live, expires_at: 70_000 });
    expect(change({ ...extended, decides: false })).toBeUndefined();
  });

  test.each([
    ['released', { from_held: [0], held_in: [], committed_in: [] }],
    ['expired', { from_held: [0], held_in: [], committed_in: [] }],
    ['confirmed', { from_held: [0], held_in: [], committed_in: [0] }],
  ] as const)('%s: what it was before, and is then', (kind, parts) => {
    expect(change(ended(kind, 3))).toMatchObject({ of: live, status: kind, parts: [0], ...parts });
  });

  test('two words on it: it is what the last says, and was what the first says', () => {
    const due = { kind: 'refund-due', reservationId: 'r1', paymentId: 'p1' } as const;
    expect(change(ended('expired', 3), due)).toMatchObject({ of: live, status: 'refund-due' });
    const soldAndBack = change(ended('confirmed', 3), ended('cancelled', 4, false));
    expect(soldAndBack).toMatchObject({ from_held: [0], from_committed: [], committed_in: [] });
    const heldAgain = change(part(ended('released', 3, false)), part(held(4, [0, 1], true)));
    expect(heldAgain).toMatchObject({
      of: null,
      parts: [1],
      from_held: [1],
      from_returned: [],
      held_in: [1],
    });
  });

  test('money that came late finds it waiting for that, and takes units under the limit of now', () => {
    const { reservationChanges, buyers, orders } = effects({ ...ended('reacquired', 3), paymentId: 'p1' });
    const parts = { from_returned: [0], committed_in: [0] };
    expect(reservationChanges).toMatchObject([{ of: ['late-paid'], status: 'confirmed', ...parts }]);
    expect(buyers).toMatchObject([{ held: 0, committed: 2, granted: true, buyer_limit: 5 }]);
    expect(orders).toMatchObject([{ id: orderIdOf('r1'), payment_id: 'p1' }]);
    const due = { kind: 'refund-due', reservationId: 'r1', paymentId: 'p1' } as const;
    expect(change(due)).toMatchObject({ of: ['late-paid'], status: 'refund-due' });
  });

  test('only the deciding partition makes an order, and only other parts may be the last that come back', () => {
    expect(effects(part(ended('confirmed', 3, false))).orders).toEqual([]);
    expect(effects(ended('confirmed', 3)).orders).toHaveLength(1);
    expect(effects(part(ended('expired', 3, false))).returned).toEqual(['r1']);
    expect(effects(ended('expired', 3)).returned).toEqual([]);
    expect(effects(ended('cancelled', 3, false)).returned).toEqual(['r1']);
  });
});
