/**
 * What belongs together and comes apart: payouts and their rows, statements and the ones before them, the money that a
 * verdict is about and the payments that act on it; and that nothing stands still without a word.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { UnavailableError } from '#domain';
import { PaymentRepository, sql } from '#ledger';
import { statementReaders, type ProviderTransaction } from '#payments';
import { systemClock, systemIds, systemTimers } from '#platform';
import {
  ingest,
  judgeAllOf,
  matchPolicyDefault,
  openQueues,
  paymentCommandsOf,
  policiesDefault,
  reportOf,
} from '#reconciliation';
import {
  createWorkerMetrics,
  RateLimitedSource,
  openRateLimiter,
  startWorker,
} from '../../../apps/batch-worker/src/index.js';
import { eventually } from '../../fixtures/holdfast.js';
import {
  beginRun,
  emptied,
  itemsOf,
  openLedger,
  putPayment,
  reconcileItems,
  reconcileSource,
  recordedDiscrepancies,
  takenRows,
  type TestLedger,
} from '../../fixtures/reconciliation.js';
import { transactionOf, Upstream } from '../../fixtures/upstream.js';
import {
  describeWithPostgres,
  describeWithRedis,
  testRedis,
  type TestDatabase,
} from '../../servers/index.js';

let ledger: TestLedger;

const euro = (value: number) => ({ value, currency: 'EUR' });
const payoutOf = (id: string, paid: number): ProviderTransaction =>
  transactionOf(id, { kind: 'payout', gross: euro(-paid), fee: null, payoutId: id, paymentReference: null });

async function* bytesOf(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

describeWithPostgres('payouts, statements and payments', () => {
  beforeAll(async () => {
    ledger = await openLedger();
  });
  afterAll(() => ledger.stop());
  beforeEach(() => emptied(ledger.db));

  describe('statements of an account', () => {
    const statement = (number: number, opening: string, closing: string) =>
      [
        `:20:S${number}`,
        ':25:12030000/0000202051',
        `:28C:${number}/1`,
        `:60F:C2611${String(number).padStart(2, '0')}EUR${opening}`,
        `:61:2611${String(number + 1).padStart(2, '0')}C1,00NTRFN${number}`,
        `:62F:C2611${String(number + 1).padStart(2, '0')}EUR${closing}`,
        '-',
        '',
      ].join('\n');
    const take = (...numbers: readonly number[]) =>
      reconcileItems(ledger.db, [], {
        reader: statementReaders.mt940,
        bytes: bytesOf(numbers.map((n) => statement(n, `${n},00`, `${n + 1},00`)).join('')),
      });
    const gaps = async () =>
      (await recordedDiscrepancies(ledger.db)).filter(({ code }) => code === 'BATCH_GAP');

    test('BATCH_GAP: one that is missing is on record until it comes', async () => {
      expect((await take(1, 2)).result.discrepancies).not.toHaveProperty('BATCH_GAP');
      const { result } = await take(4, 5);
      expect(result.discrepancies).toMatchObject({ BATCH_GAP: 1 });
      expect(await gaps()).toMatchObject([{ state: 'open', expected: 300, actual: 400, actions: 'open' }]);
      // Again, and in one file: the same finding.
      await take(1, 2, 4, 5);
      expect(await gaps()).toHaveLength(1);
      await take(3);
      expect(await gaps()).toMatchObject([{ state: 'resolved', actions: 'open resolve' }]);
    });
  });

  describe('a payout', () => {
    const rows = [
      transactionOf('tx_1', { gross: euro(1_000), payoutId: 'po_1' }),
      transactionOf('tx_2', { gross: euro(500), payoutId: 'po_1' }),
    ];

    test.each([
      ['its rows first', [rows, [payoutOf('po_1', 1_440)]]],
      ['itself first', [[payoutOf('po_1', 1_440)], rows]],
    ])('of which two reports tell, %s, is tied from the record', async (_, files) => {
      const first = await reconcileItems(ledger.db, itemsOf(files[0]!));
      expect(first.result.tieOut).toEqual([]);
      const second = await reconcileItems(ledger.db, itemsOf(files[1]!));
      expect(second.result.tieOut).toEqual([
        { payout: 'po_1', currency: 'EUR', expected: 1_440, actual: 1_440, ties: true },
      ]);
    });

    test('that does not tie from the record is a finding, until the row that was missing comes', async () => {
      await reconcileItems(ledger.db, itemsOf([rows[0]!]));
      const { result } = await reconcileItems(ledger.db, itemsOf([payoutOf('po_1', 1_440)]));
      expect(result).toMatchObject({
        tieOut: [{ expected: 1_440, actual: 970, ties: false }],
        discrepancies: { PAYOUT_NOT_TIED: 1 },
      });
      await reconcileItems(ledger.db, itemsOf([rows[1]!]));
      expect(
        (await recordedDiscrepancies(ledger.db)).find(({ code }) => code === 'PAYOUT_NOT_TIED'),
      ).toMatchObject({
        state: 'resolved',
      });
    });

    test('ties with the fees that name no payout and are of its time, and with no others', async () => {
      const at = (row: ProviderTransaction, occurredAtMs: number) => ({ ...row, occurredAtMs });
      const fee = (id: string, value: number) =>
        transactionOf(id, { kind: 'fee', gross: euro(value), fee: null, payoutId: null });
      const ofOther = transactionOf('tx_3', { gross: euro(500), payoutId: 'po_2' });
      const first = [...rows.map((row) => at(row, 1_000)), at(fee('fee_1', -40), 1_500)];
      await reconcileItems(ledger.db, itemsOf([...first, at(ofOther, 2_500), at(fee('fee_2', -7), 2_500)]));
      const { result } = await reconcileItems(
        ledger.db,
        itemsOf([at(payoutOf('po_1', 1_400), 2_000), at(payoutOf('po_2', 400), 3_000)]),
      );
      expect(result.tieOut).toEqual([
        { payout: 'po_1', currency: 'EUR', expected: 1_400, actual: 1_400, ties: true },
        { payout: 'po_2', currency: 'EUR', expected: 400, actual: 470, ties: false },
      ]);
    });

    test('of more money than can be counted ends no run: its sums are the largest number there is', async () => {
      const most = Number.MAX_SAFE_INTEGER;
      const charge = (id: string, value: number, over: Partial<ProviderTransaction> = {}) =>
        transactionOf(id, { gross: euro(value), fee: null, payoutId: 'po_1', ...over });
      await putPayment(ledger.db, { providerPaymentId: 'tx_1', value: most });
      await putPayment(ledger.db, { providerPaymentId: 'parts', value: most });
      const parts = ['tx_2', 'tx_3'].map((id) => charge(id, most - 1, { paymentReference: 'parts' }));
      const inBatch = itemsOf([charge('tx_1', most), ...parts], 'po_1');
      const stated = { kind: 'balance', line: 9, batch: 'po_1', currency: 'EUR', opening: 0 } as const;
      const file = await reconcileItems(ledger.db, [...inBatch, { ...stated, closing: most }]);
      const untied = { payout: 'po_1', currency: 'EUR', expected: most, actual: most, ties: false };
      expect(file.result).toMatchObject({
        tieOut: [untied],
        currencies: [{ currency: 'EUR', rows: 3, gross: most, matched: { rows: 1, gross: most } }],
        discrepancies: { PAYOUT_NOT_TIED: 1, AMOUNT_OVER: 2 },
      });
      const found = await recordedDiscrepancies(ledger.db);
      expect(found.find(({ code }) => code === 'AMOUNT_OVER')).toMatchObject({
        expected: most,
        actual: most,
      });
      // The other way round as well, and the report of the run.
      const source = new Upstream([{ transaction: payoutOf('po_2', most), visibleAt: 0 }], 5_000);
      for (const id of ['tx_4', 'tx_5'])
        source.rows.push({ transaction: charge(id, most, { payoutId: 'po_2' }), visibleAt: 0 });
      const { tieOut } = await reconcileSource(ledger.db, source);
      expect(tieOut).toEqual([{ ...untied, payout: 'po_2' }]);
      const { rows } = await sql<{
        id: string;
      }>`select id from reconciliation_runs where provider = 'upstream'`.execute(ledger.db);
      const report = await reportOf(ledger.db, rows[0]!.id);
      expect(report?.payouts).toMatchObject([{ payout: 'po_2', parts: [{ rows: 2, net: most }] }]);
    });

    test('that the bank sent back is a part of the next one', async () => {
      const take = (...rows: readonly string[]) =>
        reconcileItems(ledger.db, [], {
          reader: statementReaders['stripe-payout-csv'],
          bytes: bytesOf(
            [
              'balance_transaction_id,created,currency,gross,fee,net,reporting_category,source_id,automatic_payout_id',
              ...rows.map((row) => row.replace(',', ',2026-11-02,eur,')),
              '',
            ].join('\n'),
          ),
        });
      const carried = await take(
        'txn_1,28.00,0,28.00,charge,ch_1,po_1',
        'txn_2,28.00,0,28.00,payout_reversal,po_1,po_2',
        'txn_3,10.00,0,10.00,charge,ch_2,po_2',
      );
      expect(carried.result.tieOut).toEqual([]);
      const paid = await take(
        'txn_4,-28.00,0,-28.00,payout,po_1,po_1',
        'txn_5,-38.00,0,-38.00,payout,po_2,po_2',
      );
      expect(paid.result.tieOut).toMatchObject([
        { payout: 'po_1', expected: 2_800, actual: 2_800, ties: true },
        { payout: 'po_2', expected: 3_800, actual: 3_800, ties: true },
      ]);
      expect((await takenRows(ledger.db)).find(({ id }) => id === 'txn_2')).toMatchObject({
        state: 'ignored',
        rule: 'payout-returned',
      });
    });
  });

  describe('rows that a provider tells late or otherwise', () => {
    test('LATE_ARRIVAL: below a closed horizon a row is taken once, and on record', async () => {
      const runId = await beginRun(ledger.db, 'stripe');
      const account = { provider: 'stripe', account: 'default' };
      const late = { account, runId, origin: 'api', transactions: [transactionOf('tx')], lateBefore: 2_000 };
      await putPayment(ledger.db, { providerPaymentId: 'tx' });
      for (let told = 0; told < 2; told += 1) {
        const taken = await ledger.db
          .transaction()
          .execute((tx) => ingest(tx, { ...late, claimsKnown: false }));
        expect(taken.late).toBe(told === 0 ? 1 : 0);
        await judgeAllOf(ledger.db, {
          account,
          runId,
          policy: matchPolicyDefault,
          onProgress: () => undefined,
        });
      }
      expect(await recordedDiscrepancies(ledger.db)).toMatchObject([
        { code: 'LATE_ARRIVAL', actions: 'open' },
      ]);
    });

    test('CONFLICTING_DUPLICATE: another body under a known id is kept beside it, and on record', async () => {
      await putPayment(ledger.db, { providerPaymentId: 'tx' });
      await reconcileItems(ledger.db, itemsOf([transactionOf('tx')]));
      await reconcileItems(ledger.db, itemsOf([transactionOf('tx', { gross: euro(9_000) })]));
      expect(await recordedDiscrepancies(ledger.db)).toMatchObject([
        { code: 'CONFLICTING_DUPLICATE', actions: 'open' },
      ]);
    });
  });

  describe('the payments’ own commands', () => {
    const provider = 'stripe';

    test('a capture that we had not heard of is heard once', async () => {
      const { paymentId } = await putPayment(ledger.db, { status: 'pending' });
      const commands = paymentCommandsOf(ledger.db);
      const command = { provider, paymentId, providerPaymentId: 'ch_1', amount: euro(1_000) };
      for (let told = 0; told < 2; told += 1) {
        expect(await commands.captured(command)).toEqual({ kind: 'done', detail: 'the payment is captured' });
      }
      const { rows } = await sql<{ count: number }>`
        select count(*) as count from outbox where kind = 'settle'`.execute(ledger.db);
      expect(rows[0]!.count).toBe(1);
    });

    test('a second capture is adopted as a payment of its own, once, whoever tells it how often', async () => {
      const { reservationId } = await putPayment(ledger.db, { providerPaymentId: 'ch_1' });
      const commands = paymentCommandsOf(ledger.db);
      const command = { provider, reservationId, providerPaymentId: 'ch_2', amount: euro(1_000) };
      const outcomes = await Promise.all([1, 2, 3].map(() => commands.capturedTwice(command)));
      for (const outcome of outcomes) expect(outcome.kind).toBe('done');
      const { data } = await new PaymentRepository(ledger.db).list(
        { reservationId },
        { limit: 10, after: null },
      );
      expect(
        data.map(({ providerPaymentId, status }) => `${providerPaymentId} ${status}`).toSorted(),
      ).toEqual(['ch_1 captured', 'ch_2 captured']);
    });

    test('a charge that is another payment’s already is refused, and nothing is made of it', async () => {
      await putPayment(ledger.db, { providerPaymentId: 'ch_taken' });
      const { reservationId } = await putPayment(ledger.db, { providerPaymentId: 'ch_1' });
      const outcome = await paymentCommandsOf(ledger.db).capturedTwice({
        provider,
        reservationId,
        providerPaymentId: 'ch_taken',
        amount: euro(1_000),
      });
      expect(outcome).toEqual({ kind: 'refused', detail: 'the charge is of another payment already' });
      const { data } = await new PaymentRepository(ledger.db).list(
        { reservationId },
        { limit: 10, after: null },
      );
      expect(data).toHaveLength(1);
    });
  });

  describeWithRedis('in the workers', () => {
    let redis: TestDatabase;
    beforeAll(async () => {
      redis = await testRedis();
    });
    afterAll(() => redis.stop());
    const target = () => ({ kind: 'standalone', url: redis.url }) as const;

    test('a horizon that stands still is an alert, though nothing fails', async () => {
      await sql`insert into provider_cursors (provider, account, version, horizon, moved_at)
        values ('upstream', 'default', 1, 4999, now() - interval '1 hour')`.execute(ledger.db);
      const source = new Upstream([], 5_000);
      const registry = new Registry();
      const said: string[] = [];
      const prefix = '{test-standing}';
      const queues = openQueues(target(), ['upstream'], {
        onError: () => undefined,
        sleep: (ms) => systemTimers.sleep(ms),
        prefix,
      });
      const worker = await startWorker({
        db: ledger.db,
        redis: target(),
        queues,
        sources: [source],
        policies: policiesDefault,
        commands: null,
        clock: systemClock,
        ids: systemIds,
        logger: pino({ level: 'error' }, { write: (line: string) => void said.push(line) }),
        metrics: createWorkerMetrics(registry),
        tickMs: 100,
        prefix,
      });
      try {
        await eventually('it is said', async () => said.some((line) => line.includes('stands still')));
        expect(await registry.metrics()).toMatch(
          /holdfast_reconciliation_standing_seconds\{provider="upstream"\} 36\d\d/,
        );
      } finally {
        await worker.close();
        await queues.close();
      }
    });

    test('a provider is asked no faster than was agreed on, by all processes together', async () => {
      const waits: number[] = [];
      const timers = { ...systemTimers, sleep: (ms: number) => (waits.push(ms), systemTimers.sleep(ms)) };
      const limiters = [1, 2].map(() =>
        openRateLimiter(target(), { prefix: '{test-calls}', timers, onError: () => undefined }),
      );
      const source = new Upstream([], 5_000);
      const limited = limiters.map((limiter) => new RateLimitedSource(source, limiter, 5));
      await Promise.all(
        limited.flatMap((one) =>
          [1, 2, 3, 4].map(() => one.listTransactions({ from: 0, until: 1 }, null, 1)),
        ),
      );
      expect(source.calls).toBe(8);
      // Eight questions, five a second: some had to wait, and for no longer than a second each time.
      expect(waits.length).toBeGreaterThan(0);
      expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
      for (const limiter of limiters) limiter.close();
    });

    test('a provider that wants to be left alone is, by all processes, and is asked the same again', async () => {
      const options = { prefix: '{test-rest}', timers: systemTimers, onError: () => undefined };
      const limiters = [1, 2].map(() => openRateLimiter(target(), options));
      const source = new Upstream([], 5_000);
      const ask = source.listTransactions.bind(source);
      let restsUntilMs = 0;
      const early: number[] = [];
      source.listTransactions = async (...question) => {
        const nowMs = performance.now();
        if (nowMs < restsUntilMs) early.push(restsUntilMs - nowMs);
        if (restsUntilMs > 0) return ask(...question);
        restsUntilMs = nowMs + 300;
        throw new UnavailableError('provider-unavailable', 'too often', false, { restMs: 300 });
      };
      const [one, two] = limiters.map((limiter) => new RateLimitedSource(source, limiter, 1_000));
      const question = [{ from: 0, until: 1 }, null, 1] as const;
      const first = one!.listTransactions(...question);
      await eventually('it was asked', async () => restsUntilMs > 0);
      await systemTimers.sleep(50);
      await Promise.all([first, two!.listTransactions(...question)]);
      expect([early, source.calls]).toEqual([[], 2]);
      source.listTransactions = async () => {
        throw new UnavailableError('provider-unavailable', 'for ever', false, { restMs: 1 });
      };
      await expect(one!.listTransactions(...question)).rejects.toThrow('for ever');
      for (const limiter of limiters) limiter.close();
    });
  });
});
