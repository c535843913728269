/** For providers that say which rows a payout carries only when they are asked by payout: asks, and keeps the answer. */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { TransactionSource } from '#payments';
import { ingest } from './ingest.js';
import { inTransaction } from './transaction.js';

/** Asks about the payouts that a run has seen, and those of which no row is known yet. */
export async function fillPayouts(
  db: Database,
  source: TransactionSource,
  runId: string,
  pageSize: number,
): Promise<void> {
  const { provider, account } = source;
  const { rows: payouts } = await sql<{ payout: string }>`
    select distinct coalesce(t.payout_id, t.payment_reference, t.id) as payout from provider_transactions t
    where t.provider = ${provider} and t.account = ${account} and t.kind = 'payout' and t.origin = 'api'
      and not exists (select from provider_transactions m where m.provider = ${provider} and m.account = ${account}
        and m.kind <> 'payout' and m.payout_id = coalesce(t.payout_id, t.payment_reference, t.id))`.execute(
    db,
  );
  for (const { payout } of payouts) {
    let position: string | null = null;
    do {
      const page = await source.listPayoutTransactions!(payout, position, pageSize);
      const members = page.transactions.filter(({ kind }) => kind !== 'payout');
      await inTransaction(db, (tx) =>
        ingest(tx, {
          account: { provider, account },
          runId,
          origin: 'api by payout',
          transactions: members.map((row) => Object.assign({}, row, { payoutId: row.payoutId ?? payout })),
          lateBefore: null,
          claimsKnown: false,
        }),
      );
      position = page.next;
    } while (position !== null);
  }
}
