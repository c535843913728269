import { describe, expect, it } from '@jest/globals';
import { StockHistory } from './stock-history.js';

const level = (available: number, held = 0, committed = 0) => ({
  sku: 'tee',
  onHand: available + held + committed,
  available,
  held,
  committed,
  buyerLimit: null,
  holdTtlSeconds: 600,
  version: 1,
});

describe('what is left', () => {
  it('is estimated to last as long as it would at the pace of the last 15 s', () => {
    const history = new StockHistory();
    for (let second = 0; second <= 30; second++) history.add(level(100 - 2 * second), second * 1_000);
    expect(history.ratePerSecond('available', 30_000)).toBe(-2);
    expect(history.secondsToSellOut(30_000)).toBe(20);
  });

  it('has no end in sight while it does not fall, or before a second was seen', () => {
    const history = new StockHistory();
    expect(history.secondsToSellOut(0)).toBeNull();
    history.add(level(10), 0);
    expect(history.secondsToSellOut(500)).toBeNull();
    history.add(level(12), 5_000);
    expect(history.secondsToSellOut(6_000)).toBeNull();
  });

  it('lasts longer the longer nothing happens', () => {
    const history = new StockHistory();
    history.add(level(100), 0);
    history.add(level(90), 1_000);
    expect(history.secondsToSellOut(1_000)).toBe(9);
    expect(history.secondsToSellOut(10_000)).toBe(90);
    expect(history.secondsToSellOut(60_000)).toBeNull();
  });
});

describe('the points', () => {
  it('stay bounded through the longest sale, and keep its beginning and its end', () => {
    const history = new StockHistory();
    for (let at = 0; at < 50_000; at++) history.add(level(50_000 - at), at * 1_000);
    expect(history.points.length).toBeLessThanOrEqual(2_000);
    expect(history.points[0]!.available).toBe(50_000);
    expect(history.latest!.available).toBe(1);
    const times = history.points.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((left, right) => left - right));
  });

  it('take one of several levels of the same moment: the last', () => {
    const history = new StockHistory();
    for (let at = 0; at < 10; at++) history.add(level(10 - at), 1_000 + at * 10);
    expect(history.points.map(({ available }) => available)).toEqual([10, 1]);
  });
});
