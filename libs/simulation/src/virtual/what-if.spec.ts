import { describe, expect, test } from '@jest/globals';
import { scenario } from '#contracts';
import { rehearseVirtually } from './rehearse-virtually.js';
import { differences, latencyTargetMs, recommend, sweep } from './what-if.js';

/** Payments take up to forty seconds, a third walks away, and there are buyers all along. */
const slowPayers = scenario.parse({
  time: 'virtual',
  buyers: 600,
  stock: 60,
  holdTtlSeconds: 20,
  arrivals: { curve: 'steady', seconds: 1_200 },
  payment: { delaySeconds: { min: 5, max: 40 }, abandonShare: 0.3 },
});

describe('a sweep', () => {
  test('changes one thing and leaves the rest as it is', async () => {
    const rows = await sweep(slowPayers, 'holdTtlSeconds', [10, 60]);
    expect(rows.map(({ value }) => value)).toEqual([10, 60]);
    const [short, long] = rows.map(({ report }) => report);
    expect(short!.scenario).toEqual({ ...slowPayers, holdTtlSeconds: 10 });
    expect(short!.funnel.tooLate).toBeGreaterThan(0);
    expect(long!.funnel.tooLate).toBe(0);
    expect(short!.oversold + long!.oversold).toBe(0);
  });

  test.each([
    ['buyerLimit', [1]],
    ['buyers', [50, 100]],
    ['arrivalSeconds', [60, 600]],
    ['paymentDelaySeconds', [1, 100]],
    ['instances', [1, 2]],
  ] as const)('over %s', async (field, values) => {
    const rows = await sweep(slowPayers, field, values);
    expect(rows).toHaveLength(values.length);
    expect(rows.every(({ report }) => report.invariants.every(({ ok }) => ok))).toBe(true);
  });

  test('refuses values that no scenario may have', async () => {
    await expect(sweep(slowPayers, 'instances', [99])).rejects.toThrow();
    await expect(sweep(slowPayers, 'holdTtlSeconds', [0.5])).rejects.toThrow();
    const recorded = { ...slowPayers, arrivals: { curve: 'recorded' as const, perSecond: [1, 2] } };
    await expect(sweep(recorded, 'arrivalSeconds', [5])).rejects.toThrow();
  });
});

describe('a recommendation', () => {
  test('is the shortest hold that lets everybody pay, with all that was tried', async () => {
    const { holdTtlSeconds, instances, enough, reasoning } = await recommend(slowPayers);
    expect(holdTtlSeconds).toBe(60);
    expect({ instances, enough }).toEqual({ instances: 1, enough: true });
    expect(
      reasoning.some((line) => line.startsWith('hold 30 s') && !line.includes(' 0 payments too late')),
    ).toBe(true);
    expect(reasoning.some((line) => line.includes('<- recommended'))).toBe(true);
  });

  test('has more instances for a crowd that one cannot serve in time', async () => {
    const crowd = scenario.parse({
      time: 'virtual',
      buyers: 5_000,
      stock: 5_000,
      arrivals: { curve: 'steady', seconds: 0.1 },
    });
    const { instances, enough, reasoning } = await recommend(crowd);
    expect(enough).toBe(true);
    expect(instances).toBeGreaterThan(1);
    expect(reasoning.join('\n')).toContain(`within ${latencyTargetMs} ms`);
  }, 60_000);
});

test('differences are of the larger of the two, in percent', async () => {
  const report = await rehearseVirtually(slowPayers);
  const other = { ...report, accepted: report.accepted * 2 };
  const rows = differences(report, other);
  expect(rows.find(({ figure }) => figure === 'accepted')).toMatchObject({ percent: 50 });
  expect(rows.filter(({ percent }) => percent > 0)).toHaveLength(1);
});
