import { beforeEach, describe, expect, test } from '@jest/globals';
import { SkuBuyers } from './sku-buyers.js';

describe('the buyers of a SKU', () => {
  let buyers: SkuBuyers;
  beforeEach(() => {
    buyers = new SkuBuyers(3);
  });

  test('are known once the ledger has said who they are, and what was heard meanwhile counts', () => {
    buyers.heard('first', 1, 7);
    expect(buyers.hasNothing('nobody')).toBe(false);
    buyers.complete(['first', 'second']);
    expect(['first', 'second', 'nobody'].map((name) => buyers.hasNothing(name))).toEqual([
      false,
      false,
      true,
    ]);
    buyers.heard('first', 0, 6);
    expect(buyers.hasNothing('first')).toBe(false);
  });

  test('come and go, and older words change nothing', () => {
    buyers.complete(['old']);
    buyers.heard('old', 0, 4);
    buyers.heard('new', 1, 9);
    buyers.heard('new', 0, 8);
    expect(['old', 'new'].map((name) => buyers.hasNothing(name))).toEqual([true, false]);
    buyers.heard('new', 0, 10);
    expect(buyers.hasNothing('new')).toBe(true);
  });

  test.each(['heard of', 'in the ledger'])(
    'when there are more than are kept, %s, nobody has nothing',
    (where) => {
      const names = ['1', '2', '3', '4'];
      if (where === 'in the ledger') buyers.complete(names);
      else {
        buyers.complete([]);
        for (const name of names) buyers.heard(name, 1, 1);
      }
      for (const name of names) buyers.heard(name, 0, 2);
      buyers.heard('5', 1, 3);
      expect(['1', '4', '5', 'nobody'].filter((name) => buyers.hasNothing(name))).toEqual([]);
    },
  );
});
