/** What a run reads grows with the rows and with the payments, and not with the one times the other. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { sql } from '#ledger';
import type { ProviderTransaction } from '#payments';
import { revisitOpenRows, type Progress } from '#reconciliation';
import {
  emptied,
  itemsOf,
  openLedger,
  reconcileItems,
  type TestLedger,
} from '../../fixtures/reconciliation.js';
import { transactionOf } from '../../fixtures/upstream.js';
import { describeWithPostgres } from '../../servers/index.js';

const many = 3_000;

let ledger: TestLedger;

/** So many captured payments of 10.00 EUR, a second apart, by ids that no row names. */
async function putPayments(count: number): Promise<void> {
  await sql`
    insert into reservations (id, status, buyer_id, partitions, created_at, expires_at)
    select md5('r' || i)::uuid, 'confirmed', 'ada', '{0}', now(), now() from generate_series(1, ${count}::int) i`.execute(
    ledger.db,
  );
  await sql`
    insert into payments (id, reservation_id, provider, provider_payment_id, amount, currency, status, captured_amount,
      captured_currency, captured_at, created_at)
    select md5('p' || i)::uuid, md5('r' || i)::uuid, 'stripe', 'pi_' || i, 1000, 'EUR', 'captured', 1000, 'EUR',
      to_timestamp(i), now()
    from generate_series(1, ${count}::int) i`.execute(ledger.db);
}

async function rowsLookedAt(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`.execute(ledger.db);
  const { rows } = await sql<{ read: number }>`
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint as read from pg_stat_user_tables`.execute(
    ledger.db,
  );
  return rows[0]!.read;
}

describeWithPostgres('the work of a run', () => {
  beforeAll(async () => {
    // One session, whose own figures are flushed before they are read.
    ledger = await openLedger(1);
  });
  afterAll(() => ledger.stop());
  beforeEach(() => emptied(ledger.db));

  test('open rows are looked at again without reading all payments for each', async () => {
    const strays = Array.from({ length: many }, (_, index): ProviderTransaction => {
      const merchantReference = index % 2 === 0 ? randomUUID() : null;
      return transactionOf(`stray_${index}`, { merchantReference });
    });
    await reconcileItems(ledger.db, itemsOf(strays));
    await putPayments(many);
    await sql`analyze`.execute(ledger.db);
    const before = await rowsLookedAt();
    expect(await revisitOpenRows(ledger.db, { provider: 'stripe', account: 'default' })).toBe(0);
    expect((await rowsLookedAt()) - before).toBeLessThan(20 * many);
  });

  test('charges of one amount that name nothing are judged together, and not again for each batch of them', async () => {
    await putPayments(many);
    const nameless = Array.from({ length: many }, (_, index) =>
      transactionOf(`tx_${index}`, { paymentReference: null, occurredAtMs: index * 1_000 }),
    );
    const judged: number[] = [];
    const onProgress = ({ phase, rows }: Progress) => void (phase === 'judged' && judged.push(rows));
    const { result } = await reconcileItems(ledger.db, itemsOf(nameless), { onProgress });
    expect(judged).toEqual([many]);
    expect(result).toMatchObject({ matched: 0, discrepancies: { AMBIGUOUS: many } });
  });

  test('what names a payment is judged before what names none, however many rows lie between them', async () => {
    await putPayments(2);
    const named = transactionOf('named', { paymentReference: 'pi_1' });
    const others = Array.from({ length: many }, (_, index) => transactionOf(`stray_${index}`));
    const nameless = transactionOf('nameless', { paymentReference: null });
    const { result } = await reconcileItems(ledger.db, itemsOf([nameless, ...others, named]));
    expect(result).toMatchObject({ matched: 2, discrepancies: { MISSING_INTERNAL: many } });
  });
});
