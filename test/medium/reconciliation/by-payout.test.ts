/** Payouts of a provider that says which rows one carries only when it is asked by payout, as Stripe does. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { UnavailableError } from '#domain';
import { sql } from '#ledger';
import type { ProviderTransaction, SourcePage } from '#payments';
import {
  emptied,
  openLedger,
  reconcileSource,
  recordedDiscrepancies,
  type TestLedger,
} from '../../fixtures/reconciliation.js';
import { transactionOf, Upstream } from '../../fixtures/upstream.js';
import { describeWithPostgres } from '../../servers/index.js';

const euro = (value: number) => ({ value, currency: 'EUR' });
const charges = [
  transactionOf('tx_1', { gross: euro(1_000) }),
  transactionOf('tx_2', { gross: euro(500) }),
  transactionOf('tx_3', { gross: euro(200) }),
];
const payoutOf = (id: string, paid: number): ProviderTransaction =>
  transactionOf(id, { kind: 'payout', gross: euro(-paid), fee: null, payoutId: id, paymentReference: null });

class ByPayout extends Upstream {
  /** The payouts that it was asked about, each with the place in its list. */
  asked: string[] = [];
  /** Questions that it is still to answer before it does not. */
  answers = Number.MAX_SAFE_INTEGER;
  byHand = new Set<string>();

  async listPayoutTransactions(
    payout: string,
    after: string | null,
    limit: number,
  ): Promise<SourcePage | null> {
    if (this.answers === 0) throw new UnavailableError('provider-unavailable', 'busy', true);
    this.answers -= 1;
    this.asked.push(`${payout} ${after ?? 'from the beginning'}`);
    if (this.byHand.has(payout)) return null;
    const members = this.rows.map(({ transaction }) => transaction).filter(({ kind }) => kind === 'charge');
    const at = after === null ? 0 : Number(after);
    const next = at + limit < members.length ? String(at + limit) : null;
    return { transactions: members.slice(at, at + limit), next, now: this.nowMs };
  }
}

let ledger: TestLedger;
let source: ByPayout;

const run = () => {
  source.nowMs += 1_000;
  return reconcileSource(ledger.db, source);
};
const tied = { payout: 'po_1', currency: 'EUR', expected: 1_610, actual: 1_610, ties: true };

describeWithPostgres('payouts by the API', () => {
  beforeAll(async () => {
    ledger = await openLedger();
  });
  afterAll(() => ledger.stop());
  beforeEach(async () => {
    await emptied(ledger.db);
    source = new ByPayout(
      [...charges, payoutOf('po_1', 1_610)].map((transaction) => ({ transaction, visibleAt: 0 })),
      5_000,
    );
  });

  const untied = async () =>
    (await recordedDiscrepancies(ledger.db)).filter(({ code }) => code === 'PAYOUT_NOT_TIED');

  test('are asked about, page by page, once, and tied', async () => {
    expect((await run()).tieOut).toEqual([tied]);
    expect(source.asked).toEqual(['po_1 from the beginning', 'po_1 1', 'po_1 2']);
    await run();
    expect(source.asked).toHaveLength(3);
  });

  test('of which the listing breaks off are gone on with where it did, and tied', async () => {
    source.answers = 1;
    await expect(run()).rejects.toBeInstanceOf(UnavailableError);
    source.answers = 10;
    expect((await run()).tieOut).toEqual([tied]);
    expect(source.asked).toEqual(['po_1 from the beginning', 'po_1 1', 'po_1 2']);
    expect(await untied()).toEqual([]);
  });

  test('that do not tie are asked about again after a while, until they do', async () => {
    const [late] = source.rows.splice(2, 1);
    expect((await run()).tieOut).toMatchObject([{ actual: 1_440, ties: false }]);
    source.rows.push({ ...late!, transaction: { ...late!.transaction, occurredAtMs: 5_500 } });
    source.asked = [];
    await run();
    expect(source.asked).toEqual([]);
    await sql`update payout_listings set listed_at = now() - interval '61 minutes'`.execute(ledger.db);
    await run();
    expect(source.asked).not.toEqual([]);
    expect(await untied()).toMatchObject([{ state: 'resolved' }]);
  });

  test('that were made by hand carry what nobody says: they end no run, and are not said to differ', async () => {
    source.byHand.add('po_1');
    expect(await run()).toMatchObject({ rows: 4, tieOut: [], discrepancies: { MISSING_INTERNAL: 3 } });
    await run();
    expect(source.asked).toEqual(['po_1 from the beginning']);
    expect(await untied()).toEqual([]);
  });

  test('bring rows that the walk has not seen, which count as read', async () => {
    // Older than where the reading of the account begins.
    const old = transactionOf('tx_4', { gross: euro(200), occurredAtMs: -2_000_000 });
    source.rows[2] = { transaction: old, visibleAt: 0 };
    expect(await run()).toMatchObject({
      rows: 4,
      inserted: 4,
      currencies: [{ rows: 4 }],
      tieOut: [tied],
    });
  });
});
