import { describe, expect, test } from '@jest/globals';
import { type Arrivals, scenario, type ScenarioInput } from '#contracts';
import { planOf } from './plan.js';

const plan = (input: ScenarioInput) => planOf(scenario.parse(input));

describe('a plan', () => {
  test('repeats with its seed, and only with it', () => {
    const input = { buyers: 200, skus: 5, cart: { linesMax: 3 }, repeatClicks: { share: 0.3 } } as const;
    expect(plan({ ...input, seed: 7 })).toEqual(plan({ ...input, seed: 7 }));
    expect(plan({ ...input, seed: 7 }).requests).not.toEqual(plan({ ...input, seed: 8 }).requests);
  });

  test('is the same whoever sells', () => {
    const of = (strategy: 'holdfast' | 'redlock') => plan({ buyers: 50, strategy }).requests;
    expect(of('holdfast')).toEqual(of('redlock'));
  });

  test('spreads every unit, and none more', () => {
    const { stock } = plan({ stock: 103, skus: 10 });
    expect([...stock.values()].reduce((sum, units) => sum + units)).toBe(103);
    expect(new Set(stock.values())).toEqual(new Set([10, 11]));
  });

  test.each<[Arrivals, number]>([
    [{ curve: 'spike', seconds: 10 }, 0.7],
    [{ curve: 'ramp', seconds: 10 }, 0.25],
    [{ curve: 'steady', seconds: 10 }, 0.5],
    [{ curve: 'recorded', perSecond: [0, 0, 0, 0, 0, 3, 1, 0, 0, 0] }, 0],
  ])('%j: this share comes in the first half', (arrivals, share) => {
    const times = plan({ buyers: 4_000, arrivals }).requests.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((left, right) => left - right));
    expect(times.every((atMs) => atMs >= 0 && atMs <= 10_000)).toBe(true);
    const firstHalf = times.filter((atMs) => atMs < 5_000).length / times.length;
    expect(Math.abs(firstHalf - share)).toBeLessThan(share === 0.7 ? 0.15 : 0.03);
  });

  test('a recorded curve follows its weights', () => {
    const arrivals = { curve: 'recorded' as const, perSecond: [1, 0, 3] };
    const { requests } = plan({ buyers: 4_000, arrivals });
    const seconds = requests.map(({ atMs }) => Math.floor(atMs / 1_000));
    expect(seconds).not.toContain(1);
    expect(seconds.filter((second) => second === 2).length / 4_000).toBeCloseTo(0.75, 1);
  });

  test('repeated clicks are requests of the same buyer under keys of their own', () => {
    const { requests } = plan({ buyers: 10, repeatClicks: { share: 1, clicks: 2, everyMs: 100 } });
    expect(requests).toHaveLength(30);
    expect(new Set(requests.map(({ key }) => key)).size).toBe(30);
    expect(new Set(requests.map(({ buyer }) => buyer.id)).size).toBe(10);
  });

  test('favourites are wanted more', () => {
    const { requests } = plan({ buyers: 3_000, skus: 10, popularity: 'skewed' });
    const wants = (sku: string) => requests.filter(({ buyer }) => buyer.lines[0]!.sku === sku).length;
    expect(wants('sim-1')).toBeGreaterThan(5 * wants('sim-10'));
  });

  test('intentions come in their shares', () => {
    const { requests } = plan({ buyers: 4_000, payment: { declineShare: 0.1, abandonShare: 0.2 } });
    const share = (kind: string) =>
      requests.filter(({ buyer }) => buyer.intention.kind === kind).length / requests.length;
    expect(share('abandon')).toBeCloseTo(0.2, 1);
    expect(share('decline')).toBeCloseTo(0.1, 1);
  });
});
