/**
 * Simulations on the wire and in scenario files: what is rehearsed, the figures while it runs, and the report. One
 * schema for YAML files, the command line and REST, so that a scenario means the same everywhere. Everything has a
 * bound: a scenario is input like any other.
 */
import { z } from 'zod';
import { cursor, limit } from './lists.js';
import { instant, ttlSeconds, uuid } from './scalars.js';

export const simulationLimits = {
  buyersMax: 200_000,
  /** Requests of one run, with repeated clicks and bots. */
  requestsMax: 1_000_000,
  skusMax: 1_000,
  instancesMax: 8,
  unitsMax: 1_000_000_000,
  /** Of arrivals, in real time. */
  realSecondsMax: 3_600,
  /** Of arrivals, in virtual time. */
  virtualSecondsMax: 86_400,
} as const;

export const strategyNames = [
  'holdfast',
  'load-then-store',
  'load-or-store',
  'local-compare-and-swap',
  'redis-check-then-act',
  'redis-only',
  'postgres-row-lock',
  'redlock',
] as const;
export type StrategyName = (typeof strategyNames)[number];

const count = (min: number, max: number) => z.int().min(min).max(max);
const share = z.number().min(0).max(1);
const seconds = z.number().min(0).max(simulationLimits.virtualSecondsMax);
const duration = z.number().min(0.1).max(simulationLimits.virtualSecondsMax);

const arrivals = z.discriminatedUnion('curve', [
  z
    .strictObject({ curve: z.literal('spike'), seconds: duration })
    .meta({ description: 'Most come at the start: the rate falls off exponentially, to 5 % at the end' }),
  z
    .strictObject({ curve: z.literal('ramp'), seconds: duration })
    .meta({ description: 'The rate grows from nothing, in a straight line' }),
  z
    .strictObject({ curve: z.literal('steady'), seconds: duration })
    .meta({ description: 'The same rate all along' }),
  z
    .strictObject({
      curve: z.literal('recorded'),
      perSecond: z.array(z.number().min(0).max(1_000_000)).min(1).max(simulationLimits.virtualSecondsMax),
    })
    .refine(({ perSecond }) => perSecond.some((rate) => rate > 0), {
      path: ['perSecond'],
      error: 'At least one second must have buyers',
    })
    .meta({ description: 'Weights, one for each second, as a log of an earlier sale gives them' }),
]);
export type Arrivals = z.infer<typeof arrivals>;

const payment = z.strictObject({
  via: z.enum(['confirm', 'sandbox']).default('confirm').meta({
    description: '`sandbox`: through the payment sandbox, and its webhooks; else confirmed directly',
  }),
  delaySeconds: z
    .strictObject({ min: seconds, max: seconds })
    .refine(({ min, max }) => min <= max, { path: ['max'], error: 'max is at least min' })
    .default({ min: 0, max: 0 }),
  declineShare: share
    .default(0)
    .meta({ description: 'Buyers whose payment is declined; they give the units back' }),
  abandonShare: share.default(0).meta({ description: 'Buyers who walk away; their hold lapses' }),
});

const fault = z.strictObject({
  kind: z.enum(['kill-instance', 'restart-redis', 'slow-postgres', 'provider-outage']),
  atSeconds: seconds,
  seconds: duration.max(600).default(1).meta({ description: 'How long it is away or slow' }),
});
export type SimulationFault = z.infer<typeof fault>;

const scenarioFields = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, { error: 'A name is lower-case letters, digits and dashes' })
    .default('unnamed'),
  description: z.string().max(1_000).default(''),
  time: z
    .enum(['real', 'virtual'])
    .default('real')
    .meta({ description: 'Real servers and processes, or the same rules under a virtual clock' }),
  strategy: z.enum(strategyNames).default('holdfast'),
  instances: count(1, simulationLimits.instancesMax).default(1),
  seed: count(0, 2 ** 32 - 1).default(1),
  buyers: count(1, simulationLimits.buyersMax).default(1_000),
  stock: count(0, simulationLimits.unitsMax)
    .default(100)
    .meta({ description: 'Units in all, spread evenly over the SKUs' }),
  skus: count(1, simulationLimits.skusMax).default(1),
  popularity: z
    .enum(['even', 'skewed'])
    .default('even')
    .meta({ description: '`skewed`: the n-th SKU is wanted 1/n as often as the first' }),
  buyerLimit: count(1, 1_000_000).nullable().default(null),
  holdTtlSeconds: ttlSeconds.default(600),
  arrivals: arrivals.default({ curve: 'spike', seconds: 10 }),
  cart: z
    .strictObject({ linesMax: count(1, 50).default(1), quantityMax: count(1, 100).default(1) })
    .prefault({}),
  repeatClicks: z
    .strictObject({
      share: share.default(0),
      clicks: count(1, 20).default(2),
      everyMs: count(1, 60_000).default(150),
    })
    .prefault({})
    .meta({ description: 'Buyers who click again, each click a new request' }),
  bots: z
    .strictObject({
      count: count(0, 10_000).default(0),
      requestsEach: count(1, 1_000).default(20),
      everyMs: count(1, 60_000).default(50),
    })
    .prefault({})
    .meta({ description: 'Beside the buyers: from the first second on, again and again' }),
  payment: payment.prefault({}),
  restocks: z
    .array(z.strictObject({ atSeconds: seconds, units: count(1, simulationLimits.unitsMax) }))
    .max(100)
    .default([])
    .meta({ description: 'Units that come in later, spread evenly over the SKUs' }),
  faults: z.array(fault).max(100).default([]),
});
export type Scenario = z.infer<typeof scenarioFields>;

export const scenario = scenarioFields.superRefine(boundsHold).meta({ id: 'Scenario' });
export type ScenarioInput = z.input<typeof scenario>;

/** How long buyers arrive, in seconds. */
export function arrivalSeconds({ arrivals }: Pick<Scenario, 'arrivals'>): number {
  return arrivals.curve === 'recorded' ? arrivals.perSecond.length : arrivals.seconds;
}

/** What one field alone cannot say. */
function boundsHold(value: Scenario, context: z.RefinementCtx): void {
  const wrong = (path: PropertyKey[], message: string): void =>
    context.addIssue({ code: 'custom', path, message, input: value });
  const clicks = value.buyers * (1 + value.repeatClicks.share * value.repeatClicks.clicks);
  if (clicks + value.bots.count * value.bots.requestsEach > simulationLimits.requestsMax) {
    wrong(
      ['bots'],
      `Buyers, repeated clicks and bots are at most ${simulationLimits.requestsMax} requests together`,
    );
  }
  if (value.time === 'real' && arrivalSeconds(value) > simulationLimits.realSecondsMax) {
    wrong(
      ['arrivals', value.arrivals.curve === 'recorded' ? 'perSecond' : 'seconds'],
      `In real time buyers arrive for at most ${simulationLimits.realSecondsMax} seconds; time: virtual takes a day`,
    );
  }
  if (value.payment.declineShare + value.payment.abandonShare > 1) {
    wrong(['payment', 'abandonShare'], 'declineShare and abandonShare are at most 1 together');
  }
  if (value.cart.linesMax > value.skus)
    wrong(['cart', 'linesMax'], 'A cart has no more lines than there are SKUs');
  const naive = value.strategy !== 'holdfast';
  const sandbox = value.payment.via === 'sandbox';
  if (naive && (value.cart.linesMax > 1 || value.restocks.length > 0 || sandbox)) {
    wrong(['strategy'], 'The other strategies sell single lines at once: no carts, restocks or sandbox');
  }
  if (sandbox && value.time === 'virtual') {
    wrong(
      ['payment', 'via'],
      'In virtual time a payment is nothing but its delay: set payment.via to confirm',
    );
  }
  if (!sandbox && value.faults.some(({ kind }) => kind === 'provider-outage')) {
    wrong(['faults'], 'A provider-outage needs a provider: set payment.via to sandbox');
  }
  if (value.time === 'virtual' && naive) {
    wrong(
      ['strategy'],
      'Virtual time knows only the strategy holdfast: the others fail only on real servers',
    );
  }
  if (value.time === 'virtual' && value.faults.length > 0) {
    wrong(['faults'], 'In virtual time there is nothing to kill: faults need time: real');
  }
}

const tally = z.int().min(0);
const rejected = z.strictObject({
  soldOut: tally,
  insufficient: tally,
  duplicate: tally,
  buyerLimit: tally,
  error: tally,
});

export const simulationProgress = z
  .strictObject({
    phase: z.enum(['preparing', 'selling', 'paying', 'checking', 'finished']),
    elapsedMs: z.number().min(0),
    /** Requests sent so far, and those planned. */
    requests: tally,
    planned: tally,
    accepted: tally,
    confirmed: tally,
    oversold: tally,
    rejected,
    /** Units that the acknowledgements have left. */
    unitsLeft: z.int(),
  })
  .meta({ id: 'SimulationProgress' });
export type SimulationProgress = z.infer<typeof simulationProgress>;

const ms = z.number().min(0);
const latencies = z.strictObject({ p50: ms, p90: ms, p99: ms, max: ms });

export const simulationReport = z
  .strictObject({
    strategy: z.enum(strategyNames),
    seed: tally,
    buyers: tally,
    stock: tally,
    accepted: tally,
    confirmed: tally,
    oversold: tally.meta({
      description: 'Units acknowledged beyond those there were, by what the buyers were told',
    }),
    undersold: tally.meta({ description: 'Units left over though somebody was refused one' }),
    rejected,
    invariants: z.array(z.strictObject({ id: z.string(), ok: z.boolean(), detail: z.string() })),
    throughput: z.strictObject({
      acceptedPerSecond: z.number().min(0),
      rejectedPerSecond: z.number().min(0),
      requestsPerSecond: z.number().min(0),
    }),
    latencyMs: z.strictObject({ accepted: latencies, rejected: latencies }),
    durationMs: ms,
    scenario,
    requests: tally,
    /** It was stopped before its end: the figures are those up to then. */
    interrupted: z.boolean(),
    funnel: z.strictObject({
      requests: tally,
      accepted: tally,
      paymentsStarted: tally,
      confirmed: tally,
      declined: tally,
      abandoned: tally,
      tooLate: tally,
    }),
    /** What a crash of every instance and of Redis at the end took; null: none was tried. */
    crash: z.strictObject({ lost: tally, checked: tally, oversold: tally }).nullable(),
    faults: z.array(z.strictObject({ kind: z.string(), atMs: ms, detail: z.string() })),
    timeline: z.strictObject({
      stepMs: ms,
      arrivals: z.array(tally),
      accepted: z.array(tally),
      refused: z.array(tally),
      errors: z.array(tally),
      confirmed: z.array(tally),
      unitsLeft: z.array(z.int()),
      p99Ms: z.array(ms.nullable()),
    }),
    percentiles: z.strictObject({
      accepted: z.array(z.tuple([z.number(), ms])),
      rejected: z.array(z.tuple([z.number(), ms])),
    }),
  })
  .meta({ id: 'SimulationReport' });
export type SimulationReport = z.infer<typeof simulationReport>;

export const simulationBody = z.strictObject({ scenario });

const simulationStatuses = ['running', 'finished', 'failed'] as const;

export const simulation = z
  .strictObject({
    id: uuid,
    status: z.enum(simulationStatuses),
    scenario,
    createdAt: instant,
    progress: simulationProgress,
    report: simulationReport.nullable().meta({ description: 'Null until it has finished' }),
    problem: z.string().nullable().meta({ description: 'Why it failed' }),
  })
  .meta({ id: 'Simulation' });
export type WireSimulation = z.infer<typeof simulation>;

export const listSimulationsQuery = z.strictObject({ limit, cursor });
export const simulationStarted = simulation.pick({ id: true, status: true });
export const simulationSummary = simulation.pick({ id: true, status: true, scenario: true, createdAt: true });
