/**
 * Fees that name no payout and were paid out all the same, as some of Stripe's are: they are of the first payout of their
 * currency after them. That is likely and not said by anybody, so they count only where a payout ties with exactly them.
 */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { ProviderAccount } from '../account.js';
import type { TieOut } from '../runs/run-result.js';
import { countableSum } from '../sums.js';
import { rowsOf } from '../transaction.js';

/** The same tie-outs; those that did not tie and do with the fees of their time have them in. */
export async function withLooseFees(
  db: Database,
  { provider, account }: ProviderAccount,
  tieOuts: readonly TieOut[],
): Promise<TieOut[]> {
  const untied = tieOuts.filter(({ ties }) => !ties).map(({ payout, currency }) => ({ payout, currency }));
  if (untied.length === 0) return [...tieOuts];
  const { rows } = await sql<{ payout: string; currency: string; fees: number }>`
    with paid as (
      select coalesce(payout_id, payment_reference, id) as payout, net_currency as currency, max(occurred_at) as at
      from provider_transactions where provider = ${provider} and account = ${account} and kind = 'payout'
      group by 1, 2
    ), spans as (
      select payout, currency, at, lag(at) over (partition by currency order by at, payout) as begun from paid
    )
    select s.payout, s.currency, ${countableSum(sql`sum(f.net)`)} as fees
    from json_to_recordset(${rowsOf(untied)}) as n(payout text, currency text)
    join spans s using (payout, currency)
    join provider_transactions f on f.provider = ${provider} and f.account = ${account} and f.kind = 'fee'
      and f.payout_id is null and f.net_currency = s.currency and f.occurred_at <= s.at
      and (s.begun is null or f.occurred_at > s.begun)
    group by s.payout, s.currency`.execute(db);
  return tieOuts.map((tieOut) => {
    const { payout, currency, expected, ties } = tieOut;
    const loose = rows.find((row) => row.payout === payout && row.currency === currency);
    if (ties || !loose) return tieOut;
    const actual = tieOut.actual + loose.fees;
    return actual === expected ? { ...tieOut, actual, ties: true } : tieOut;
  });
}
