/**
 * What if: one scenario in virtual time again and again, with one thing changed each time; what follows from it for the
 * time to live of holds and for the number of instances; and how far virtual time is from a real run.
 */
import {
  type Scenario,
  scenario as scenarioSchema,
  simulationLimits,
  type SimulationReport,
} from '#contracts';
import { benchmarkCosts, rehearseVirtually, type VirtualOptions } from './rehearse-virtually.js';
import type { Costs } from './virtual-shop.js';

export const sweepFields = [
  'holdTtlSeconds',
  'buyerLimit',
  'buyers',
  'arrivalSeconds',
  'paymentDelaySeconds',
  'instances',
] as const;
export type SweepField = (typeof sweepFields)[number];
export const sweepValuesMax = 50;

/** The report of one value, without the parts that are only drawn. */
export type SweepRow = { readonly value: number; readonly report: SimulationReport };

export type Recommendation = {
  readonly holdTtlSeconds: number;
  readonly instances: number;
  /** Whether this many instances keep within the target. */
  readonly enough: boolean;
  readonly reasoning: readonly string[];
};

/** Times to live that shops choose from, in seconds. */
const ttlChoices = [30, 60, 120, 180, 300, 600, 900, 1_800];
/** Buyers whose payment comes too late, of all who pay: as good as none. */
const tooLateShareMax = 0.001;
/** Sales that differ by less are the same. */
const sameSalesShare = 0.005;
export const latencyTargetMs = 500;

/** @throws ZodError when a value is none that the scenario could have */
export async function sweep(
  scenario: Scenario,
  field: SweepField,
  values: readonly number[],
  options: VirtualOptions = {},
): Promise<readonly SweepRow[]> {
  const rows: SweepRow[] = [];
  for (const value of values) {
    if (options.signal?.aborted) break;
    rows.push({ value, report: await rehearseVirtually(changed(scenario, field, value), options) });
  }
  return rows;
}

/** The fewest instances that answer in time, and with them the shortest hold that costs no sales. */
export async function recommend(scenario: Scenario, options: VirtualOptions = {}): Promise<Recommendation> {
  const counts: SweepRow[] = [];
  for (let count = 1; count <= simulationLimits.instancesMax; count += 1) {
    const [row] = await sweep(scenario, 'instances', [count], options);
    if (!row) break;
    counts.push(row);
    if (slowestOf(row.report) <= latencyTargetMs) break;
  }
  const last = counts.at(-1);
  const enough = last !== undefined && slowestOf(last.report) <= latencyTargetMs;
  const instances = last?.value ?? scenario.instances;
  const choices = [...new Set([...ttlChoices, scenario.holdTtlSeconds])].sort((left, right) => left - right);
  const ttls = await sweep({ ...scenario, instances }, 'holdTtlSeconds', choices, options);
  const ttl = chooseTtl(ttls);
  return {
    holdTtlSeconds: ttl?.value ?? scenario.holdTtlSeconds,
    instances,
    enough,
    reasoning: [costReason(options.costs), ...instanceReasons(counts, enough), ...ttlReasons(ttls, ttl)],
  };
}

/** Undefined: none was tried. */
function chooseTtl(rows: readonly SweepRow[]): SweepRow | undefined {
  const inTime = rows.filter(({ report }) => tooLateShare(report) <= tooLateShareMax);
  const candidates = inTime.length > 0 ? inTime : rows.slice(-1);
  const most = Math.max(...candidates.map(({ report }) => report.confirmed));
  return candidates.find(({ report }) => report.confirmed >= most * (1 - sameSalesShare));
}

function ttlReasons(rows: readonly SweepRow[], chosen: SweepRow | undefined): string[] {
  if (!chosen) return [];
  const lines = rows.map(({ value, report: { confirmed, funnel, undersold } }) => {
    const mark = value === chosen.value ? ' <- recommended' : '';
    return `hold ${value} s: ${confirmed} paid orders, ${funnel.tooLate} payments too late, ${undersold} units left over${mark}`;
  });
  const holdTtlSeconds = chosen.value;
  return [
    ...lines,
    tooLateShare(chosen.report) <= tooLateShareMax
      ? `${holdTtlSeconds} s is the shortest hold that loses no payment (at most ${tooLateShareMax * 100} %) and sells as much as any: ` +
        'a shorter one takes units from buyers who are paying, a longer one keeps them from buyers who would.'
      : `Every hold up to ${holdTtlSeconds} s loses payments: the payment delay of this scenario is longer than that.`,
  ];
}

/** What requests cost, in words. */
export function costsText({ acceptedMs, paidMs, refusedMs, commitMs }: Costs): string {
  const rate = (costMs: number) => `${hundredths(costMs)} ms (${Math.round(1_000 / costMs)}/s)`;
  return (
    `an instance works ${rate(acceptedMs)} on an accepted request, ${rate(paidMs)} on a payment, ` +
    `${rate(refusedMs)} on a refused one; a commit takes ${hundredths(commitMs)} ms`
  );
}

function costReason(measured: Costs | undefined): string {
  const from = measured ? 'Measured on this machine' : 'Taken from docs/benchmarks.md, not measured here';
  return `${from}: ${costsText(measured ?? benchmarkCosts)}.`;
}

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function instanceReasons(rows: readonly SweepRow[], enough: boolean): string[] {
  const lines = rows.map(
    ({ value, report }) =>
      `${value} instance${value === 1 ? '' : 's'}: p99 ${Math.round(slowestOf(report))} ms at ${Math.round(report.throughput.requestsPerSecond)} requests/s`,
  );
  const last = rows.at(-1);
  if (!last) return lines;
  return [
    ...lines,
    enough
      ? `${last.value} is the fewest that keep the 99th percentile within ${latencyTargetMs} ms. One more is wise: an instance may be lost on the day.`
      : `Even ${last.value} instances do not keep the 99th percentile within ${latencyTargetMs} ms: spread the arrivals, by a queue in front or a later start for some.`,
  ];
}

export type Difference = {
  readonly figure: string;
  readonly real: number;
  readonly virtual: number;
  /** Of the larger one, in percent. */
  readonly percent: number;
};

/** How far a run in virtual time is from one in real time of the same plan. */
export function differences(real: SimulationReport, virtual: SimulationReport): readonly Difference[] {
  const row = (figure: string, of: (report: SimulationReport) => number): Difference => {
    const [first, second] = [of(real), of(virtual)];
    const larger = Math.max(Math.abs(first), Math.abs(second));
    const percent = larger === 0 ? 0 : Math.round((1_000 * Math.abs(first - second)) / larger) / 10;
    return { figure, real: first, virtual: second, percent };
  };
  return [
    row('accepted', ({ accepted }) => accepted),
    row('confirmed', ({ confirmed }) => confirmed),
    row('sold out', ({ rejected }) => rejected.soldOut),
    row('duplicates', ({ rejected }) => rejected.duplicate),
    row('too late to pay', ({ funnel }) => funnel.tooLate),
    row('undersold', ({ undersold }) => undersold),
    row('accepted p50 ms', ({ latencyMs }) => latencyMs.accepted.p50),
    row('accepted p99 ms', ({ latencyMs }) => latencyMs.accepted.p99),
    row('refused p50 ms', ({ latencyMs }) => latencyMs.rejected.p50),
    row('refused p99 ms', ({ latencyMs }) => latencyMs.rejected.p99),
  ];
}

function changed(scenario: Scenario, field: SweepField, value: number): Scenario {
  const virtual = { ...scenario, time: 'virtual' as const };
  switch (field) {
    case 'paymentDelaySeconds':
      return scenarioSchema.parse({
        ...virtual,
        payment: { ...scenario.payment, delaySeconds: { min: 0, max: value } },
      });
    case 'arrivalSeconds':
      return scenarioSchema.parse({ ...virtual, arrivals: { ...scenario.arrivals, seconds: value } });
    default:
      return scenarioSchema.parse({ ...virtual, [field]: value });
  }
}

function tooLateShare({ funnel }: SimulationReport): number {
  return funnel.paymentsStarted === 0 ? 0 : funnel.tooLate / funnel.paymentsStarted;
}

function slowestOf({ latencyMs }: SimulationReport): number {
  return Math.max(latencyMs.accepted.p99, latencyMs.rejected.p99);
}
