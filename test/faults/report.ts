/** The figures of a campaign, for people and for machines. */
import type { CampaignOptions, Figures } from './campaign.js';
import type { FaultName } from './faults.js';
import { patienceMsDefault } from './world.js';

type Settings = Omit<CampaignOptions, 'onRound' | 'isStopped' | 'durationMaxMs'>;

export type Quantiles = {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
};

export type Summary = {
  readonly ok: boolean;
  readonly settings: Settings;
  readonly rounds: number;
  readonly injected: Figures['injected'];
  readonly payments: Figures['payments'];
  readonly acknowledgements: number;
  readonly refusals: number;
  readonly lost: number;
  readonly oversold: number;
  readonly findings: Figures['findings'];
  readonly logs: Figures['logs'];
  readonly histories: Figures['histories'];
  readonly recoveryMs: Quantiles;
  /** Each, for sums over several campaigns. */
  readonly recoveries: Figures['recoveryMs'];
  /** Rounds with this fault among theirs. */
  readonly recoveryMsByFault: { readonly [fault: string]: Quantiles & { readonly rounds: number } };
  readonly redisAgreesAfterMs: Quantiles;
  readonly durationMs: number;
};

/** Faults after which Redis may have forgotten what it had answered. */
const memoryTaken: ReadonlySet<FaultName> = new Set([
  'power-cut',
  'redis-flush',
  'redis-replaced',
  'stale-snapshot',
  'failover-behind',
]);
/** What Redis loses, the buyer loses, and everything that rests on it. */
const consequencesOfLoss = [
  'lost',
  'oversold',
  'illegal-status',
  'early-expiry',
  'units',
  'money',
  'double-answer',
  'not-linearizable',
];
/** The JSON has all of them. */
const findingsShownMax = 30;

export function summaryOf(figures: Figures, settings: Settings): Summary {
  const { recoveryMs, agreedMs, findings, logs, histories, ...counts } = figures;
  const byFault = new Map<string, number[]>();
  for (const { faults, ms } of recoveryMs)
    for (const fault of faults) byFault.set(fault, [...(byFault.get(fault) ?? []), ms]);
  const { rounds, seed, only, instances, partitions, buyers, durability, fsync } = settings;
  const { masters = 0, patienceMs = patienceMsDefault } = settings;
  // With DURABILITY=redis the losses of Redis are what is measured; whatever else is wrong is wrong.
  const mayLose = durability === 'redis' && only.some((fault) => memoryTaken.has(fault));
  const measured = new Set(mayLose ? consequencesOfLoss : []);
  return {
    ok: findings.every(({ kind }) => measured.has(kind)),
    settings: { rounds, seed, only, masters, instances, partitions, buyers, durability, fsync, patienceMs },
    ...counts,
    durationMs: Math.round(counts.durationMs),
    findings,
    histories,
    logs,
    recoveries: recoveryMs.map(({ faults, ms }) => ({ faults, ms: Math.round(ms) })),
    recoveryMs: quantiles(recoveryMs.map(({ ms }) => ms)),
    recoveryMsByFault: Object.fromEntries(
      Array.from(byFault, ([fault, all]) => [fault, { rounds: all.length, ...quantiles(all) }]),
    ),
    redisAgreesAfterMs: quantiles(agreedMs),
  };
}

export function printReport(summary: Summary): string {
  const { rounds, acknowledgements, refusals, lost, oversold, findings, recoveryMs } = summary;
  const lines = [
    '',
    `${rounds} rounds in ${(summary.durationMs / 60_000).toFixed(1)} min, seed ${summary.settings.seed}`,
    ...Object.entries(summary.injected).map(
      ([counted, count]) => `  ${String(count).padStart(8)}  ${counted}`,
    ),
    `${acknowledgements} acknowledgements, ${refusals} refusals; lost ${lost}, oversold ${oversold}`,
    `payments: ${inWords(summary.payments) || 'none'}`,
    `${summary.histories.judged} histories of one SKU (${summary.histories.operations} operations) are those of a single shelf`,
    `recovery: p50 ${recoveryMs.p50} ms, p90 ${recoveryMs.p90} ms, p99 ${recoveryMs.p99} ms, max ${recoveryMs.max} ms`,
    ...Object.entries(summary.recoveryMsByFault).map(
      ([fault, { rounds: count, p50, max }]) =>
        `  ${fault.padEnd(16)} ${count} rounds, p50 ${p50} ms, max ${max} ms`,
    ),
    `Redis and ledger agreed after: p50 ${summary.redisAgreesAfterMs.p50} ms, max ${summary.redisAgreesAfterMs.max} ms`,
    findings.length === 0 ? 'nothing wrong was found' : `${findings.length} findings:`,
    ...findings.slice(0, findingsShownMax).map((finding) => `  ${printFinding(finding)}`),
    '',
  ];
  return lines.join('\n');
}

function inWords(counts: { readonly [counted: string]: number }): string {
  return Object.entries(counts)
    .map(([counted, count]) => `${count} ${counted}`)
    .join(', ');
}

export function printFinding({ kind, round, faults, what }: Figures['findings'][number]): string {
  return `round ${round} [${faults.join(', ')}] ${kind}: ${what}`;
}

/** Of none: zeros. */
export function quantiles(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
