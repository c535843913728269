/** What a run says of itself adds up: each row it has read counts once, under what became of it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { sql } from '#ledger';
import type { StatementItem } from '#payments';
import {
  csvOfRun,
  htmlOf,
  lookAtWindow,
  policiesDefault,
  reportOf,
  resolveDiscrepancy,
  RunRepository,
  scheduler,
  walkPolicyOfTime,
  WindowRepository,
  type Report,
  type RunResult,
} from '#reconciliation';
import {
  beginRun,
  emptied,
  itemsOf,
  openLedger,
  putPayment,
  reconcileItems,
  reconcileSource,
  takenIds,
  type TestLedger,
} from '../../fixtures/reconciliation.js';
import { transactionOf, Upstream } from '../../fixtures/upstream.js';
import { describeWithPostgres } from '../../servers/index.js';

let ledger: TestLedger;

/** The rows of the currencies, which the rows of the states are. */
function rowsUnderStates({ currencies }: RunResult): number {
  return currencies.reduce(
    (sum, { matched, open, ignored }) => sum + matched.rows + open.rows + ignored.rows,
    0,
  );
}

describeWithPostgres('the figures of a run', () => {
  beforeAll(async () => {
    ledger = await openLedger();
  });
  afterAll(() => ledger.stop());
  beforeEach(() => emptied(ledger.db));

  test('that somebody asks for have what was known of its overlap; of one of the schedule, what is new', async () => {
    const at = [1_000, 2_000, 3_000, 4_000];
    for (const ms of at)
      await putPayment(ledger.db, { provider: 'upstream', providerPaymentId: `tx_${ms}`, capturedAtMs: ms });
    const source = new Upstream(
      at.map((ms) => ({ transaction: transactionOf(`tx_${ms}`, { occurredAtMs: ms }), visibleAt: ms })),
    );
    // Windows of a second, each of which begins with the three seconds before it: every row is read again and again.
    const policy = { overlap: 3_000, windowMax: 1_000 };
    source.nowMs = 3_500;
    const first = await reconcileSource(ledger.db, source, policy);
    expect(first).toMatchObject({ rows: 3, inserted: 3, duplicates: 0, matched: 3 });
    source.nowMs = 4_500;
    const second = await reconcileSource(ledger.db, source, policy);
    expect(second).toMatchObject({ rows: 4, inserted: 1, duplicates: 3, matched: 4 });
    source.rows.push({ transaction: transactionOf('tx_5000', { occurredAtMs: 5_000 }), visibleAt: 0 });
    source.nowMs = 5_500;
    const third = await reconcileSource(ledger.db, source, { ...policy, requestedBy: scheduler });
    expect(third).toMatchObject({ rows: 1, inserted: 1, duplicates: 0, matched: 0 });
    for (const result of [first, second, third]) expect(rowsUnderStates(result)).toBe(result.rows);
  });

  test('have what a look at a window has found, or it has found nothing: whoever looks may die in between', async () => {
    const { db } = ledger;
    const source = new Upstream([{ transaction: transactionOf('slow'), visibleAt: 3_000 }], 2_000);
    await reconcileSource(db, source);
    source.nowMs = 4_000;
    const [window] = await new WindowRepository(db).due(source, 4_000, 1);
    const runId = await beginRun(db);
    const look = () => lookAtWindow({ db, source, policy: walkPolicyOfTime }, window!.id, runId);
    await sql`alter table reconciliation_runs add constraint cut_off check (inserted = 0) not valid`.execute(
      db,
    );
    try {
      await expect(look()).rejects.toThrow('cut_off');
    } finally {
      await sql`alter table reconciliation_runs drop constraint cut_off`.execute(db);
    }
    expect(await takenIds(db)).toEqual([]);
    expect(await look()).toMatchObject({ found: 1 });
    expect((await new RunRepository(db).find(runId))?.counts).toMatchObject({ rows: 1, inserted: 1 });
  });

  test('are those of what its report lists: what was ended before counts no more, what is ended since is shown', async () => {
    const strays = ['one', 'two', 'three'].map((id) => transactionOf(id));
    const broken = ['a', 'b'].map((raw, index): StatementItem => {
      return { kind: 'quarantined', line: 9 + index, reason: 'no amount', raw };
    });
    const items = [...itemsOf([...strays, strays[0]!]), ...broken];
    const reconcile = async () => {
      const runId = randomUUID();
      await reconcileItems(ledger.db, items, { runId });
      return (await reportOf(ledger.db, runId))!;
    };
    const listed = ({ sections }: Report) =>
      sections.map(({ code, count, discrepancies }) => [
        code,
        count,
        discrepancies.map(({ state }) => state),
      ]);

    const first = await reconcile();
    expect(listed(first)).toEqual([
      ['MISSING_INTERNAL', 3, ['open', 'open', 'open']],
      ['DUPLICATE_EXTERNAL', 1, []],
      ['SCHEMA_INVALID', 2, ['open', 'open']],
    ]);
    // A row that came twice is counted, and nobody can do anything about it.
    expect(htmlOf(first)).toContain('5 discrepancies to look at');
    const decided = [0, 2].map((section) => first.sections[section]!.discrepancies[0]!.id);
    const by = { action: 'resolve', actor: 'ada', reason: 'looked at' } as const;
    for (const discrepancyId of decided)
      await resolveDiscrepancy(ledger.db, policiesDefault, { discrepancyId, ...by });
    expect(listed((await reportOf(ledger.db, first.run.id))!)).toEqual([
      ['MISSING_INTERNAL', 3, ['resolved', 'open', 'open']],
      ['DUPLICATE_EXTERNAL', 1, []],
      ['SCHEMA_INVALID', 2, ['resolved', 'open']],
    ]);
    const second = await reconcile();
    expect(listed(second)).toEqual([
      ['MISSING_INTERNAL', 2, ['open', 'open']],
      ['DUPLICATE_EXTERNAL', 1, []],
      ['SCHEMA_INVALID', 1, ['open']],
    ]);
    expect(second.run.result).toMatchObject({ rows: 6, duplicates: 4, quarantined: 2 });
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', '＋1', '－1', '＠A1'])(
    'as CSV are no formulas: %j',
    async (text) => {
      const runId = randomUUID();
      const row = transactionOf('tx', { paymentReference: text, merchantReference: `${text},` });
      await reconcileItems(ledger.db, itemsOf([row]), { runId });
      let csv = '';
      for await (const piece of csvOfRun(ledger.db, runId)) csv += piece;
      const cell = /[\r\n]/.test(text) ? `"'${text}"` : `'${text}`;
      expect(csv).toContain(`,${cell},"'${text},",`);
    },
  );
});
