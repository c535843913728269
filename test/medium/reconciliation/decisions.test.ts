/** What is open has its reason on record, a person's decision ends it, and nothing but a person's decision does. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from '#ledger';
import type { ProviderTransaction } from '#payments';
import { systemTimers } from '#platform';
import {
  policiesDefault,
  recordTieOuts,
  resolveDiscrepancy,
  RunRepository,
  step,
  walkRun,
  type DiscrepancyRow,
} from '#reconciliation';
import {
  emptied,
  itemsOf,
  openLedger,
  putPayment,
  reconcileItems,
  takenRows,
  type TestLedger,
} from '../../fixtures/reconciliation.js';
import { transactionOf } from '../../fixtures/upstream.js';
import { describeWithPostgres } from '../../servers/index.js';

const euro = (value: number) => ({ value, currency: 'EUR' });
const charge = (id: string, over: Partial<ProviderTransaction> = {}) =>
  transactionOf(id, { fee: euro(0), ...over });
const refund = (id: string, of: string, value: number) =>
  charge(id, { kind: 'refund', gross: euro(-value), paymentReference: of });

let ledger: TestLedger;

describeWithPostgres('decisions about rows', () => {
  beforeAll(async () => {
    ledger = await openLedger();
  });
  afterAll(() => ledger.stop());
  beforeEach(() => emptied(ledger.db));

  const stateOf = async (id: string) =>
    (await takenRows(ledger.db)).find((row) => row['id'] === id)?.['state'];

  async function openOnes(): Promise<{ id: string; code: string; subject: string }[]> {
    const { rows } = await sql<{ id: string; code: string; subject: string }>`
      select id, code, subject from discrepancies where state = 'open' order by code, subject`.execute(
      ledger.db,
    );
    return rows;
  }

  async function endAll(): Promise<void> {
    const by = { action: 'resolve', actor: 'ada', reason: 'looked at' } as const;
    for (const { id } of await openOnes())
      await resolveDiscrepancy(ledger.db, policiesDefault, { discrepancyId: id, ...by });
  }

  describe('about one discrepancy, two at once', () => {
    const account = { provider: 'stripe', account: 'default' };
    const tieOut = (actual: number) => [
      { payout: 'po_1', currency: 'EUR', expected: 100, actual, ties: actual === 100 },
    ];
    const actions = async () =>
      (
        await sql<{ action: string; actor: string }>`
          select action, actor from discrepancy_steps order by discrepancy_id, step`.execute(ledger.db)
      ).rows.map(({ action, actor }) => `${action} by ${actor}`);

    /** Of a run, in a transaction that takes a moment to end. */
    async function tie(actual: number): Promise<void> {
      const id = randomUUID();
      await new RunRepository(ledger.db).add(walkRun({ id, account, requestedBy: 'test' }));
      await ledger.db.transaction().execute(async (tx) => {
        await recordTieOuts(tx, account, id, tieOut(actual), 'provider');
        await systemTimers.sleep(100);
      });
    }

    test('runs find that it is no longer so: it is resolved, once, and neither fails', async () => {
      await tie(90);
      await Promise.all([tie(100), tie(100), tie(100)]);
      expect(await actions()).toEqual(['open by reconciliation', 'resolve by reconciliation']);
      await Promise.all([tie(90), tie(90)]);
      expect((await actions()).slice(2)).toEqual(['reopen by reconciliation']);
    });

    test('a person and a run end it: whoever is second finds it ended', async () => {
      await tie(90);
      const [{ id } = { id: '' }] = await openOnes();
      const resolved = tie(100);
      await systemTimers.sleep(50);
      const command = { discrepancyId: id, action: 'void', actor: 'ada', reason: 'looked at' } as const;
      const taken = await resolveDiscrepancy(ledger.db, policiesDefault, command);
      await resolved;
      expect(taken).toMatchObject({ kind: 'too-late' });
      expect(await actions()).toEqual(['open by reconciliation', 'resolve by reconciliation']);
    });

    test('a person ends it after a run has looked, and before that writes: the decision stays', async () => {
      await tie(90);
      const by = { actor: 'ada', reason: 'looked at' };
      const { resolved } = await ledger.db.transaction().execute(async (tx) => {
        const { rows } = await sql<DiscrepancyRow>`select * from discrepancies for update`.execute(tx);
        const run = tie(100);
        await systemTimers.sleep(100);
        await step(tx, rows[0]!, 'void', by);
        return { resolved: run };
      });
      await resolved;
      expect(await actions()).toEqual(['open by reconciliation', 'void by ada']);
    });
  });

  describe('every row that is open says why, and is ended by what it says', () => {
    const groups: [string, Parameters<typeof putPayment>[1], ProviderTransaction[]][] = [
      [
        'parts of a charge that are not the whole',
        {},
        [
          charge('a', { paymentReference: 'tx', gross: euro(300) }),
          charge('b', { paymentReference: 'tx', gross: euro(300) }),
        ],
      ],
      [
        'parts of a charge that are more than the whole',
        {},
        [
          charge('a', { paymentReference: 'tx', gross: euro(700) }),
          charge('b', { paymentReference: 'tx', gross: euro(700) }),
        ],
      ],
      [
        'parts of a refund that are not the whole',
        { refund: { status: 'done' } },
        [charge('tx'), refund('a', 'tx', 300), refund('b', 'tx', 300)],
      ],
      [
        'parts of a refund that are more than the whole',
        { refund: { status: 'done' } },
        [charge('tx'), refund('a', 'tx', 700), refund('b', 'tx', 700)],
      ],
      [
        'parts of a refund in two currencies',
        { refund: { status: 'done' } },
        [
          charge('tx'),
          refund('a', 'tx', 300),
          charge('b', { kind: 'refund', gross: { value: -700, currency: 'USD' }, paymentReference: 'tx' }),
        ],
      ],
      [
        'parts of a refund that had been refused',
        { refund: { status: 'failed' } },
        [charge('tx'), refund('a', 'tx', 300), refund('b', 'tx', 700)],
      ],
      [
        'parts of a payment that we do not believe in',
        { status: 'pending' },
        [
          charge('a', { paymentReference: 'tx', gross: euro(300) }),
          charge('b', { paymentReference: 'tx', gross: euro(700) }),
        ],
      ],
    ];
    test.each(groups)('%s', async (_, payment, rows) => {
      await putPayment(ledger.db, { providerPaymentId: 'tx', ...payment });
      await reconcileItems(ledger.db, itemsOf(rows));
      const open = (await takenRows(ledger.db)).filter(({ state }) => state === 'open');
      const subjects = new Set((await openOnes()).map(({ subject }) => subject));
      for (const { id } of open) expect(subjects).toContain(id);
      await endAll();
      for (const { id } of open) expect([id, await stateOf(String(id))]).toEqual([id, 'ignored']);
    });
  });

  test('what ended by itself and is so again is open again: nobody has decided about it', async () => {
    const nameless = (id: string) => charge(id, { paymentReference: null, gross: euro(500) });
    await putPayment(ledger.db, { value: 500, providerPaymentId: 'named' });
    await putPayment(ledger.db, { value: 500 });
    await reconcileItems(ledger.db, itemsOf([nameless('one')]));
    expect(await openOnes()).toMatchObject([{ code: 'AMBIGUOUS', subject: 'one' }]);
    await reconcileItems(ledger.db, itemsOf([charge('named', { gross: euro(500) })]));
    expect([await openOnes(), await stateOf('one')]).toEqual([[], 'matched']);
    await reconcileItems(ledger.db, itemsOf([nameless('two')]));
    expect(await openOnes()).toMatchObject([
      { code: 'AMBIGUOUS', subject: 'one' },
      { code: 'AMBIGUOUS', subject: 'two' },
    ]);
    expect(await stateOf('one')).toBe('open');
    // A person has the last word.
    await endAll();
    await reconcileItems(ledger.db, itemsOf([nameless('one'), nameless('two')]));
    expect([await openOnes(), await stateOf('one'), await stateOf('two')]).toEqual([
      [],
      'ignored',
      'ignored',
    ]);
  });
});
