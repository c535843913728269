/**
 * What may differ, how far back is read and how fast, for each provider: built in, or from the file that
 * RECONCILIATION_POLICY names (docs/reconciliation.md). Checked as a whole, so that who mends it sees everything wrong.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigurationError } from '#platform';
import { matchPolicyDefault, type MatchPolicy } from './matching/match-policy.js';
import { pageSizeMax, walkPolicyOfCommits, walkPolicyOfTime, type WalkPolicy } from './walk/walk-policy.js';

type ProviderPolicy = {
  readonly match: MatchPolicy;
  readonly walk: WalkPolicy;
  /** Questions to the provider in a second, by all processes together. */
  readonly callsPerSecond: number;
  /** A horizon that has not moved for this long is an alert. */
  readonly standstillMs: number;
};

export type Policies = {
  /** `clock`: of the source that is walked; files have none. */
  of(provider: string, clock?: 'time' | 'commits'): ProviderPolicy;
};

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const minor = z.int().min(0).max(1_000_000);
const fee = z.strictObject({
  basisPoints: z.int().min(0).max(10_000),
  fixed: minor.default(0),
  tolerance: minor.default(0),
});
const rate = z.strictObject({
  perMillion: z.int().min(1),
  toleranceBasisPoints: z.int().min(0).max(10_000),
});
const ofProvider = z.strictObject({
  roundingMax: z.int().min(0).max(100).optional(),
  dateWindowHours: z.int().min(0).max(720).optional(),
  termHours: z.int().min(1).max(2_160).optional(),
  /** By the currency of the charge; `*` for every other one. */
  fees: z.record(z.string().regex(/^([A-Z]{3}|\*)$/, { error: 'a currency, as EUR, or *' }), fee).optional(),
  rates: z.record(z.string().regex(/^[A-Z]{6}$/, { error: 'two currencies, as EURUSD' }), rate).optional(),
  pageSize: z.int().min(1).max(pageSizeMax).optional(),
  overlapSeconds: z.int().min(0).max(86_400).optional(),
  safetyLagSeconds: z.int().min(0).max(86_400).optional(),
  lookBackDays: z.int().min(1).max(3_650).optional(),
  closeSpacingSeconds: z.int().min(1).max(86_400).optional(),
  callsPerSecond: z.int().min(1).max(1_000).optional(),
  standstillMinutes: z.int().min(1).max(10_080).optional(),
});
type Given = z.output<typeof ofProvider>;
const file = z.record(
  z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, { error: 'a provider, or default' }),
  ofProvider,
);

const standstillMsDefault = 15 * minuteMs;
const callsPerSecondDefault = 20;

/** What is built in. */
export const policiesDefault: Policies = policiesOf({});

/** @param path of the file; null: what is built in. @throws ConfigurationError with everything that is wrong */
export function readPolicies(path: string | null): Policies {
  if (path === null) return policiesDefault;
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigurationError(`RECONCILIATION_POLICY: ${path} cannot be read: ${why}`);
  }
  const read = file.safeParse(given);
  if (read.success) return policiesOf(read.data);
  const problems = read.error.issues.map(
    (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
  );
  throw new ConfigurationError(`RECONCILIATION_POLICY: ${path}: ${problems.join('; ')}`);
}

function policiesOf(given: Readonly<Record<string, Given>>): Policies {
  return {
    of(provider, clock = 'time') {
      const own: Given = { ...given['default'], ...given[provider] };
      return {
        match: matchOf(own),
        walk: walkOf(own, clock),
        callsPerSecond: own.callsPerSecond ?? callsPerSecondDefault,
        standstillMs:
          own.standstillMinutes === undefined ? standstillMsDefault : own.standstillMinutes * minuteMs,
      };
    },
  };
}

function matchOf({ roundingMax, dateWindowHours, termHours, fees, rates }: Given): MatchPolicy {
  const known = matchPolicyDefault;
  return {
    roundingMax: roundingMax ?? known.roundingMax,
    fees: fees ?? known.fees,
    rates: rates ?? known.rates,
    dateWindowMs: dateWindowHours === undefined ? known.dateWindowMs : dateWindowHours * hourMs,
    termMs: termHours === undefined ? known.termMs : termHours * hourMs,
  };
}

/** Lags are of the source's clock: one that counts commits needs none. */
function walkOf(given: Given, clock: 'time' | 'commits'): WalkPolicy {
  const { pageSize, overlapSeconds, safetyLagSeconds, lookBackDays, closeSpacingSeconds } = given;
  if (clock === 'commits') return { ...walkPolicyOfCommits, ...(pageSize !== undefined && { pageSize }) };
  return {
    ...walkPolicyOfTime,
    ...(pageSize !== undefined && { pageSize }),
    ...(overlapSeconds !== undefined && { overlap: overlapSeconds * secondMs }),
    ...(safetyLagSeconds !== undefined && { safetyLag: safetyLagSeconds * secondMs }),
    ...(lookBackDays !== undefined && { lookBack: lookBackDays * dayMs }),
    ...(closeSpacingSeconds !== undefined && { closeSpacing: closeSpacingSeconds * secondMs }),
  };
}
