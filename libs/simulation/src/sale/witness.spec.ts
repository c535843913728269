import { beforeEach, describe, expect, test } from '@jest/globals';
import { Witness } from './witness.js';

let witness: Witness;
let told = 0;
beforeEach(() => {
  witness = new Witness(2);
  witness.stocked('A', 2);
});

function hold(
  atMs: number,
  expiresAtMs: number | null,
  quantity = 1,
  buyerId = `buyer-${(told += 1)}`,
): string {
  const id = `reservation-${(told += 1)}`;
  witness.acknowledged({ id, buyerId, lines: [{ sku: 'A', quantity }], atMs, expiresAtMs });
  return id;
}

describe('the witness', () => {
  test('counts each unit acknowledged beyond those there were', () => {
    hold(0, null);
    hold(0, null);
    expect(witness.oversold()).toBe(0);
    hold(1, null);
    hold(2, null);
    expect(witness.oversold()).toBe(2);
  });

  test('a unit may be sold on at the instant its hold ends, and not before', () => {
    hold(0, 1_000, 2);
    hold(1_000, 2_000);
    expect(witness.oversold()).toBe(0);
    hold(1_999, 3_000, 2);
    expect(witness.oversold()).toBe(1);
  });

  test('holds that end out of order are taken back in order', () => {
    hold(0, 5_000);
    hold(0, 1_000);
    expect(witness.unitsLeft(1_500)).toBe(1);
    expect(witness.unitsLeft(5_000)).toBe(2);
  });

  test('a unit that its buyer gives back may be sold from the moment of asking', () => {
    const id = hold(0, 9_000, 2);
    witness.givingBack(id);
    hold(1, 9_000, 2);
    expect(witness.oversold()).toBe(0);
  });

  test('what is confirmed ends no more', () => {
    witness.confirmed(hold(0, 1_000, 2));
    hold(2_000, 3_000);
    expect(witness.oversold()).toBe(1);
    expect(witness.live(9_000)).toHaveLength(1);
  });

  test('remembers the worst moment', () => {
    const id = hold(0, null, 2);
    witness.givingBack(hold(0, null));
    witness.givingBack(id);
    expect(witness.oversold()).toBe(1);
    expect(witness.unitsLeft(0)).toBe(2);
  });

  test('a restock counts from the moment of asking', () => {
    hold(0, null, 2);
    witness.restocking('A', 1);
    hold(1, null);
    expect(witness.oversold()).toBe(0);
  });

  test('undersold: left over though wanted, in carts that could be filled whole', () => {
    const carts = (...quantities: number[]) => quantities.map((quantity) => [{ sku: 'A', quantity }]);
    expect(witness.undersold(0, [])).toBe(0);
    expect(witness.undersold(0, carts(1))).toBe(1);
    expect(witness.undersold(0, carts(1, 1, 1))).toBe(2);
    expect(witness.undersold(0, carts(3))).toBe(0);
    witness.stocked('gone', 0);
    expect(witness.undersold(0, [[...carts(1)[0]!, { sku: 'gone', quantity: 1 }]])).toBe(0);
    hold(0, 1_000, 2);
    expect(witness.undersold(500, carts(1))).toBe(0);
    expect(witness.undersold(1_000, carts(1))).toBe(1);
  });

  test('sees one reservation acknowledged to two, and a buyer beyond the limit', () => {
    const lines = [{ sku: 'A', quantity: 1 }];
    for (const buyerId of ['ada', 'bob'])
      witness.acknowledged({ id: 'same', buyerId, lines, atMs: 0, expiresAtMs: null });
    expect(witness.acknowledgedTwice).toBe(1);
    expect(witness.beyondLimit).toBe(0);
    hold(0, null, 3, 'cleo');
    expect(witness.beyondLimit).toBe(1);
  });
});
