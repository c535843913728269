/** The report of a sale, as it is shown, written and compared. */
import type { Scenario, SimulationReport } from '#contracts';
import type { Sale } from '../sale/sale.js';
import type { Verdict } from '../real/verdict.js';

type Judged = Verdict & Pick<SimulationReport, 'faults'>;

export function reportOf(sale: Sale, scenario: Scenario, judged: Judged): SimulationReport {
  const { measurement } = sale;
  // Until the last answer: what happens while payments are slow is no matter of throughput.
  const seconds = Math.max(measurement.lastAnswerMs, 1) / 1_000;
  const perSecond = (count: number) => rounded(count / seconds);
  return {
    strategy: scenario.strategy,
    seed: scenario.seed,
    buyers: scenario.buyers,
    stock: scenario.stock,
    accepted: measurement.accepted,
    confirmed: measurement.funnel.confirmed,
    oversold: judged.oversold,
    undersold: judged.undersold,
    rejected: { ...measurement.rejected },
    invariants: judged.invariants,
    throughput: {
      acceptedPerSecond: perSecond(measurement.accepted),
      rejectedPerSecond: perSecond(measurement.refusals),
      requestsPerSecond: perSecond(measurement.accepted + measurement.refusals),
    },
    latencyMs: measurement.latencyMs(),
    durationMs: Math.round(sale.elapsedMs()),
    scenario,
    requests: measurement.requests,
    interrupted: sale.interrupted,
    funnel: { requests: measurement.requests, accepted: measurement.accepted, ...measurement.funnel },
    crash: judged.crash,
    faults: judged.faults,
    timeline: measurement.timeline(),
    percentiles: measurement.percentiles(),
  };
}

/** Whether every invariant held. */
export function isSound({ invariants }: Pick<SimulationReport, 'invariants'>): boolean {
  return invariants.every(({ ok }) => ok);
}

function rounded(number: number): number {
  return Math.round(number * 100) / 100;
}
