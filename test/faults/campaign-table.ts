/** The figures of several campaigns as a table for docs/reliability.md, from the JSON that each has left. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { quantiles } from './report.js';

/** What is read of a campaign's JSON; the rest of it is for whoever looks into a finding. */
const summary = z.object({
  settings: z.object({
    seed: z.int(),
    only: z.array(z.string()).default([]),
    masters: z.int().default(0),
    instances: z.int(),
    patienceMs: z.int().optional(),
  }),
  rounds: z.int(),
  injected: z.record(z.string(), z.int()),
  payments: z.record(z.string(), z.int()).default({}),
  acknowledgements: z.int(),
  lost: z.int(),
  oversold: z.int(),
  findings: z.array(z.object({ kind: z.string() })),
  recoveries: z.array(z.object({ ms: z.number() })),
});
type Campaign = z.output<typeof summary>;

/** Counted beside the faults, and no faults. */
const bytesLost = 'bytes of the log lost';

/** A row for each campaign, and one for all of them together. @throws when a file has no figures of a campaign. */
export function campaignTable(files: readonly string[]): string {
  return tableOf(files.map(readCampaign));
}

function tableOf(campaigns: readonly Campaign[]): string {
  const rows = campaigns.map((campaign) => [commandOf(campaign), ...figuresOf([campaign])]);
  const all = [`together, ${campaigns.length} campaigns`, ...figuresOf(campaigns)];
  return [header, header.map(() => '---'), ...rows, all]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

const header = [
  'campaign',
  'rounds',
  'injected',
  'acknowledged',
  'lost',
  'oversold',
  'recovered after, p50 / p90 / p99 / max',
  'findings',
  'payments',
];

function readCampaign(file: string): Campaign {
  const read = summary.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!read.success) throw new Error(`${file} has no figures of a campaign: ${z.prettifyError(read.error)}`);
  return read.data;
}

function commandOf({ settings }: Campaign): string {
  const { seed, only, masters, instances, patienceMs } = settings;
  const options = [
    ...(masters > 0 ? [`--masters ${masters}`] : []),
    ...(only.length > 0 ? [`--faults ${only.join(',')}`] : []),
    `--instances ${instances}`,
    ...(patienceMs === undefined ? [] : [`--patience ${patienceMs / 1_000}`]),
    `--seed ${seed}`,
  ];
  return `\`${options.join(' ')}\``;
}

function figuresOf(campaigns: readonly Campaign[]): string[] {
  const total = (of: (campaign: Campaign) => number): number =>
    campaigns.reduce((sum, campaign) => sum + of(campaign), 0);
  const merged = (of: (campaign: Campaign) => { readonly [counted: string]: number }): [string, number][] => {
    const counts = new Map<string, number>();
    for (const [counted, count] of campaigns.flatMap((campaign) => Object.entries(of(campaign))))
      counts.set(counted, (counts.get(counted) ?? 0) + count);
    return [...counts];
  };
  const inWords = (counts: readonly [string, number][]): string =>
    counts.map(([counted, count]) => `${inDigits(count)} ${counted}`).join(', ') || '–';
  const recovered = quantiles(campaigns.flatMap(({ recoveries }) => recoveries.map(({ ms }) => ms)));
  const seconds = [recovered.p50, recovered.p90, recovered.p99, recovered.max].map((ms) =>
    (ms / 1_000).toFixed(1),
  );
  return [
    inDigits(total(({ rounds }) => rounds)),
    inWords(merged(({ injected }) => injected).filter(([counted]) => counted !== bytesLost)),
    inDigits(total(({ acknowledgements }) => acknowledgements)),
    inDigits(total(({ lost }) => lost)),
    inDigits(total(({ oversold }) => oversold)),
    `${seconds.join(' / ')} s`,
    inWords(merged(({ findings }) => countsOf(findings.map(({ kind }) => kind)))),
    inWords(merged(({ payments }) => payments)),
  ];
}

function countsOf(kinds: readonly string[]): { [kind: string]: number } {
  const counts: { [kind: string]: number } = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

const inDigits = (count: number): string => count.toLocaleString('en');
