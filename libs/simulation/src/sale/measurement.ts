/**
 * What is counted and timed while a simulation runs. Latencies run from the planned arrival, not from the moment a
 * request could be sent: a service that keeps buyers waiting cannot hide it by receiving fewer of them (coordinated
 * omission; Gil Tene, HdrHistogram).
 */
import { build, type Histogram } from 'hdr-histogram-js';
import type { SimulationReport } from '#contracts';

export type Refusal = keyof SimulationReport['rejected'];
export type Settled = { readonly arrivedAtMs: number; readonly nowMs: number } & (
  { readonly kind: 'accepted' } | { readonly kind: 'refused'; readonly because: Refusal }
);

type Timeline = SimulationReport['timeline'];
type Latencies = SimulationReport['latencyMs']['accepted'];

/** Microseconds: up to an hour, with two significant digits. */
const histogramOptions = {
  bitBucketSize: 32,
  lowestDiscernibleValue: 1,
  highestTrackableValue: 3_600_000_000,
  numberOfSignificantValueDigits: 2,
} as const;
const stepsWanted = 240;
const stepMsMin = 100;
const stepsMax = 2_000;
const percentilesShown = [0, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100];

export class Measurement {
  readonly rejected = { soldOut: 0, insufficient: 0, duplicate: 0, buyerLimit: 0, error: 0 };
  readonly funnel = { paymentsStarted: 0, confirmed: 0, declined: 0, abandoned: 0, tooLate: 0 };
  requests = 0;
  accepted = 0;
  /** Of the last answer to a reservation. */
  lastAnswerMs = 0;
  private readonly acceptedMicros = newHistogram();
  private readonly rejectedMicros = newHistogram();
  private readonly stepMs: number;
  private readonly steps: Omit<Record<keyof Timeline, number[]>, 'stepMs' | 'p99Ms'> = {
    arrivals: [],
    accepted: [],
    refused: [],
    errors: [],
    confirmed: [],
    unitsLeft: [],
  };
  private readonly stepLatencies: Histogram[] = [];

  /** @param plannedMs how long buyers arrive, for the width of a step of the timeline */
  constructor(plannedMs: number) {
    this.stepMs = Math.max(stepMsMin, Math.ceil(plannedMs / stepsWanted / stepMsMin) * stepMsMin);
  }

  arrived(nowMs: number): void {
    this.requests += 1;
    this.count('arrivals', nowMs);
  }

  settled(answer: Settled): void {
    const { arrivedAtMs, nowMs, kind } = answer;
    const micros = Math.max(1, Math.round((nowMs - arrivedAtMs) * 1_000));
    this.lastAnswerMs = Math.max(this.lastAnswerMs, nowMs);
    if (kind === 'accepted') {
      this.accepted += 1;
      this.acceptedMicros.recordValue(micros);
      this.count('accepted', nowMs);
    } else {
      this.rejected[answer.because] += 1;
      this.rejectedMicros.recordValue(micros);
      this.count(answer.because === 'error' ? 'errors' : 'refused', nowMs);
    }
    const step = this.stepOf(nowMs);
    (this.stepLatencies[step] ??= newHistogram()).recordValue(micros);
  }

  confirmed(nowMs: number): void {
    this.funnel.confirmed += 1;
    this.count('confirmed', nowMs);
  }

  /** What is left by what the buyers were told, now. */
  unitsLeft(units: number, nowMs: number): void {
    this.steps.unitsLeft[this.stepOf(nowMs)] = units;
  }

  get refusals(): number {
    return Object.values(this.rejected).reduce((sum, count) => sum + count, 0);
  }

  latencyMs(): SimulationReport['latencyMs'] {
    return { accepted: latenciesOf(this.acceptedMicros), rejected: latenciesOf(this.rejectedMicros) };
  }

  percentiles(): SimulationReport['percentiles'] {
    const of = (histogram: Histogram) =>
      histogram.totalCount === 0
        ? []
        : percentilesShown.map((share): [number, number] => [share, valueAt(histogram, share)]);
    return { accepted: of(this.acceptedMicros), rejected: of(this.rejectedMicros) };
  }

  timeline(): Timeline {
    const { steps, stepMs } = this;
    const length = Math.max(
      ...Object.values(steps).map((values) => values.length),
      this.stepLatencies.length,
    );
    const filled = (values: readonly number[]) => Array.from({ length }, (_, step) => values[step] ?? 0);
    const left: number[] = [];
    // A step in which nothing changed has what the one before had.
    for (let step = 0; step < length; step += 1) left.push(steps.unitsLeft[step] ?? left.at(-1) ?? 0);
    return {
      stepMs,
      arrivals: filled(steps.arrivals),
      accepted: filled(steps.accepted),
      refused: filled(steps.refused),
      errors: filled(steps.errors),
      confirmed: filled(steps.confirmed),
      unitsLeft: left,
      p99Ms: Array.from({ length }, (_, step) => {
        const histogram = this.stepLatencies[step];
        return histogram ? valueAt(histogram, 99) : null;
      }),
    };
  }

  private count(what: Exclude<keyof Timeline, 'stepMs' | 'p99Ms' | 'unitsLeft'>, nowMs: number): void {
    const step = this.stepOf(nowMs);
    this.steps[what][step] = (this.steps[what][step] ?? 0) + 1;
  }

  private stepOf(nowMs: number): number {
    return Math.min(stepsMax - 1, Math.max(0, Math.floor(nowMs / this.stepMs)));
  }
}

function newHistogram(): Histogram {
  return build(histogramOptions);
}

function latenciesOf(histogram: Histogram): Latencies {
  if (histogram.totalCount === 0) return { p50: 0, p90: 0, p99: 0, max: 0 };
  return {
    p50: valueAt(histogram, 50),
    p90: valueAt(histogram, 90),
    p99: valueAt(histogram, 99),
    max: valueAt(histogram, 100),
  };
}

/** In milliseconds. The histogram's buckets are wider than its largest value, which none may exceed. */
function valueAt(histogram: Histogram, percentile: number): number {
  return Math.min(histogram.getValueAtPercentile(percentile), histogram.maxValue) / 1_000;
}
