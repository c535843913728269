/**
 * The short form of `npm run test:faults`: some rounds of its faults, some use cases killed at every step, and every
 * planted bug, which it must find.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { check } from '../faults/checks.js';
import { emptyFigures, runRound } from '../faults/campaign.js';
import { killAtEveryStep } from '../faults/every-step.js';
import type { FaultName } from '../faults/faults.js';
import { hookPath } from '../faults/hooks/hook-path.js';
import { findingsOf, plantedBugNames, plantedBugs, type PlantedBug } from '../faults/planted.js';
import { Random } from '../faults/random.js';
import { PostgresNode } from '../faults/servers/postgres-node.js';
import { World, type WorldOptions } from '../faults/world.js';
import { describeWithPostgres } from '../servers/index.js';

const longMs = 120_000;

const stopsPostgres = (bug: PlantedBug): boolean =>
  plantedBugs[bug].some((fault) => fault === 'postgres-stop');

describeWithPostgres('the fault harness', () => {
  let postgres: PostgresNode;

  beforeAll(async () => {
    postgres = await PostgresNode.start();
  }, longMs);
  afterAll(() => postgres.stop(), longMs);

  const open = (over: Partial<WorldOptions>): Promise<World> =>
    World.open({
      random: new Random(42),
      instances: 2,
      partitions: 2,
      buyers: 12,
      durability: 'ledger',
      fsync: 'everysec',
      postgres,
      ...over,
    });

  test(
    'finds nothing after kills, power cuts, an emptied Redis, lost replies and a clock that was set',
    async () => {
      const rounds: FaultName[][] = [
        ['app-kill', 'power-cut', 'lost-replies'],
        ['postgres-stop', 'redis-flush', 'clock-jump'],
      ];
      const figures = emptyFigures();
      const world = await open({});
      try {
        world.crowd.start();
        for (const names of rounds) await runRound(world, { only: [] }, figures, names);
      } finally {
        await world.stop();
      }
      expect(figures.findings).toEqual([]);
      expect(figures.acknowledgements).toBeGreaterThan(50);
      expect(figures.histories).toMatchObject({ judged: rounds.length });
    },
    longMs,
  );

  test(
    'kills an adjustment at every step: it is made once',
    async () => {
      const world = await open({ instances: 1, buyers: 0, imports: [hookPath('crash-points')] });
      try {
        const { steps } = await killAtEveryStep(world, ['adjust']);
        expect(steps['adjust']!.length).toBeGreaterThanOrEqual(5);
        // A commit of the sweeper may come in between and be the step of that number.
        expect(new Set(steps['adjust']).size).toBeGreaterThanOrEqual(4);
        await check(world, { everything: true });
        expect(world.witness.findings).toEqual([]);
      } finally {
        await world.stop();
      }
    },
    longMs,
  );

  test(
    'finds every planted bug',
    async () => {
      const missed: string[] = [];
      const seek = async (bug: PlantedBug): Promise<void> => {
        if ((await findingsOf(bug, postgres)).length === 0) missed.push(bug);
      };
      // One world stops the PostgreSQL that all have. The others mostly wait: at once, they take little longer than the slowest.
      const [alone, together] = [
        plantedBugNames.filter(stopsPostgres),
        plantedBugNames.filter((bug) => !stopsPostgres(bug)),
      ];
      for (const bug of alone) await seek(bug);
      await Promise.all(together.map(seek));
      expect(missed).toEqual([]);
    },
    2 * longMs,
  );
});
