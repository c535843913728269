import { expect, test } from '@jest/globals';
import { stampOf, StockCells } from './stock-cells.js';

test('more SKUs than there is room for are turned away, until all are forgotten', () => {
  const cells = StockCells.create();
  const learn = (number: number): boolean => cells.learn(`sku-${number}`, stampOf(1, 1), 5);
  for (let number = 0; number < 100_000; number += 1) expect(learn(number)).toBe(true);
  for (let number = 100_000; number < 120_000; number += 1) expect(learn(number)).toBe(false);
  expect(cells.learn('sku-7', stampOf(1, 2), 4)).toBe(true);
  expect(cells.unitsAt('sku-7', stampOf(1, 2))).toBe(4);
  cells.clear();
  expect(learn(100_000)).toBe(true);
});
