/** Matching on a real ledger: which row is which payment, what differs, and that nothing but the facts decides it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { assert, asyncProperty, constantFrom, array } from 'fast-check';
import { sql } from '#ledger';
import { StatementCutOffError, type ProviderTransaction } from '#payments';
import { findMissing, matchPolicyDefault, type DiscrepancyCode, type PaymentCommands } from '#reconciliation';
import {
  beginRun,
  emptied,
  itemsOf,
  openLedger,
  putPayment,
  reconcileItems,
  recordedDiscrepancies,
  takenRows,
  type TestLedger,
} from '../../fixtures/reconciliation.js';
import { transactionOf } from '../../fixtures/upstream.js';
import { describeWithPostgres } from '../../servers/index.js';

const euro = (value: number) => ({ value, currency: 'EUR' });
const charge = (id: string, over: Partial<ProviderTransaction> = {}) =>
  transactionOf(id, { fee: euro(0), ...over });
const refund = (id: string, of: string, value: number, over: Partial<ProviderTransaction> = {}) =>
  charge(id, { kind: 'refund', gross: euro(-value), paymentReference: of, ...over });

let ledger: TestLedger;

describeWithPostgres('matching', () => {
  beforeAll(async () => {
    ledger = await openLedger();
  });
  afterAll(() => ledger.stop());
  beforeEach(() => emptied(ledger.db));

  const rowOf = async (id: string) => (await takenRows(ledger.db)).find((row) => row['id'] === id);
  const codes = async () =>
    (await recordedDiscrepancies(ledger.db)).filter(({ state }) => state === 'open').map(({ code }) => code);

  test('by the id of the provider, by our references, and by amount, currency and date, in this order', async () => {
    const byId = await putPayment(ledger.db, { providerPaymentId: 'ch_1' });
    const byReference = await putPayment(ledger.db);
    const byOrder = await putPayment(ledger.db);
    const byAmount = await putPayment(ledger.db, { value: 777, capturedAtMs: 50_000 });
    const { result } = await reconcileItems(
      ledger.db,
      itemsOf([
        charge('tx_1', { paymentReference: 'ch_1' }),
        charge('tx_2', { paymentReference: null, merchantReference: byReference.reservationId }),
        charge('tx_3', { paymentReference: null, merchantReference: byOrder.orderId }),
        charge('tx_4', { paymentReference: null, gross: euro(777), occurredAtMs: 60_000 }),
        charge('tx_5'),
      ]),
    );
    expect(result).toMatchObject({ rows: 5, matched: 4, discrepancies: { MISSING_INTERNAL: 1 } });
    expect(await rowOf('tx_1')).toMatchObject({
      payment_id: byId.paymentId,
      rule: 'charge',
      reason: expect.stringContaining("provider's id"),
    });
    expect(await rowOf('tx_2')).toMatchObject({
      payment_id: byReference.paymentId,
      reason: expect.stringContaining('our reference'),
    });
    expect(await rowOf('tx_3')).toMatchObject({ payment_id: byOrder.paymentId });
    expect(await rowOf('tx_4')).toMatchObject({
      payment_id: byAmount.paymentId,
      reason: expect.stringContaining('amount, currency and date'),
    });
    expect(await rowOf('tx_5')).toMatchObject({ state: 'open', payment_id: null });
  });

  test('what could be two is ambiguous, and nobody guesses', async () => {
    await putPayment(ledger.db, { value: 500 });
    await putPayment(ledger.db, { value: 500 });
    const { result } = await reconcileItems(
      ledger.db,
      itemsOf([charge('tx_1', { paymentReference: null, gross: euro(500) })]),
    );
    expect(result).toMatchObject({ matched: 0, discrepancies: { AMBIGUOUS: 1 } });
  });

  describe('names what differs', () => {
    const cases: [DiscrepancyCode, Parameters<typeof putPayment>[1], ProviderTransaction[]][] = [
      ['AMOUNT_OVER', {}, [charge('tx', { gross: euro(1_200) })]],
      ['AMOUNT_UNDER', {}, [charge('tx', { gross: euro(800) })]],
      ['CURRENCY_MISMATCH', {}, [charge('tx', { gross: { value: 1_000, currency: 'USD' } })]],
      ['DIRECTION_MISMATCH', {}, [charge('tx', { gross: euro(-1_000) })]],
      ['STATUS_MISMATCH', { status: 'pending' }, [charge('tx')]],
      ['DATA_MISMATCH', {}, [charge('tx', { paymentReference: 'tx', merchantReference: 'another order' })]],
      ['FEE_VARIANCE', {}, [charge('tx', { fee: euro(30), net: euro(900) })]],
      [
        'SPLIT_INCOMPLETE',
        {},
        [
          charge('a', { paymentReference: 'tx', gross: euro(300) }),
          charge('b', { paymentReference: 'tx', gross: euro(300) }),
        ],
      ],
      [
        'MISSING_INTERNAL',
        {},
        [charge('tx'), charge('again', { paymentReference: 'tx', occurredAtMs: 2_000 })],
      ],
      ['MISSING_INTERNAL', {}, [charge('tx'), refund('re', 'tx', 1_000)]],
      ['CHARGEBACK', {}, [charge('tx'), charge('cb', { kind: 'chargeback', paymentReference: 'tx' })]],
      [
        'CHARGEBACK_REVERSED',
        {},
        [charge('tx'), charge('cb', { kind: 'chargeback-reversed', paymentReference: 'tx' })],
      ],
      ['REFUND_FAILED', {}, [charge('tx'), charge('rf', { kind: 'refund-failed', paymentReference: 'tx' })]],
      [
        'AMOUNT_UNDER',
        { refund: { status: 'done', providerRefundId: 're' } },
        [charge('tx'), refund('re', 'tx', 900)],
      ],
      [
        'AMOUNT_OVER',
        { refund: { status: 'done', providerRefundId: 're' } },
        [charge('tx'), refund('re', 'tx', 1_000), refund('re2', 'tx', 1_000, { occurredAtMs: 2_000 })],
      ],
      ['STATUS_MISMATCH', { refund: { status: 'failed' } }, [charge('tx'), refund('re', 'tx', 1_000)]],
    ];
    test.each(cases)('%s (%#)', async (code, payment, rows) => {
      await putPayment(ledger.db, { providerPaymentId: 'tx', ...payment });
      await reconcileItems(ledger.db, itemsOf(rows));
      expect([...new Set(await codes())]).toEqual([code]);
    });

    test('FEE_MISSING, FEE_VARIANCE and FX_DIFFERENCE by what was agreed on', async () => {
      for (const id of ['none', 'high', 'good', 'fx', 'fair']) {
        await putPayment(ledger.db, { providerPaymentId: id });
      }
      const dollars = (value: number) => ({ value, currency: 'USD' });
      await reconcileItems(
        ledger.db,
        itemsOf([
          charge('none'),
          charge('high', { fee: euro(90), net: euro(910) }),
          charge('good', { fee: euro(40), net: euro(960) }),
          charge('fx', { fee: dollars(40), net: dollars(900) }),
          charge('fair', { fee: dollars(40), net: dollars(1_060) }),
        ]),
        {
          policy: {
            fees: { EUR: { basisPoints: 150, fixed: 25, tolerance: 0 } },
            rates: { EURUSD: { perMillion: 1_100_000, toleranceBasisPoints: 50 } },
          },
        },
      );
      expect(
        (await recordedDiscrepancies(ledger.db)).map(({ code, subject, expected }) => [
          code,
          subject,
          expected,
        ]),
      ).toEqual([
        ['FEE_MISSING', 'none', 40],
        ['FEE_VARIANCE', 'high', 40],
        ['FX_DIFFERENCE', 'fx', 1_100],
      ]);
      expect(await rowOf('fair')).toMatchObject({ reason: expect.stringContaining('settled as 1060 USD') });
    });

    test('ROUNDING is matched, on record, and nobody has to look at it', async () => {
      await putPayment(ledger.db, { providerPaymentId: 'tx' });
      const { result } = await reconcileItems(ledger.db, itemsOf([charge('tx', { gross: euro(1_001) })]));
      expect(result).toMatchObject({ matched: 1, discrepancies: {} });
      expect(await recordedDiscrepancies(ledger.db)).toEqual([
        {
          code: 'ROUNDING',
          subject: 'tx',
          state: 'resolved',
          expected: 1_000,
          actual: 1_001,
          actions: 'open resolve',
        },
      ]);
    });
  });

  test('parts that add up are one payment: 1:N by rule', async () => {
    const { paymentId } = await putPayment(ledger.db, {
      providerPaymentId: 'tx',
      refund: { status: 'done', value: 1_000 },
    });
    const { result } = await reconcileItems(
      ledger.db,
      itemsOf([
        charge('a', { paymentReference: 'tx', gross: euro(400) }),
        charge('b', { paymentReference: 'tx', gross: euro(600) }),
        refund('c', 'tx', 300),
        refund('d', 'tx', 700),
      ]),
    );
    expect(result).toMatchObject({ matched: 4, discrepancies: {} });
    for (const id of ['a', 'b', 'c', 'd']) expect(await rowOf(id)).toMatchObject({ payment_id: paymentId });
    expect(await rowOf('a')).toMatchObject({ rule: 'split-charge' });
    expect(await rowOf('d')).toMatchObject({ rule: 'split-refund' });
  });

  test('a row that ends a discrepancy ends it, also when ours comes after theirs', async () => {
    await reconcileItems(ledger.db, itemsOf([charge('tx')]));
    expect(await codes()).toEqual(['MISSING_INTERNAL']);
    await putPayment(ledger.db, { providerPaymentId: 'tx' });
    const { result } = await reconcileItems(ledger.db, itemsOf([charge('tx')]));
    expect(result).toMatchObject({ inserted: 0, duplicates: 1, matched: 1, discrepancies: {} });
    expect(await recordedDiscrepancies(ledger.db)).toMatchObject([
      { state: 'resolved', actions: 'open resolve' },
    ]);
  });

  test('any order of arrival, any repetition and any cut into files gives the same state', async () => {
    const one = await putPayment(ledger.db, { providerPaymentId: 'p1', refund: { status: 'done' } });
    const two = await putPayment(ledger.db, { value: 700 });
    await putPayment(ledger.db, { value: 300, capturedAtMs: 9_000 });
    const ours = await sql`select * from reservations, payments`.execute(ledger.db);
    const all = [
      charge('p1', { occurredAtMs: 1_000 }),
      charge('second', { paymentReference: 'p1', occurredAtMs: 2_000 }),
      refund('re', 'p1', 1_000, { occurredAtMs: 3_000 }),
      charge('named', { paymentReference: null, merchantReference: two.reservationId, gross: euro(700) }),
      charge('nameless', { paymentReference: null, gross: euro(700), occurredAtMs: 4_000 }),
      charge('by amount', { paymentReference: null, gross: euro(300), occurredAtMs: 9_500 }),
      charge('stray'),
      charge('dispute', { kind: 'chargeback', paymentReference: 'p1', occurredAtMs: 5_000 }),
      charge('fee', { kind: 'fee', gross: euro(-10), paymentReference: null }),
    ];
    const states = new Set<string>();
    await assert(
      asyncProperty(array(constantFrom(...all), { maxLength: 6 }), async (before) => {
        await sql`truncate provider_transactions, discrepancies cascade`.execute(ledger.db);
        for (const row of before) await reconcileItems(ledger.db, itemsOf([row]));
        const rest = all.toSorted(() => Math.random() - 0.5);
        await reconcileItems(ledger.db, itemsOf(rest));
        const found = (await recordedDiscrepancies(ledger.db)).map(
          ({ code, subject, state, expected, actual }) => [code, subject, state, expected, actual],
        );
        const open = found.filter(([, , state]) => state === 'open');
        states.add(JSON.stringify([await takenRows(ledger.db), open]));
      }),
      { numRuns: 25 },
    );
    expect(states.size).toBe(1);
    expect(one.refundId).not.toBeNull();
    // And nothing of ours was touched.
    expect((await sql`select * from reservations, payments`.execute(ledger.db)).rows).toEqual(ours.rows);
  }, 60_000);

  test('a dry run says the same and changes nothing', async () => {
    await putPayment(ledger.db, { providerPaymentId: 'tx' });
    const items = [
      ...itemsOf([charge('tx'), charge('stray'), charge('stray')], 'po_1'),
      { kind: 'balance' as const, line: 9, batch: 'po_1', currency: 'EUR', opening: 0, closing: 2_000 },
      { kind: 'quarantined' as const, line: 10, reason: 'no amount', raw: 'x' },
    ];
    const dry = await reconcileItems(ledger.db, items, { dry: true });
    expect(await takenRows(ledger.db)).toEqual([]);
    expect(await recordedDiscrepancies(ledger.db)).toEqual([]);
    const real = await reconcileItems(ledger.db, items);
    expect(dry).toEqual(real);
    expect(real.result).toMatchObject({
      rows: 4,
      inserted: 2,
      duplicates: 1,
      quarantined: 1,
      matched: 1,
      discrepancies: { MISSING_INTERNAL: 1, DUPLICATE_EXTERNAL: 1, SCHEMA_INVALID: 1 },
      tieOut: [{ payout: 'po_1', currency: 'EUR', expected: 2_000, actual: 2_000, ties: true }],
    });
    const again = await reconcileItems(ledger.db, items);
    expect(again.result).toMatchObject({ rows: 4, inserted: 0, duplicates: 3, quarantined: 1, matched: 1 });
  });

  test('what does not tie is on record until it does', async () => {
    const balance = {
      kind: 'balance' as const,
      line: 9,
      batch: 'po',
      currency: 'EUR',
      opening: 0,
      closing: 2_000,
    };
    const first = await reconcileItems(ledger.db, [...itemsOf([charge('a')], 'po'), balance]);
    expect(first.result).toMatchObject({ discrepancies: { PAYOUT_NOT_TIED: 1 }, tieOut: [{ ties: false }] });
    const whole = await reconcileItems(ledger.db, [...itemsOf([charge('a'), charge('b')], 'po'), balance]);
    expect(whole.result).toMatchObject({
      inserted: 1,
      duplicates: 1,
      tieOut: [{ ties: true, actual: 2_000 }],
    });
    expect(await codes()).not.toContain('PAYOUT_NOT_TIED');
  });

  test('a file that breaks off keeps what it had, and says so; whole, it adds only what was missing', async () => {
    const rows = Array.from({ length: 2_500 }, (_, index) => charge(`tx_${index}`));
    const cut = async function* () {
      yield* itemsOf(rows.slice(0, 1_700));
      throw new StatementCutOffError(1_702, 'it ends in the middle of a row.');
    };
    const broken = await reconcileItems(ledger.db, cut);
    expect(broken).toMatchObject({ brokenOff: expect.stringContaining('1702'), result: { inserted: 1_700 } });
    const whole = await reconcileItems(ledger.db, itemsOf(rows));
    expect(whole.result).toMatchObject({ rows: 2_500, inserted: 800, duplicates: 1_700 });
  });

  test('two runs of one file at once take each row once', async () => {
    await putPayment(ledger.db, { providerPaymentId: 'tx_1' });
    const rows = Array.from({ length: 1_500 }, (_, index) => charge(`tx_${index}`));
    const outcomes = await Promise.all([1, 2, 3].map(() => reconcileItems(ledger.db, itemsOf(rows))));
    expect(outcomes.reduce((sum, { result }) => sum + result.inserted, 0)).toBe(1_500);
    for (const { result } of outcomes) {
      expect(result.inserted + result.duplicates).toBe(1_500);
      expect(result).toMatchObject({ matched: 1 });
    }
  });

  test('matched + open + ignored = all, per currency', async () => {
    await putPayment(ledger.db, { providerPaymentId: 'tx' });
    const { result } = await reconcileItems(
      ledger.db,
      itemsOf([
        charge('tx'),
        charge('open'),
        charge('dollars', { gross: { value: 5, currency: 'USD' } }),
        charge('fee', { kind: 'fee', gross: euro(-10), paymentReference: null }),
      ]),
    );
    expect(result.currencies).toEqual([
      {
        currency: 'EUR',
        rows: 3,
        gross: 1_990,
        matched: { rows: 1, gross: 1_000 },
        open: { rows: 1, gross: 1_000 },
        ignored: { rows: 1, gross: -10 },
      },
      {
        currency: 'USD',
        rows: 1,
        gross: 5,
        matched: { rows: 0, gross: 0 },
        open: { rows: 1, gross: 5 },
        ignored: { rows: 0, gross: 0 },
      },
    ]);
  });

  test('what the provider has and we have not is done by the payments, once, and never by itself', async () => {
    const { paymentId, reservationId } = await putPayment(ledger.db, {
      providerPaymentId: 'tx',
      status: 'pending',
    });
    const asked: unknown[] = [];
    const commands: PaymentCommands = {
      async captured(command) {
        asked.push(['captured', command.paymentId, command.amount]);
        await sql`
          update payments set status = 'captured', captured_at = now(), captured_amount = 1000, captured_currency = 'EUR'
          where id = ${command.paymentId}`.execute(ledger.db);
        return { kind: 'done', detail: 'the order is confirmed' };
      },
      async capturedTwice(command) {
        asked.push(['capturedTwice', command.reservationId, command.providerPaymentId]);
        return { kind: 'done', detail: 'a refund is due' };
      },
    };
    const items = itemsOf([
      charge('tx'),
      charge('again', { merchantReference: reservationId, occurredAtMs: 2_000 }),
    ]);
    // Nobody to ask: it stays due.
    await reconcileItems(ledger.db, items);
    expect(asked).toEqual([]);
    expect(await codes()).toEqual(['MISSING_INTERNAL', 'STATUS_MISMATCH']);
    await Promise.all([1, 2].map(() => reconcileItems(ledger.db, items, { commands })));
    await reconcileItems(ledger.db, items, { commands });
    const once = new Map(asked.map((what) => [JSON.stringify(what), what]));
    expect([...once.values()]).toEqual([
      ['captured', paymentId, euro(1_000)],
      ['capturedTwice', reservationId, 'again'],
    ]);
    expect(await rowOf('tx')).toMatchObject({ state: 'matched', payment_id: paymentId });
    expect(await codes()).toEqual(['MISSING_INTERNAL']);
  });

  test('ours alone is expected within its term, then missing, then found', async () => {
    const day = 86_400_000;
    const run = await beginRun(ledger.db, 'stripe');
    const { paymentId, reservationId } = await putPayment(ledger.db, {
      providerPaymentId: 'tx',
      capturedAtMs: 10 * day,
    });
    const look = (horizonMs: number, lookFromMs = 0) =>
      findMissing(
        ledger.db,
        { provider: 'stripe', account: 'default' },
        { runId: run, readFromMs: day, lookFromMs, horizonMs, policy: matchPolicyDefault },
      );
    expect(await look(10.5 * day)).toBe(1);
    expect(await codes()).toEqual([]);
    expect(await look(12 * day)).toBe(0);
    expect(await recordedDiscrepancies(ledger.db)).toMatchObject([
      { code: 'MISSING_EXTERNAL', subject: paymentId, state: 'open' },
    ]);
    // A look at what is newer leaves it as it is, and opens nothing older by itself.
    await putPayment(ledger.db, { providerPaymentId: 'older', capturedAtMs: 9 * day });
    await look(12 * day, 10.5 * day);
    expect(await codes()).toEqual(['MISSING_EXTERNAL']);
    await reconcileItems(
      ledger.db,
      itemsOf([charge('tx', { occurredAtMs: 10 * day }), charge('older', { occurredAtMs: 9 * day })]),
    );
    await look(12 * day, 10.5 * day);
    expect(await codes()).toEqual([]);
    // Two of ours for one of theirs.
    await putPayment(ledger.db, { reservationId, providerPaymentId: randomUUID(), capturedAtMs: 10 * day });
    await look(12 * day);
    expect(await codes()).toEqual(['DUPLICATE_INTERNAL']);
  });
});
