/**
 * Rounds of faults: load, one to three faults at once, recovery, checks. The figures of a campaign are what the rounds
 * saw, nothing more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { check } from './checks.js';
import { faults, partOf, type FaultName } from './faults.js';
import { Random } from './random.js';
import { PostgresNode } from './servers/postgres-node.js';
import type { Finding } from './witness.js';
import { World, type WorldOptions } from './world.js';

export type CampaignOptions = {
  readonly rounds: number;
  /** No round begins after this. */
  readonly durationMaxMs: number;
  readonly seed: number;
  /** The faults to draw from. */
  readonly only: readonly FaultName[];
  readonly onRound: (round: number, figures: Figures) => void;
  /** Asked before each round: whether somebody wants the campaign to end. */
  readonly isStopped?: () => boolean;
} & Pick<
  WorldOptions,
  'instances' | 'partitions' | 'buyers' | 'durability' | 'fsync' | 'masters' | 'patienceMs'
>;

export type Figures = {
  rounds: number;
  acknowledgements: number;
  refusals: number;
  lost: number;
  oversold: number;
  readonly injected: { [counted: string]: number };
  /** What payments came to in the end, by status. */
  readonly payments: { [status: string]: number };
  readonly findings: (Finding & { readonly round: number; readonly faults: readonly FaultName[] })[];
  /** Histories of one SKU, of several processes, that were judged; `undecided`: the search was given up. */
  readonly histories: { judged: number; operations: number; undecided: number };
  /** What the instances logged as wrong in rounds with findings, and what the ledger has of the reservations that they name. */
  readonly logs: { readonly round: number; readonly lines: readonly string[] }[];
  /** From the moment everything runs again until every instance acknowledges in every partition. */
  readonly recoveryMs: { readonly faults: readonly FaultName[]; readonly ms: number }[];
  /** From then until Redis and the ledger say the same, with the load paused. */
  readonly agreedMs: number[];
  durationMs: number;
};

/** A world lives this many rounds: the checks go over all of its ledger. */
const roundsPerWorld = 40;
const logLinesMax = 12;
const historyLinesMax = 200;
/** A machine on which no world can be opened so many times in a row is not tried again. */
const worldsMissedMax = 3;
/** After a key was claimed by a process that died, another may take it over. */
const leaseMs = 10_000;

export function emptyFigures(): Figures {
  return {
    rounds: 0,
    acknowledgements: 0,
    refusals: 0,
    lost: 0,
    oversold: 0,
    injected: {},
    payments: {},
    findings: [],
    histories: { judged: 0, operations: 0, undecided: 0 },
    logs: [],
    recoveryMs: [],
    agreedMs: [],
    durationMs: 0,
  };
}

export async function runCampaign(options: CampaignOptions): Promise<Figures> {
  const startedMs = performance.now();
  const figures = emptyFigures();
  const random = new Random(options.seed);
  const postgres = await PostgresNode.start();
  try {
    const over = (): boolean =>
      figures.rounds >= options.rounds ||
      performance.now() - startedMs > options.durationMaxMs ||
      (options.isStopped?.() ?? false);
    for (let missed = 0; !over() && missed < worldsMissedMax;) {
      const world = await World.open({ ...options, random, postgres }).catch((error: unknown) => {
        missed += 1;
        giveUp(figures, `a world could not be opened: ${String(error)}`);
      });
      if (!world) continue;
      missed = 0;
      try {
        world.crowd.start();
        for (let round = 0; round < roundsPerWorld && !over(); round += 1) {
          await runRound(world, options, figures);
          figures.durationMs = performance.now() - startedMs;
          options.onRound(figures.rounds, figures);
        }
        await lastWord(world, figures);
      } catch (error) {
        giveUp(figures, `the world could not go on: ${String(error)}`);
      } finally {
        await world.stop();
      }
    }
  } finally {
    await postgres.stop();
  }
  figures.durationMs = performance.now() - startedMs;
  return figures;
}

/** The harness's own trouble: the world is given up, and said so. */
function giveUp({ findings, rounds: round }: Figures, what: string): void {
  findings.push({ kind: 'harness', what, round, faults: [] });
}

/** One round. Exported for tests that plan their faults themselves. */
export async function runRound(
  world: World,
  { only }: Pick<CampaignOptions, 'only'>,
  figures: Figures,
  planned?: readonly FaultName[],
): Promise<void> {
  const { random, partitions } = world.options;
  figures.rounds += 1;
  const before = countsOf(world);
  const names = planned ?? draw(random, only);
  world.crowd.resume();
  await world.crowd.stock(`sku-${figures.rounds}-${partitions}`, random.integer(20, 120));
  await world.crowd.contend(`contested-${figures.rounds}`, random.integer(4, 30));
  await sleep(random.integer(50, 250));
  await inject(world, names, figures);
  await world.reviveCrashed();
  try {
    figures.recoveryMs.push({ faults: names, ms: await world.recovered() });
    await sleep(random.integer(20, 120));
    await world.crowd.pause();
    const { agreedAfterMs } = await check(world);
    figures.agreedMs.push(agreedAfterMs);
    judgeContests(world, figures);
  } catch (error) {
    world.witness.add('stuck', String(error instanceof Error ? error.message : error));
  }
  await collect(world, figures, names, before);
}

/** At the end of a world: every request gets its answer, every acknowledgement is looked at once more. */
export async function lastWord(world: World, figures: Figures): Promise<void> {
  const before = countsOf(world);
  await world.crowd.pause();
  if (world.witness.unanswered.size > 0) await sleep(leaseMs);
  const open = [...world.witness.unanswered.values()];
  const giveUpAtMs = performance.now() + 3 * world.patienceMs;
  while (world.witness.unanswered.size > 0 && performance.now() < giveUpAtMs) {
    // One after the other: of two at once on one reservation nobody could say which was answered first.
    for (const intent of open)
      if (world.witness.unanswered.has(intent.key)) await world.crowd.carryOut(intent, 1);
    await sleep(200);
  }
  for (const intent of world.witness.unanswered.values())
    world.witness.add(
      'stuck',
      `${intent.kind} under ${intent.key} gets no answer: ${world.witness.openAnswers.get(intent.key)}`,
    );
  const { payments } = await check(world, { everything: true });
  count(figures.payments, payments);
  await collect(world, figures, [], before);
}

async function inject(world: World, names: readonly FaultName[], figures: Figures): Promise<void> {
  const parts = Map.groupBy(names, partOf);
  await Promise.all(
    Array.from(parts.values(), async (inTurn) => {
      await sleep(world.options.random.integer(0, 60));
      for (const name of inTurn) count(figures.injected, await faults[name].run(world));
    }),
  );
}

function count(into: { [counted: string]: number }, more: { readonly [counted: string]: number }): void {
  for (const [counted, number] of Object.entries(more)) into[counted] = (into[counted] ?? 0) + number;
}

/** What was seen of the SKUs that were fought for. What is still unanswered may have happened or not. */
function judgeContests({ witness }: World, { histories }: Figures): void {
  for (const [sku, contended] of witness.contended) {
    const verdict = contended.verdict();
    histories.judged += 1;
    histories.operations += contended.size;
    if (verdict === 'undecided') histories.undecided += 1;
    if (verdict === 'not-linearizable')
      witness.add(verdict, `no single shelf could have answered so for ${sku}:\n${contended.toString()}`);
  }
  witness.contended.clear();
}

function draw(random: Random, only: readonly FaultName[]): FaultName[] {
  return random.sample(only, random.pick([1, 1, 2, 2, 3]));
}

function countsOf({ witness }: World): { acknowledgements: number; refusals: number } {
  return { acknowledgements: witness.acknowledgements, refusals: witness.refusals };
}

async function collect(
  world: World,
  figures: Figures,
  names: readonly FaultName[],
  before: { readonly acknowledgements: number; readonly refusals: number },
): Promise<void> {
  const { witness, fleet } = world;
  figures.acknowledgements += witness.acknowledgements - before.acknowledgements;
  figures.refusals += witness.refusals - before.refusals;
  for (const refusal of fleet.members.flatMap((member) => member.takeRefusals()))
    witness.add('refused-by-the-ledger', refusal);
  const troubles = fleet.members.flatMap((member) => member.takeTroubles()).slice(0, logLinesMax);
  if (witness.findings.length > 0) {
    const history = await historyOf(world, witness.findings.map(({ what }) => what).join('\n'));
    figures.logs.push({ round: figures.rounds, lines: [...troubles, ...history] });
  }
  for (const finding of witness.findings.splice(0)) {
    if (finding.kind === 'lost') figures.lost += 1;
    if (finding.kind === 'oversold') figures.oversold += 1;
    figures.findings.push({ ...finding, round: figures.rounds, faults: names });
  }
}

/** What the ledger's journal has of the reservations that a text names. */
async function historyOf({ ledger }: World, text: string): Promise<string[]> {
  const ids = text.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? [];
  const found = ledger.query<{ entry: string }>(
    `select to_json(e)::text as entry from ledger_entries e where reservation_id = any($1::uuid[])
     order by at, partition, sequence limit $2`,
    [[...new Set(ids)], historyLinesMax],
  );
  return found.then(
    ({ rows }) => rows.map(({ entry }) => entry),
    (error: unknown) => [`the history could not be read: ${String(error)}`],
  );
}
