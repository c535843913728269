/** Simulations on record: one at a time whoever asks, the last ones kept, and none running for ever. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { scenario } from '#contracts';
import {
  type Database,
  type ListPosition,
  migrate,
  openPglite,
  openPostgres,
  pgliteParsers,
  sql,
} from '#ledger';
import { rehearseVirtually, silenceSecondsMax, SimulationRepository, simulationsKept } from '#simulation';
import { describeWithPostgres, testPglite, testPostgres } from '../servers/index.js';

const sale = scenario.parse({ time: 'virtual', buyers: 20, stock: 5 });
const progress = {
  phase: 'preparing',
  elapsedMs: 0,
  requests: 0,
  planned: 0,
  accepted: 0,
  confirmed: 0,
  oversold: 0,
  rejected: { soldOut: 0, insufficient: 0, duplicate: 0, buyerLimit: 0, error: 0 },
  unitsLeft: 5,
} as const;
const failed = { status: 'failed', problem: 'a test' } as const;

function describeRecords(open: () => Promise<{ db: Database; stop(): Promise<void> }>): void {
  let ledger: Awaited<ReturnType<typeof open>>;
  let records: SimulationRepository;
  beforeAll(async () => {
    ledger = await open();
    await migrate(ledger.db);
    records = new SimulationRepository(ledger.db);
  }, 60_000);
  afterAll(() => ledger.stop());
  beforeEach(() => sql`delete from simulations`.execute(ledger.db));

  const begin = (id: string = randomUUID()) => records.begin(id, sale, progress);

  test('of many that begin at once one does, and it is known afterwards', async () => {
    const ids = Array.from({ length: 8 }, () => randomUUID());
    const outcomes = await Promise.all(ids.map(begin));
    expect(outcomes.toSorted()).toEqual([...Array<string>(7).fill('another-runs'), 'begun']);
    expect(await begin(ids[outcomes.indexOf('begun')])).toBe('known');
  });

  test('a report comes back as it was, and makes room for the next one', async () => {
    const id = randomUUID();
    await begin(id);
    const report = await rehearseVirtually(sale);
    await records.progressed(id, { ...progress, phase: 'selling', requests: 7 });
    expect(await records.find(id)).toMatchObject({
      status: 'running',
      progress: { requests: 7 },
      report: null,
    });
    await records.ended(id, progress, { status: 'finished', report });
    expect(await records.find(id)).toEqual({
      id,
      status: 'finished',
      scenario: sale,
      progress,
      report,
      problem: null,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
    expect(await begin()).toBe('begun');
  });

  test('the last ones are kept, newest first', async () => {
    const ids = Array.from({ length: simulationsKept + 3 }, () => randomUUID());
    for (const id of ids) {
      expect(await begin(id)).toBe('begun');
      await records.ended(id, progress, failed);
    }
    const { data, next } = await records.list({ limit: 50, after: null });
    expect(data.map(({ id }) => id)).toEqual(ids.toReversed().slice(0, simulationsKept));
    expect(next).toBeNull();
    expect(await records.find(ids[0]!)).toBeUndefined();
  });

  test('they are listed by pages, also while new ones begin', async () => {
    const ids = Array.from({ length: 5 }, () => randomUUID());
    const run = async (id: string) => {
      await begin(id);
      await records.ended(id, progress, failed);
    };
    for (const id of ids) await run(id);
    const listed: string[] = [];
    let after: ListPosition | null = null;
    do {
      const page: Awaited<ReturnType<typeof records.list>> = await records.list({ limit: 2, after });
      listed.push(...page.data.map(({ id }) => id));
      after = page.next;
      await run(randomUUID());
    } while (after !== null);
    expect(listed).toEqual(ids.toReversed());
  });

  test('one that nobody has heard of has failed, unless its report comes after all', async () => {
    const id = randomUUID();
    await begin(id);
    const age = (seconds: number) =>
      sql`update simulations set heard_at = now() - make_interval(secs => ${seconds})`.execute(ledger.db);
    await age(silenceSecondsMax - 5);
    expect(await begin()).toBe('another-runs');
    await age(silenceSecondsMax + 1);
    expect(await begin()).toBe('begun');
    expect(await records.find(id)).toMatchObject({
      status: 'failed',
      problem: expect.stringContaining('again'),
    });
    const report = await rehearseVirtually(sale);
    await records.ended(id, progress, { status: 'finished', report });
    expect(await records.find(id)).toMatchObject({ status: 'finished', problem: null });
    await records.ended(id, progress, failed);
    expect(await records.find(id)).toMatchObject({ status: 'finished', report });
  });
}

describe('simulations on record in PGlite', () => {
  describeRecords(async () => {
    const { pglite, stop } = await testPglite({ parsers: pgliteParsers });
    return { db: openPglite(pglite), stop };
  });
});

describeWithPostgres('simulations on record in PostgreSQL', () => {
  describeRecords(async () => {
    const database = await testPostgres();
    const db = openPostgres(database.url, () => undefined);
    return {
      db,
      async stop() {
        await db.destroy();
        await database.stop();
      },
    };
  });
});
