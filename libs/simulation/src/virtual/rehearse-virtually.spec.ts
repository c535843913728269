import { describe, expect, test } from '@jest/globals';
import { scenario, type ScenarioInput, simulationReport } from '#contracts';
import { rehearseVirtually } from './rehearse-virtually.js';

const run = (input: ScenarioInput) => rehearseVirtually(scenario.parse({ time: 'virtual', ...input }));

const busy = {
  buyers: 600,
  stock: 200,
  skus: 4,
  holdTtlSeconds: 5,
  buyerLimit: 2,
  arrivals: { curve: 'steady', seconds: 60 },
  cart: { linesMax: 3, quantityMax: 2 },
  repeatClicks: { share: 0.2, clicks: 2 },
  payment: { delaySeconds: { min: 0.1, max: 6 }, declineShare: 0.1, abandonShare: 0.2 },
  restocks: [{ atSeconds: 30, units: 40 }],
} as const satisfies ScenarioInput;

describe('a rehearsal in virtual time', () => {
  test('a seed repeats it byte by byte, another one does not', async () => {
    const [first, second, other] = [await run(busy), await run(busy), await run({ ...busy, seed: 2 })];
    expect(JSON.stringify(second)).toBe(JSON.stringify(first));
    expect(JSON.stringify(other)).not.toBe(JSON.stringify(first));
  });

  test('gives a report of the form that the contract names, with every invariant', async () => {
    const report = await run(busy);
    expect(simulationReport.parse(report)).toEqual(report);
    expect(report.invariants.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.oversold).toBe(0);
  });

  test('everything that happens in it happens', async () => {
    const { funnel, rejected, requests, accepted } = await run(busy);
    expect(requests).toBe(accepted + Object.values(rejected).reduce((sum, count) => sum + count, 0));
    for (const count of [
      funnel.abandoned,
      funnel.declined,
      funnel.tooLate,
      rejected.soldOut,
      rejected.duplicate,
    ])
      expect(count).toBeGreaterThan(0);
    expect(accepted).toBe(funnel.abandoned + funnel.declined + funnel.tooLate + funnel.confirmed);
  });

  test('lapsed holds are sold again', async () => {
    const abandoned = { buyers: 200, stock: 10, arrivals: { curve: 'steady', seconds: 100 } } as const;
    const payment = { abandonShare: 1 };
    const long = await run({ ...abandoned, payment, holdTtlSeconds: 600 });
    const short = await run({ ...abandoned, payment, holdTtlSeconds: 10 });
    expect(long.accepted).toBe(10);
    expect(short.accepted).toBeGreaterThan(80);
    expect(short.oversold).toBe(0);
  });

  test('an instance that is too slow makes people wait, and another one helps', async () => {
    const crowd = { buyers: 3_000, stock: 3_000, arrivals: { curve: 'steady', seconds: 0.5 } } as const;
    const [one, four] = [await run(crowd), await run({ ...crowd, instances: 4 })];
    expect(one.latencyMs.accepted.p99).toBeGreaterThan(200);
    expect(four.latencyMs.accepted.p99).toBeLessThan(one.latencyMs.accepted.p99 / 2);
  });

  test('bots take what there is, and what lapses comes to people', async () => {
    const report = await run({
      buyers: 100,
      stock: 20,
      holdTtlSeconds: 2,
      arrivals: { curve: 'steady', seconds: 10 },
      bots: { count: 20, requestsEach: 50, everyMs: 20 },
    });
    expect(report.funnel.abandoned).toBeGreaterThan(0);
    expect(report.confirmed).toBe(20);
  });

  test('a day is over in seconds', async () => {
    const report = await run({ buyers: 2_000, stock: 500, arrivals: { curve: 'ramp', seconds: 86_400 } });
    expect(report.confirmed).toBe(500);
    expect(report.durationMs).toBeGreaterThan(80_000_000);
  });
});
