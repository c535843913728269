/**
 * For providers that say which rows a payout carries only when they are asked by payout: asks, and keeps the answer. A page is
 * one transaction with the place behind it, so whoever follows one that has died goes on there, and a payout is known to have
 * been listed only when it was to its end.
 */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { TransactionSource } from '#payments';
import type { ProviderAccount } from '../account.js';
import { RunRepository } from '../runs/run-repository.js';
import { inTransaction } from '../transaction.js';
import { countsOf, ingest } from './ingest.js';

/** One that does not tie may have been asked about too early: it is asked about again, this long after it was. */
const askAgainAfterMinutes = 60;

type Listing = { readonly payout: string; readonly position: string | null };

/** Asks about the payouts that were not listed to their end yet, and about those that still do not tie. */
export async function fillPayouts(
  db: Database,
  source: TransactionSource,
  runId: string,
  pageSize: number,
): Promise<void> {
  for (const { payout, position } of await unlisted(db, source)) {
    let after: string | null = position;
    do after = await takePage(db, source, runId, { payout, after, pageSize });
    while (after !== null);
  }
}

async function unlisted(db: Database, { provider, account }: ProviderAccount): Promise<Listing[]> {
  const { rows } = await sql<Listing>`
    select p.payout, l.position from (
      select distinct coalesce(payout_id, payment_reference, id) as payout from provider_transactions
      where provider = ${provider} and account = ${account} and kind = 'payout' and origin = 'api') p
    left join payout_listings l on l.provider = ${provider} and l.account = ${account} and l.payout = p.payout
    where l.listed_at is null
      or (l.listed_at < now() - make_interval(mins => ${askAgainAfterMinutes}) and exists (
        select from discrepancies d where d.provider = ${provider} and d.account = ${account}
          and d.code = 'PAYOUT_NOT_TIED' and d.subject = p.payout and d.state in ('open', 'assigned', 'pending')))
    order by p.payout`.execute(db);
  return rows;
}

/** @returns where the next page begins; null: it was listed to its end, or is one that nobody lists */
async function takePage(
  db: Database,
  source: TransactionSource,
  runId: string,
  { payout, after, pageSize }: { payout: string; after: string | null; pageSize: number },
): Promise<string | null> {
  const { provider, account } = source;
  const page = await source.listPayoutTransactions!(payout, after, pageSize);
  const members = page?.transactions.filter(({ kind }) => kind !== 'payout') ?? [];
  const next = page?.next ?? null;
  await inTransaction(db, async (tx) => {
    const ingested = await ingest(tx, {
      account: { provider, account },
      runId,
      origin: 'api by payout',
      transactions: members.map((row) => Object.assign({}, row, { payoutId: row.payoutId ?? payout })),
      lateBefore: null,
      claimsKnown: false,
    });
    await new RunRepository(tx).count(runId, countsOf(ingested));
    await sql`
      insert into payout_listings (provider, account, payout, position, itemised, listed_at)
      values (${provider}, ${account}, ${payout}, ${next}, ${page !== null}, case when ${next === null} then now() end)
      on conflict (provider, account, payout) do update
        set position = excluded.position, itemised = excluded.itemised, listed_at = excluded.listed_at`.execute(
      tx,
    );
  });
  return next;
}
