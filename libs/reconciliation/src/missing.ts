/**
 * What only one side has. Ours that the provider has not shown within its term is missing there; what was the provider's
 * alone is put before the judge again when something of ours has turned up since.
 */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { ProviderAccount } from './account.js';
import type { Finding } from './discrepancy.js';
import { syncFindings, type DiscrepancyRow } from './discrepancy-repository.js';
import type { MatchPolicy } from './match-policy.js';
import { inTransaction } from './transaction.js';

/** Puts open rows back into the inbox whose reservation is known, or has become known. */
export async function revisitOpenRows(db: Database, { provider, account }: ProviderAccount): Promise<number> {
  const { numAffectedRows } = await sql`
    update provider_transactions t set judged = false
    where t.provider = ${provider} and t.account = ${account} and t.judged and t.state = 'open' and (
      t.reservation_id is not null
      or exists (select from payments p where p.provider = ${provider}
        and p.provider_payment_id in (t.payment_reference, t.id))
      or exists (select from refunds r where r.provider_refund_id = t.id)
      or (t.merchant_reference ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' and (
        exists (select from reservations r where r.id::text = t.merchant_reference)
        or exists (select from payments p where p.id::text = t.merchant_reference)))
      or (t.kind = 'charge' and t.payment_reference is null and t.merchant_reference is null and exists (
        select from payments p where p.provider = ${provider} and p.captured_at is not null
          and p.amount = t.gross and p.currency = t.currency)))`.execute(db);
  return Number(numAffectedRows ?? 0n);
}

type MissingRow = {
  id: string;
  reservation_id: string;
  amount: number;
  currency: string;
  /** Another payment of the reservation has its charge. */
  twice: boolean;
};

/**
 * Ours that the provider does not have. Only what was captured while the account has been read counts: between where
 * the reading began and its horizon, by the provider's clock, less the term.
 * @returns how many of ours are not due yet
 */
export function findMissing(
  db: Database,
  account: ProviderAccount,
  command: {
    readonly runId: string;
    readonly readFromMs: number;
    readonly horizonMs: number;
    readonly policy: MatchPolicy;
  },
): Promise<number> {
  const { runId, readFromMs, horizonMs, policy } = command;
  const dueMs = horizonMs - policy.termMs;
  return inTransaction(db, async (tx) => {
    const { rows: missing } = await sql<MissingRow>`
      select p.id, p.reservation_id, coalesce(p.captured_amount, p.amount) as amount, p.currency,
        exists (select from payments o where o.reservation_id = p.reservation_id and o.id <> p.id
          and ${hasCharge('o')}) as twice
      from payments p
      where p.provider = ${account.provider} and p.captured_at >= to_timestamp(${readFromMs}::double precision / 1000)
        and p.captured_at < to_timestamp(${dueMs}::double precision / 1000) and not ${hasCharge('p')}
      order by p.captured_at, p.id`.execute(tx);
    const { rows: known } = await sql<DiscrepancyRow>`
      select * from discrepancies where provider = ${account.provider} and account = ${account.account}
        and code in ('MISSING_EXTERNAL', 'DUPLICATE_INTERNAL')`.execute(tx);
    await syncFindings(tx, account, runId, missing.map(findingOf), known);
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from payments p
      where p.provider = ${account.provider} and p.captured_at >= to_timestamp(${dueMs}::double precision / 1000)
        and not ${hasCharge('p')}`.execute(tx);
    return rows[0]?.count ?? 0;
  });
}

const hasCharge = (payment: 'p' | 'o') =>
  sql`exists (select from provider_transactions t where t.payment_id = ${sql.ref(`${payment}.id`)} and t.kind = 'charge')`;

function findingOf({ id, reservation_id, amount, currency, twice }: MissingRow): Finding {
  return {
    code: twice ? 'DUPLICATE_INTERNAL' : 'MISSING_EXTERNAL',
    subject: id,
    number: null,
    paymentId: id,
    reservationId: reservation_id,
    currency,
    expected: amount,
    actual: 0,
    detail: twice
      ? 'Captured twice with us, and once by the provider'
      : 'Captured with us, and its term has passed without a row of the provider',
  };
}
