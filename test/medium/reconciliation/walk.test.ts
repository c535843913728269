/**
 * The walk under everything that made others lose rows, take them twice, or both; and those others under the same,
 * to be sure that it is hard enough.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { assert, asyncProperty, shuffledSubarray } from 'fast-check';
import { openPostgres, sql } from '#ledger';
import type { ProviderTransaction, TransactionSource } from '#payments';
import {
  CursorRepository,
  lookAtWindow,
  PostgresTransactionSource,
  Walk,
  walkPolicyOfCommits,
  type WalkPolicy,
  type WalkStep,
} from '#reconciliation';
import { eventually } from '../../fixtures/holdfast.js';
import {
  beginRun,
  emptied,
  openLedger,
  takenIds,
  takenRows,
  type TestLedger,
} from '../../fixtures/reconciliation.js';
import {
  busyRows,
  keysetPuller,
  offsetPuller,
  randomOf,
  transactionOf,
  Upstream,
  type Puller,
} from '../../fixtures/upstream.js';
import { describeWithPostgres } from '../../servers/index.js';

const policy: WalkPolicy = {
  pageSize: 100,
  overlap: 0,
  safetyLag: 50,
  windowMax: Number.MAX_SAFE_INTEGER,
  lookBack: Number.MAX_SAFE_INTEGER,
  closeSpacing: 5,
  checksAfterClose: [100, 1_000],
};

let ledger: TestLedger;
let runId: string;

function walkOf(source: TransactionSource, over: Partial<WalkPolicy> = {}): Walk {
  return new Walk({
    db: ledger.db,
    source,
    policy: { ...policy, ...over },
    claimsKnown: false,
    newId: randomUUID,
  });
}

/** Lets time pass and pulls meanwhile; then lets everything become visible and pulls once more. */
async function pullWhileRowsArrive(upstream: Upstream, puller: Puller): Promise<void> {
  const end = Math.max(...upstream.rows.map(({ visibleAt }) => visibleAt));
  for (upstream.nowMs = 1_000; upstream.nowMs < end; upstream.nowMs += 13) await puller.pull();
  upstream.nowMs = end + 1_000;
  await puller.pull();
}

/** What every way of reading has to hold: each row once. */
function expectEachOnce(upstream: Upstream, taken: readonly string[]): void {
  expect(taken.toSorted()).toEqual(upstream.rows.map(({ transaction }) => transaction.id).toSorted());
}

describeWithPostgres('the walk', () => {
  beforeAll(async () => {
    ledger = await openLedger();
  });
  afterAll(() => ledger.stop());
  beforeEach(async () => {
    await emptied(ledger.db);
    runId = await beginRun(ledger.db);
  });

  const rows = busyRows({ count: 600, lagMax: 40 });

  test('takes each row once while rows become visible out of order', async () => {
    const upstream = new Upstream(rows);
    const walk = walkOf(upstream);
    await pullWhileRowsArrive(upstream, { pull: () => walk.run(runId) });
    expectEachOnce(upstream, await takenIds(ledger.db));
  });

  test.each([
    ['the offset puller of the incident', offsetPuller],
    ['a plain keyset puller', keysetPuller],
  ])('%s fails the same test', async (_, pullerOf) => {
    const upstream = new Upstream(rows);
    const taken: string[] = [];
    const puller = pullerOf(upstream, 100, ({ id }) => void taken.push(id));
    await pullWhileRowsArrive(upstream, puller);
    expect(() => expectEachOnce(upstream, taken)).toThrow();
    expect(new Set(taken).size).toBeLessThan(rows.length);
  });

  test('gives the same result for every size of page', async () => {
    const few = rows.slice(0, 150);
    const results: unknown[] = [];
    for (const pageSize of [1, 2, 7, 100, 1_000, 5_000]) {
      await emptied(ledger.db);
      runId = await beginRun(ledger.db);
      const upstream = new Upstream(few, 5_000);
      await walkOf(upstream, { pageSize }).run(runId);
      expectEachOnce(upstream, await takenIds(ledger.db));
      results.push(await takenRows(ledger.db));
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  test('takes any order and any repetition of arrivals to the same state', async () => {
    const few = rows.slice(0, 12);
    const results = new Set<string>();
    await assert(
      asyncProperty(shuffledSubarray([...few.keys(), ...few.keys()], { minLength: 24 }), async (order) => {
        await emptied(ledger.db);
        runId = await beginRun(ledger.db);
        // Visible in this order, one a tick, some of them announced again.
        const upstream = new Upstream(
          order.map((index, tick) => ({ transaction: few[index]!.transaction, visibleAt: 2_000 + tick })),
        );
        const walk = walkOf(upstream, { safetyLag: 0, overlap: 5_000, pageSize: 3 });
        for (upstream.nowMs = 2_000; upstream.nowMs < 2_030; upstream.nowMs += 5) await walk.run(runId);
        results.add(JSON.stringify(await takenRows(ledger.db)));
      }),
      { numRuns: 12 },
    );
    expect(results.size).toBe(1);
  });

  test('many rows of one time are no trouble', async () => {
    const random = randomOf(7);
    const same = Array.from({ length: 500 }, (_, index) => ({
      transaction: transactionOf(`${random().toString(36).slice(2)}-${index}`, { occurredAtMs: 1_500 }),
      visibleAt: 1_500,
    }));
    const upstream = new Upstream(same, 5_000);
    await walkOf(upstream, { pageSize: 7 }).run(runId);
    expectEachOnce(upstream, await takenIds(ledger.db));
  });

  test('killed at every step, it repeats a page and skips none', async () => {
    const upstream = new Upstream(rows.slice(0, 60), 5_000);
    // Dies before or after each question and each statement, in turn, until nothing is left to die at.
    for (let fatal = 1; ; fatal += 1) {
      let steps = 0;
      const dying = new Proxy(upstream, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (name !== 'listTransactions' && name !== 'now') return value;
          return async (...args: never[]) => {
            steps += 1;
            if (steps === fatal) throw new Error('killed before the answer');
            const answer: unknown = await (value as (...args: never[]) => unknown).apply(target, args);
            return answer;
          };
        },
      });
      const db = openPostgres(ledger.url, () => undefined, { connectionsMax: 1 });
      const walk = new Walk({
        db,
        source: dying,
        policy: { ...policy, pageSize: 7 },
        claimsKnown: false,
        newId: randomUUID,
      });
      const died = await walk
        .run(runId, () => {
          steps += 1;
          if (steps === fatal) throw new Error('killed after the commit');
        })
        .then(
          () => false,
          () => true,
        );
      await db.destroy();
      if (!died) break;
    }
    expectEachOnce(upstream, await takenIds(ledger.db));
  });

  test('a transaction that is cut off in its middle leaves cursor and rows as they were', async () => {
    const upstream = new Upstream(rows.slice(0, 60), 5_000);
    await sql`alter table provider_windows add constraint planted check (false) not valid`.execute(ledger.db);
    try {
      await walkOf(upstream, { pageSize: 40 }).step(runId);
      const before = await new CursorRepository(ledger.db).find(upstream);
      await expect(walkOf(upstream, { pageSize: 40 }).step(runId)).rejects.toThrow('planted');
      expect(await takenIds(ledger.db)).toHaveLength(40);
      expect(await new CursorRepository(ledger.db).find(upstream)).toEqual(before);
    } finally {
      await sql`alter table provider_windows drop constraint planted`.execute(ledger.db);
    }
    await walkOf(upstream).run(runId);
    expectEachOnce(upstream, await takenIds(ledger.db));
  });

  test('racing walkers move the cursor once a page, and never back or past the horizon', async () => {
    const upstream = new Upstream(rows, 5_000);
    const steps: WalkStep[] = [];
    await Promise.all(
      [1, 2, 3, 4].map(() => walkOf(upstream, { pageSize: 20 }).run(runId, (step) => void steps.push(step))),
    );
    expectEachOnce(upstream, await takenIds(ledger.db));
    const advanced = steps.filter(({ kind }) => kind === 'advanced');
    expect(advanced).toHaveLength(rows.length / 20);
    expect(await new CursorRepository(ledger.db).find(upstream)).toMatchObject({
      horizon: 4_950,
      version: advanced.length,
      window: null,
    });
  });

  test('a second walk changes nothing', async () => {
    const upstream = new Upstream(rows, 5_000);
    await walkOf(upstream).run(runId);
    const before = await takenRows(ledger.db);
    const cursor = await new CursorRepository(ledger.db).find(upstream);
    expect(await walkOf(upstream).step(runId)).toMatchObject({ kind: 'at-horizon' });
    // Even one that has forgotten where it was.
    await sql`delete from provider_cursors`.execute(ledger.db);
    await walkOf(upstream).run(await beginRun(ledger.db));
    expect(await takenRows(ledger.db)).toEqual(before);
    expect((await new CursorRepository(ledger.db).find(upstream))?.horizon).toBe(cursor?.horizon);
  });

  test('a conflicting body never overwrites, and both are kept', async () => {
    const first = transactionOf('tx', { gross: { value: 1_000, currency: 'EUR' } });
    const other = transactionOf('tx', { gross: { value: 9_000, currency: 'EUR' } });
    const upstream = new Upstream([{ transaction: first, visibleAt: 0 }], 5_000);
    await walkOf(upstream).run(runId);
    upstream.rows[0] = { transaction: other, visibleAt: 0 };
    upstream.nowMs = 6_000;
    for (let repeat = 0; repeat < 2; repeat += 1) {
      upstream.nowMs += 100;
      await walkOf(upstream, { overlap: 6_000 }).run(runId);
    }
    expect(await takenRows(ledger.db)).toMatchObject([{ id: 'tx', gross: 1_000, raw: first.raw }]);
    const { rows: kept } = await sql<{ raw: string }>`select raw from conflicting_transactions`.execute(
      ledger.db,
    );
    expect(kept).toEqual([{ raw: other.raw }]);
  });

  test('a replica that falls behind in the middle is not believed', async () => {
    const upstream = new Upstream(rows, 1_500);
    const walk = walkOf(upstream, { pageSize: 20 });
    // Every other question goes to a replica that is far behind.
    upstream.replicaLag = (call) => (call % 2 === 0 ? 400 : 0);
    let refused = 0;
    for (let steps = 0; steps < 200; steps += 1) {
      const step = await walk.step(runId).catch((error: Error) => {
        expect(error.message).toContain('behind');
        refused += 1;
      });
      if (step?.kind === 'at-horizon') break;
    }
    expect(refused).toBeGreaterThan(0);
    expectEachOnce(upstream, await takenIds(ledger.db));
  });

  test('what is slower than lag and overlap is found when its window is closed, counted and reported', async () => {
    const slow = [
      ...rows.slice(0, 50),
      { transaction: transactionOf('within the overlap', { occurredAtMs: 1_990 }), visibleAt: 2_060 },
      { transaction: transactionOf('before the closing', { occurredAtMs: 1_001 }), visibleAt: 2_061 },
      { transaction: transactionOf('after the closing', { occurredAtMs: 1_002 }), visibleAt: 2_250 },
    ];
    const upstream = new Upstream(slow, 2_050);
    const walk = walkOf(upstream, { overlap: 20 });
    await walk.run(runId);
    expect(await takenIds(ledger.db)).toHaveLength(50);
    upstream.nowMs = 2_070;
    const beyond: (number | null)[] = [];
    await walk.run(runId, (step) => void (step.kind === 'advanced' && beyond.push(step.beyondLag)));
    expect(beyond).toEqual([30]);
    expect(await takenIds(ledger.db)).toHaveLength(51);

    const { rows: windows } = await sql<{ id: string }>`
      select id from provider_windows order by from_at`.execute(ledger.db);
    const look = (at: number) => {
      upstream.nowMs = at;
      return lookAtWindow({ db: ledger.db, source: upstream, policy }, windows[0]!.id, runId);
    };
    expect(await look(2_071)).toMatchObject({ state: 'read', found: 1, late: 0 });
    expect(await look(2_072)).toEqual({ kind: 'not-due' });
    expect(await look(2_076)).toMatchObject({ state: 'closed', found: 0 });
    expect(await look(2_176)).toMatchObject({ state: 'closed', found: 0 });
    expect(await look(3_100)).toMatchObject({ state: 'closed', found: 1, late: 1 });
    expect(await look(9_999)).toEqual({ kind: 'not-due' });
    expectEachOnce(upstream, await takenIds(ledger.db));
    const { rows: late } = await sql`select id from provider_transactions where late`.execute(ledger.db);
    expect(late).toEqual([{ id: 'after the closing' }]);
  });

  test('a window whose fetches differ stays open', async () => {
    const upstream = new Upstream(rows.slice(0, 20), 5_000);
    await walkOf(upstream).run(runId);
    const { rows: windows } = await sql<{ id: string }>`select id from provider_windows`.execute(ledger.db);
    const look = () => {
      upstream.nowMs += 10;
      return lookAtWindow({ db: ledger.db, source: upstream, policy }, windows[0]!.id, runId);
    };
    expect(await look()).toMatchObject({ state: 'read' });
    const [gone] = upstream.rows.splice(3, 1);
    expect(await look()).toMatchObject({ state: 'read' });
    upstream.rows.push(gone!);
    expect(await look()).toMatchObject({ state: 'read' });
    // Both find it due: the second would not, if the first were answered before.
    upstream.holdUntilAsked(2);
    const looks = await Promise.all([look(), look()]);
    expect(looks.map(({ kind }) => kind).sort()).toEqual(['looked', 'raced']);
    expect(looks).toContainEqual(expect.objectContaining({ state: 'closed' }));
  });

  test('windows are bounded, and together they are the whole account', async () => {
    const upstream = new Upstream(rows, 5_000);
    await walkOf(upstream, { windowMax: 30, lookBack: 4_100, overlap: 10 }).run(runId);
    expectEachOnce(upstream, await takenIds(ledger.db));
    const { rows: windows } = await sql<{ from_at: number; until_at: number }>`
      select from_at, until_at from provider_windows order by from_at`.execute(ledger.db);
    expect(windows.length).toBeGreaterThan(100);
    for (const [index, window] of windows.slice(1).entries())
      expect(window.from_at).toBe(windows[index]!.until_at);
  });
});

describeWithPostgres('a PostgreSQL of ours', () => {
  beforeAll(async () => {
    ledger = await openLedger(20);
    await sql`
      create table journal (
        xid xid8 not null default pg_current_xact_id(),
        id text primary key, kind text not null default 'charge',
        gross bigint not null default 1000, currency text not null default 'EUR', fee bigint,
        net bigint not null default 1000, net_currency text not null default 'EUR', payment_reference text,
        merchant_reference text, payout_id text, occurred_at bigint not null default extract(epoch from now()) * 1000,
        raw text not null default '{}',
        serial bigint generated always as identity
      )`.execute(ledger.db);
  });
  afterAll(() => ledger.stop());

  test('read by the snapshot horizon loses nothing under writers that take their time; by keyset it does', async () => {
    runId = await beginRun(ledger.db);
    const source = new PostgresTransactionSource({
      provider: 'ours',
      account: 'default',
      primary: ledger.db,
      table: 'journal',
    });
    const random = randomOf(3);
    const written: string[] = [];
    const write = async (writer: number) => {
      for (let count = 0; count < 12; count += 1) {
        await ledger.db.transaction().execute(async (tx) => {
          const id = `${random().toString(36).slice(2)}-${writer}-${count}`;
          await sql`insert into journal (id) values (${id})`.execute(tx);
          await new Promise((resolve) => setTimeout(resolve, random() * 120));
          written.push(id);
        });
      }
    };
    const naive: string[] = [];
    let last = ['0', ''];
    const pullByKeyset = async () => {
      const { rows } = await sql<{ id: string; at: string }>`
        select id, occurred_at::text as at from journal where (occurred_at, id collate "C") > (${last[0]}::bigint, ${last[1]})
        order by occurred_at, id collate "C"`.execute(ledger.db);
      for (const { id, at } of rows) [last, naive[naive.length]] = [[at, id], id];
    };
    const walk = new Walk({
      db: ledger.db,
      source,
      policy: { ...walkPolicyOfCommits, pageSize: 7 },
      claimsKnown: false,
      newId: randomUUID,
    });
    const state = { writing: true };
    const writers = Promise.all(Array.from({ length: 10 }, (_, writer) => write(writer))).then(
      () => (state.writing = false),
    );
    while (state.writing) await Promise.all([walk.run(runId), pullByKeyset()]);
    await writers;
    await pullByKeyset();
    // Whoever else writes on this server, in whatever database, holds the horizon back for as long as that takes.
    await eventually('every row is below the horizon', async () => {
      await walk.run(runId);
      return (await takenIds(ledger.db)).length === written.length;
    });
    expect(await takenIds(ledger.db)).toEqual(written.toSorted((a, b) => (a < b ? -1 : 1)));
    // The negative control: the cursor on (timestamp, id) has lost rows for good.
    expect(naive.length).toBeLessThan(written.length);
    // What is below the horizon is final: nothing to look at again.
    const { rows: windows } = await sql`select 1 from provider_windows where state = 'read'`.execute(
      ledger.db,
    );
    expect(windows).toEqual([]);
  });

  test('a replica is read only when it has replayed what the primary had at the start', async () => {
    const replica = openPostgres(ledger.url, () => undefined, { connectionsMax: 1 });
    const source = new PostgresTransactionSource({
      provider: 'ours',
      account: 'default',
      primary: ledger.db,
      replica,
      table: 'journal',
    });
    // A server that replays nothing has replayed up to nowhere.
    await expect(source.listTransactions({ from: 0, until: await source.now() }, null, 10)).rejects.toThrow(
      'has not replayed',
    );
    await replica.destroy();
  });
});

test('the incident: one order marked twice and paid out twice, and not any more', async () => {
  // The document's puller applies what each page says, in the order of arrival.
  const upstream = new Upstream(busyRows({ count: 400, lagMax: 30, seed: 5 }));
  const payouts = new Map<string, number>();
  const applied = (row: ProviderTransaction) => void payouts.set(row.id, (payouts.get(row.id) ?? 0) + 1);
  await pullWhileRowsArrive(upstream, offsetPuller(upstream, 100, applied));
  expect([...payouts.values()].some((times) => times > 1)).toBe(true);
  expect(payouts.size).toBeLessThan(400);
});
