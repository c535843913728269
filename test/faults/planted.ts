/** Each class of bug, planted into the service, must be found; a harness that cannot fail proves nothing. */
import { emptyFigures, lastWord, runRound } from './campaign.js';
import type { FaultName } from './faults.js';
import { hookPath } from './hooks/hook-path.js';
import { providerPlan, type ProviderPlan } from './provider.js';
import { Random } from './random.js';
import type { PostgresNode } from './servers/postgres-node.js';
import type { Finding } from './witness.js';
import { World } from './world.js';

/** The bugs, each with the faults under which it shows; none: under load alone. */
export const plantedBugs = {
  'acknowledges-before-the-commit': ['postgres-stop', 'redis-flush'],
  'holds-twice': ['lost-replies', 'lost-replies', 'lost-replies'],
  'releases-twice': ['lost-replies'],
  'forgets-to-journal-releases': [],
  'expires-early': [],
  'believes-any-clock': ['clock-jump'],
  'rebuilds-without-some-holds': ['redis-flush'],
  'keeps-late-money': [],
  'checks-no-epoch': ['stale-snapshot'],
  'adds-back-what-may-be-held': ['lost-replies'],
} satisfies { readonly [name: string]: readonly FaultName[] };

export type PlantedBug = keyof typeof plantedBugs;
export const plantedBugNames = Object.keys(plantedBugs) as PlantedBug[];

/** Which replies are lost, and when, is a matter of luck: a bug may show in one round of three. */
const roundsMax = 15;
const patienceMs = 10_000;
/** What a bug gives away is that something is wrong. That something is slow may be the machine's fault. */
const slow: ReadonlySet<Finding['kind']> = new Set(['stuck', 'harness']);
/** Money that comes late is rare; a provider that is always late and never gives up a charge makes it common. */
const lateProvider = {
  ...providerPlan,
  decline: 0,
  delayMs: [1_500, 3_000],
  refuseCancel: 1,
} satisfies ProviderPlan;

/** What the harness finds of a bug within a few rounds; nothing: it has missed it. */
export async function findingsOf(bug: PlantedBug, postgres: PostgresNode): Promise<readonly Finding[]> {
  const world = await World.open({
    random: new Random(1),
    instances: 1,
    partitions: 2,
    buyers: 16,
    durability: 'ledger',
    fsync: 'everysec',
    postgres,
    patienceMs,
    imports: [hookPath('planted-bugs')],
    environment: { PLANTED_BUG: bug },
  });
  world.provider.plan(lateProvider);
  const figures = emptyFigures();
  const telling = (): Finding[] => figures.findings.filter(({ kind }) => !slow.has(kind));
  try {
    world.crowd.start();
    while (telling().length === 0 && figures.rounds < roundsMax)
      await runRound(world, { only: [] }, figures, plantedBugs[bug]);
    if (telling().length === 0) await lastWord(world, figures);
  } finally {
    await world.stop();
  }
  return telling();
}
