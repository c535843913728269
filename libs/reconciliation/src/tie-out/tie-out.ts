/** Whether what a payout or a statement says is what its rows add up to. */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { ProviderTransaction, StatedBalance } from '#payments';
import type { ProviderAccount } from '../account.js';
import { discrepancyId, syncFindings, type DiscrepancyRow } from '../discrepancies/discrepancy-repository.js';
import type { Finding } from '../discrepancies/discrepancy.js';
import { noteFindings } from '../runs/run-findings.js';
import type { TieOut } from '../runs/run-result.js';
import { countable, countableSum } from '../sums.js';
import { rowsOf } from '../transaction.js';
import { withLooseFees } from './loose-fees.js';

/** The nets of a file's rows by batch and currency, each row once: as large as the file has batches. */
export class BatchSums {
  private readonly sums = new Map<string, bigint>();

  add(batch: string, { net }: ProviderTransaction): void {
    const key = keyOf(batch, net.currency);
    this.sums.set(key, (this.sums.get(key) ?? 0n) + BigInt(net.value));
  }

  tieOut({ batch, currency, opening, closing }: StatedBalance): TieOut {
    const actual = BigInt(opening) + (this.sums.get(keyOf(batch, currency)) ?? 0n);
    const ties = actual === BigInt(closing);
    return { payout: batch, currency, expected: countable(closing), actual: countable(actual), ties };
  }
}

const keyOf = (batch: string, currency: string): string => `${currency} ${batch}`;

/**
 * Payouts of the provider's own rows that a run has seen, or that did not tie before; but for those of which the provider
 * does not say what they carry.
 */
export async function tieOutPayouts(
  db: Database,
  { provider, account }: ProviderAccount,
  runId: string,
): Promise<TieOut[]> {
  const { rows } = await sql<TieOut>`
    with payouts as (
      select distinct coalesce(t.payout_id, t.payment_reference, t.id) as payout, t.net_currency as currency
      from run_transactions r join provider_transactions t on t.number = r.number
      where r.run_id = ${runId} and t.kind = 'payout' and t.origin = 'api' and not exists (
        select from payout_listings l where l.provider = ${provider} and l.account = ${account}
          and l.payout = coalesce(t.payout_id, t.payment_reference, t.id) and not l.itemised)
      union select subject, currency from discrepancies
      where provider = ${provider} and account = ${account} and code = 'PAYOUT_NOT_TIED'
        and state in ('open', 'assigned', 'pending') and detail = ${ofProvider}
    )
    select payout, currency, ${countableSum(sql`coalesce(-paid, 0)`)} as expected,
      ${countableSum(sql`coalesce(carried, 0)`)} as actual, coalesce(-paid, 0) = coalesce(carried, 0) as ties
    from (select p.payout, p.currency, ${netsOf({ provider, account }, 'p')}
    from payouts p) sums order by payout, currency`.execute(db);
  return rows;
}

export type PayoutName = { readonly payout: string; readonly currency: string };

/** The payouts that rows name, or are: as large as a file has payouts. */
export class PayoutNames {
  private readonly keys = new Set<string>();

  add({ payoutId, net }: ProviderTransaction): void {
    if (payoutId !== null) this.keys.add(keyOf(payoutId, net.currency));
  }

  all(): PayoutName[] {
    return Array.from(this.keys, (key) => {
      const space = key.indexOf(' ');
      return { currency: key.slice(0, space), payout: key.slice(space + 1) };
    });
  }
}

/**
 * Payouts that a file names or states without having both: its rows came in one report and its own row in another, or by
 * the API. Where both are on record by now they are compared, fees that name no payout included where it ties with them;
 * `told` are those that the file ties by itself.
 */
export async function tieOutOfRecord(
  db: Database,
  account: ProviderAccount,
  named: readonly PayoutName[],
  told: readonly TieOut[],
): Promise<TieOut[]> {
  const known = new Set(told.map(({ payout, currency }) => keyOf(payout, currency)));
  const rest = named.filter(({ payout, currency }) => !known.has(keyOf(payout, currency)));
  if (rest.length === 0) return [];
  const { rows } = await sql<TieOut>`
    select payout, currency,
      ${countableSum(sql`(case when sign(paid) = sign(carried) then paid else -paid end)`)} as expected,
      ${countableSum(sql`carried`)} as actual, abs(paid) = abs(carried) as ties
    from (
      select n.payout, n.currency, ${netsOf(account, 'n')}
      from json_to_recordset(${rowsOf(rest)}) as n(payout text, currency text)
    ) sums where paid is not null and carried is not null order by payout, currency`.execute(db);
  return withLooseFees(db, account, rows);
}

/** What was paid out, and what the rows of the payout add up to; each by its own index, whatever the statistics are. */
const netsOf = ({ provider, account }: ProviderAccount, named: 'n' | 'p') => sql`
  (select sum(t.net) from (
      select net, net_currency from provider_transactions
      where provider = ${provider} and account = ${account} and kind = 'payout'
        and coalesce(payout_id, payment_reference, id) = ${sql.ref(`${named}.payout`)} offset 0) t
    where t.net_currency = ${sql.ref(`${named}.currency`)}) as paid,
  (select sum(t.net) from (
      select net, net_currency, kind from provider_transactions
      where provider = ${provider} and account = ${account} and payout_id = ${sql.ref(`${named}.payout`)} offset 0) t
    where t.net_currency = ${sql.ref(`${named}.currency`)} and t.kind <> 'payout') as carried`;

const ofProvider = 'The rows that the provider says it carries do not add up to it';
const ofFile = 'The rows of the file do not add up to what it says';

/** Puts what does not tie on record, and ends what ties by now. */
export async function recordTieOuts(
  tx: Database,
  account: ProviderAccount,
  runId: string,
  tieOuts: readonly TieOut[],
  from: 'provider' | 'file',
): Promise<void> {
  if (tieOuts.length === 0) return;
  const findingOf = ({ payout, currency, expected, actual }: TieOut): Finding => ({
    code: 'PAYOUT_NOT_TIED',
    subject: from === 'file' ? keyOf(payout, currency) : payout,
    number: null,
    paymentId: null,
    reservationId: null,
    currency,
    expected,
    actual,
    detail: from === 'file' ? ofFile : ofProvider,
  });
  const ids = tieOuts.map((tieOut) => discrepancyId(account, findingOf(tieOut)));
  const { rows: known } = await sql<DiscrepancyRow>`
    select d.* from json_array_elements_text(${rowsOf(ids)}) as wanted(id)
    join discrepancies d on d.id = wanted.id::uuid`.execute(tx);
  const found = tieOuts.filter(({ ties }) => !ties).map(findingOf);
  await syncFindings(tx, account, runId, found, known);
  await noteFindings(tx, account, runId, found);
}
