import { describe, expect, it } from '@jest/globals';
import { OutcomeRates, parseOutcomes, summed } from './outcomes.js';

const page = `# HELP holdfast_reservations_total Attempts
# TYPE holdfast_reservations_total counter
holdfast_reservations_total{outcome="held"} 12
holdfast_reservations_total{outcome="sold-out"} 1e+06
holdfast_reservations_total{thread="1",outcome="held"} 3
holdfast_reservations_total_created{outcome="held"} 99
other_total{outcome="held"} 7
`;

it('reads the attempts by outcome, whatever other labels there are, and nothing else', () => {
  expect(parseOutcomes(page)).toEqual({ held: 15, 'sold-out': 1_000_000 });
});

describe('rates', () => {
  it('are differences over the seconds between', () => {
    const rates = new OutcomeRates();
    rates.add({ held: 10, 'sold-out': 0 }, 1_000);
    expect(rates.perSecond()).toBeNull();
    rates.add({ held: 30, 'sold-out': 400 }, 3_000);
    expect(rates.perSecond()).toEqual({ held: 10, 'sold-out': 200 });
    expect(rates.points).toEqual([{ atMs: 3_000, accepted: 10, refused: 200 }]);
  });

  it('count from nothing when the service was started again', () => {
    const rates = new OutcomeRates();
    rates.add({ held: 1_000 }, 0);
    rates.add({ held: 4 }, 2_000);
    expect(rates.perSecond()).toEqual({ held: 2 });
  });

  it('forget what is older than a few seconds', () => {
    const rates = new OutcomeRates();
    rates.add({ held: 0 }, 0);
    rates.add({ held: 1_000 }, 1_000);
    for (let second = 2; second < 12; second++) rates.add({ held: 1_000 }, second * 1_000);
    expect(rates.perSecond()).toEqual({ held: 0 });
  });

  it('call refused what was decided against the buyer, not what failed', () => {
    expect(
      summed({ held: 1, 'sold-out': 2, 'duplicate-reservation': 3, unavailable: 50, error: 60 }),
    ).toEqual({
      accepted: 1,
      refused: 5,
    });
  });
});
