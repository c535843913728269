/**
 * `npm run test:faults`: kills, cuts and confuses the service's parts at random, and looks afterwards whether anything
 * acknowledged was lost or sold twice. The same seed draws the same faults; what they meet is up to the machine.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { emptyFigures, lastWord, runCampaign, type Figures } from './campaign.js';
import { faultNames, faults, faultsOf, type FaultName } from './faults.js';
import { killAtEveryStep, useCaseNames } from './every-step.js';
import { hookPath } from './hooks/hook-path.js';
import { findingsOf, plantedBugNames } from './planted.js';
import { Random } from './random.js';
import { measureRebuild } from './rebuild-time.js';
import { campaignTable } from './campaign-table.js';
import { printFinding, printReport, summaryOf, type Summary } from './report.js';
import { PostgresNode } from './servers/postgres-node.js';
import { World } from './world.js';

const help = `npm run test:faults -- [options]

  --rounds N         rounds of faults (100)
  --minutes N        begin no round after this (60)
  --seed N           what the faults are drawn from (a new one, printed)
  --instances N      service processes (3)
  --partitions N     partitions of the stock store (4)
  --buyers N         buyers at once (24)
  --durability MODE  ledger or redis (ledger); with redis, what Redis loses is counted and is no failure
  --fsync MODE       Redis's appendfsync: always or everysec (everysec)
  --faults A,B       only these:
${faultNames.map((name) => `                       ${name.padEnd(16)} ${faults[name].what}`).join('\n')}
  --patience N       seconds that anything may take until it counts as stuck (30); more where the machine stands still at times
  --masters N        Redis as a cluster of N masters, each with a replica (0: a single Redis)
  --steps            instead: kill the service at every numbered step of every use case
  --planted          instead: plant each known class of bug, and see that it is found
  --rebuild HOLDS    instead: how long it takes to bring so many holds back to an empty Redis
  --json FILE        the figures as JSON, kept up to date after each round; - for standard output, at the end
  --sum FILE...      instead: a table of what campaigns have left with --json
  --help

Exit code 1 when anything was lost, sold twice or otherwise wrong.
`;

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string' },
    instances: { type: 'string', default: '3' },
    partitions: { type: 'string', default: '4' },
    buyers: { type: 'string', default: '24' },
    durability: { type: 'string', default: 'ledger' },
    fsync: { type: 'string', default: 'everysec' },
    faults: { type: 'string' },
    json: { type: 'string' },
    masters: { type: 'string', default: '0' },
    patience: { type: 'string', default: '30' },
    steps: { type: 'boolean', default: false },
    rebuild: { type: 'string' },
    planted: { type: 'boolean', default: false },
    sum: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}

function wrong(message: string): never {
  process.stderr.write(`test:faults: ${message} (--help says more)\n`);
  process.exit(2);
}

function count(
  name:
    | 'rounds'
    | 'minutes'
    | 'instances'
    | 'partitions'
    | 'buyers'
    | 'seed'
    | 'masters'
    | 'patience'
    | 'rebuild',
  max: number,
  min = 1,
): number {
  const text = values[name] ?? '';
  const number = Number(text);
  if (!/^[0-9]{1,9}$/.test(text) || number < min || number > max)
    wrong(`--${name} is a whole number from ${min} to ${max}`);
  return number;
}

function oneOf<Choice extends string>(name: 'durability' | 'fsync', choices: readonly Choice[]): Choice {
  const chosen = choices.find((choice) => choice === values[name]);
  return chosen ?? wrong(`--${name} is one of ${choices.join(', ')}`);
}

function chosenFaults(): readonly FaultName[] {
  const possible = faultsOf(values.masters === '0' ? 'single' : 'cluster');
  if (values.faults === undefined) return possible;
  return values.faults.split(',').map((name) => {
    const chosen = possible.find((known) => known === name);
    return chosen ?? wrong(`--faults does not know "${name}" in such a world`);
  });
}

async function main(): Promise<void> {
  values.seed ??= `${1 + (Date.now() % 1_000_000)}`;
  const rounds = count('rounds', 1_000_000);
  const options = {
    rounds,
    durationMaxMs: count('minutes', 10_000) * 60_000,
    seed: count('seed', 999_999_999),
    instances: count('instances', 16),
    partitions: count('partitions', 256),
    buyers: count('buyers', 1_000),
    masters: count('masters', 8, 0),
    patienceMs: count('patience', 3_600) * 1_000,
    durability: oneOf('durability', ['ledger', 'redis']),
    fsync: oneOf('fsync', ['always', 'everysec']),
    only: chosenFaults(),
  };
  process.stderr.write(`seed ${options.seed}\n`);
  const bar = new SingleBar({
    format:
      '{bar} {value}/{total} rounds, {acknowledgements} acknowledged, lost {lost}, oversold {oversold}, findings {findings}',
    stopOnComplete: true,
    noTTYOutput: true,
    notTTYSchedule: 15_000,
  });
  const payloadOf = ({ acknowledgements, lost, oversold, findings }: Figures) => ({
    acknowledgements,
    lost,
    oversold,
    findings: findings.length,
  });
  bar.start(rounds, 0, { acknowledgements: 0, lost: 0, oversold: 0, findings: 0 });
  // The first Ctrl-C waits for the round and reports what there is; a second one does not.
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (stopped = true));
  const file = values.json === '-' ? undefined : values.json;
  let figures: Figures;
  let shown = 0;
  try {
    figures = await runCampaign({
      ...options,
      isStopped: () => stopped,
      onRound(round, soFar) {
        bar.update(round, payloadOf(soFar));
        if (file !== undefined) keep(file, summaryOf(soFar, options));
        for (; shown < soFar.findings.length; shown += 1)
          process.stderr.write(`\n${printFinding(soFar.findings[shown]!)}\n`);
      },
    });
  } finally {
    bar.stop();
  }
  const summary = summaryOf(figures, options);
  if (values.json === '-') process.stdout.write(`${JSON.stringify(summary)}\n`);
  else process.stdout.write(printReport(summary));
  if (file !== undefined) keep(file, summary);
  // Servers of a world that could not be opened hold this process; they are on its leash, and end with it.
  process.stdout.write('', () => process.exit(summary.ok ? 0 : 1));
}

/** After each round: what was run counts, also when the campaign is ended from outside. */
function keep(file: string, summary: Summary): void {
  writeFileSync(file, `${JSON.stringify(summary, null, 2)}\n`);
}

/** Every use case, killed at every step; then every request gets its one answer. */
async function mainOfSteps(): Promise<void> {
  const postgres = await PostgresNode.start();
  const random = new Random(1);
  const figures = emptyFigures();
  const options = {
    random,
    instances: 1,
    partitions: 2,
    buyers: 0,
    durability: 'ledger',
    fsync: 'everysec',
    patienceMs: count('patience', 3_600) * 1_000,
  } as const;
  const world = await World.open({ ...options, postgres, imports: [hookPath('crash-points')] });
  try {
    for (const name of useCaseNames) {
      const { steps, kills } = await killAtEveryStep(world, [name]);
      process.stdout.write(`${name}: killed at ${kills} steps: ${steps[name]!.join(', ')}\n`);
    }
    await lastWord(world, figures);
  } finally {
    await world.stop();
    await postgres.stop();
  }
  const { acknowledgements, findings } = figures;
  process.stdout.write(`${acknowledgements} acknowledgements, ${findings.length} findings\n`);
  for (const { kind, what } of findings) process.stdout.write(`  ${kind}: ${what}\n`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

async function mainOfPlanted(): Promise<void> {
  const postgres = await PostgresNode.start();
  try {
    for (const bug of plantedBugNames) {
      const [finding] = await findingsOf(bug, postgres);
      const found = finding
        ? `found (${finding.kind}: ${finding.what.split('\n')[0]!.slice(0, 120)})`
        : 'MISSED';
      process.stdout.write(`${bug}: ${found}\n`);
      if (!finding) process.exitCode = 1;
    }
  } finally {
    await postgres.stop();
  }
}

async function mainOfRebuild(): Promise<void> {
  const holds = count('rebuild', 10_000_000);
  process.stderr.write('filling a ledger…\n');
  const seconds = await measureRebuild(holds);
  process.stdout.write(`${holds} holds were rebuilt in ${seconds.toFixed(1)} s\n`);
}

function mainOfSum(): void {
  if (positionals.length === 0) wrong('--sum wants the files that campaigns have left with --json');
  try {
    process.stdout.write(`${campaignTable(positionals)}\n`);
  } catch (error) {
    wrong(error instanceof Error ? error.message : String(error));
  }
}

if (positionals.length > 0 && !values.sum) wrong(`nothing is meant by ${positionals.join(' ')}`);
if (values.sum) mainOfSum();
else if (values.steps) await mainOfSteps();
else if (values.rebuild !== undefined) await mainOfRebuild();
else if (values.planted) await mainOfPlanted();
else await main();
