import { expect, test } from '@jest/globals';
import { stampOf, StockCells } from './stock-cells.js';

test('more SKUs than there is room for are turned away, until all are forgotten', () => {
  const cells = StockCells.create();
  const learn = (number: number): boolean => cells.learn(`sku-${number}`, stampOf(1, 1), 5);
  const learned = Array.from({ length: 120_000 }, (_, number) => learn(number));
  expect([learned.indexOf(false), learned.lastIndexOf(true)]).toEqual([100_000, 99_999]);
  expect(cells.learn('sku-7', stampOf(1, 2), 4)).toBe(true);
  expect(cells.unitsAt('sku-7', stampOf(1, 2))).toBe(4);
  cells.clear();
  expect(learn(100_000)).toBe(true);
});

test('more units than a cell counts are as many as it counts: never none, and never another level', () => {
  const cells = StockCells.create();
  const most = 2 ** 20 - 1;
  for (const available of [most, most + 1, Number.MAX_SAFE_INTEGER]) {
    const stamp = stampOf(1, available % 1_000);
    cells.clear();
    cells.learn('A', stamp, available);
    expect(cells.unitsAt('A', stamp)).toBe(most);
    cells.giveBack('A', 2);
    expect(cells.unitsAt('A', stamp)).toBe(most);
    expect(cells.take('A', most)).toBe(true);
    cells.giveBack('A', available);
    expect(cells.unitsAt('A', stamp)).toBe(most);
  }
});

test('epochs and versions are compared as serial numbers, beyond their bits too', () => {
  const cells = StockCells.create();
  let before = stampOf(510, 1);
  for (const [epoch, version] of [
    [511, 7],
    [512, 1],
    [512, 2 ** 33],
    [512, 2 ** 34 - 1],
    [512, 2 ** 34],
    [513, 1],
  ] as const) {
    const stamp = stampOf(epoch, version);
    cells.learn('A', stamp, 5);
    cells.learn('A', before, 9);
    expect([epoch, version, cells.unitsAt('A', stamp)]).toEqual([epoch, version, 5]);
    before = stamp;
  }
});
