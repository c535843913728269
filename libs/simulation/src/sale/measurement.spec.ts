import { expect, test } from '@jest/globals';
import { Measurement } from './measurement.js';

test('a latency runs from the planned arrival: who was kept waiting is not forgotten', () => {
  const measurement = new Measurement(1_000);
  // A stall of a second: a hundred came meanwhile, and are all answered when it is over.
  for (let arrivedAtMs = 0; arrivedAtMs < 1_000; arrivedAtMs += 10) {
    measurement.arrived(arrivedAtMs);
    measurement.settled({ kind: 'accepted', arrivedAtMs, nowMs: 1_000 });
  }
  const { accepted, rejected } = measurement.latencyMs();
  expect(accepted.p50).toBeGreaterThan(480);
  expect(accepted.p50).toBeLessThan(520);
  expect(accepted.max).toBe(1_000);
  expect(rejected).toEqual({ p50: 0, p90: 0, p99: 0, max: 0 });
});

test('a timeline has every step, with what was left carried on', () => {
  const measurement = new Measurement(1_000);
  measurement.unitsLeft(5, 0);
  measurement.arrived(50);
  measurement.settled({ kind: 'refused', because: 'soldOut', arrivedAtMs: 50, nowMs: 350 });
  measurement.settled({ kind: 'refused', because: 'error', arrivedAtMs: 50, nowMs: 350 });
  measurement.unitsLeft(4, 250);
  expect(measurement.timeline()).toEqual({
    stepMs: 100,
    arrivals: [1, 0, 0, 0],
    accepted: [0, 0, 0, 0],
    refused: [0, 0, 0, 1],
    errors: [0, 0, 0, 1],
    confirmed: [0, 0, 0, 0],
    unitsLeft: [5, 5, 4, 4],
    p99Ms: [null, null, null, 300],
  });
  expect(measurement.refusals).toBe(2);
});
