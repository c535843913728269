/**
 * What only one side has. Ours that the provider has not shown within its term is missing there; what was the provider's
 * alone is put before the judge again when something of ours has turned up since.
 */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { ProviderAccount } from '../account.js';
import { discrepancyId, syncFindings, type DiscrepancyRow } from '../discrepancies/discrepancy-repository.js';
import type { Finding } from '../discrepancies/discrepancy.js';
import { inPieces, inTransaction, rowsOf } from '../transaction.js';
import type { MatchPolicy } from './match-policy.js';

/**
 * Puts open rows back into the inbox whose reservation is known, or has become known. Each way to know it is a query of its
 * own: as alternatives of one, all payments were read for every row that is open.
 */
export async function revisitOpenRows(db: Database, { provider, account }: ProviderAccount): Promise<number> {
  const ourUuid = sql`case when t.merchant_reference ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    then t.merchant_reference::uuid end`;
  const ways = [
    sql`t.reservation_id is not null`,
    sql`exists (select from payments p where p.provider = ${provider} and p.provider_payment_id = t.payment_reference)`,
    sql`exists (select from payments p where p.provider = ${provider} and p.provider_payment_id = t.id)`,
    sql`exists (select from refunds r where r.provider_refund_id = t.id)`,
    sql`exists (select from reservations r where r.id = ${ourUuid})`,
    sql`exists (select from orders o where o.id = ${ourUuid})`,
    sql`exists (select from payments p where p.id = ${ourUuid})`,
    sql`t.kind = 'charge' and t.payment_reference is null and t.merchant_reference is null and exists (
      select from payments p where p.provider = ${provider} and p.captured_at is not null
        and p.amount = t.gross and p.currency = t.currency)`,
  ];
  const found = ways.map((way) => sql`select number from open t where ${way}`);
  const { rows } = await sql<{ number: number }>`
    with open as materialized (
      select number, id, kind, gross, currency, payment_reference, merchant_reference, reservation_id
      from provider_transactions
      where provider = ${provider} and account = ${account} and judged and state = 'open'
    )
    ${sql.join(found, sql` union `)}`.execute(db);
  for (const some of inPieces(rows.map(({ number }) => number))) {
    await sql`
      update provider_transactions set judged = false
      where number in (select value::bigint from json_array_elements_text(${rowsOf(some)}))`.execute(db);
  }
  return rows.length;
}

type MissingRow = {
  id: string;
  reservation_id: string;
  amount: number;
  currency: string;
  /** Another payment of the reservation has its charge. */
  twice: boolean;
};

export type LookForMissing = {
  readonly runId: string;
  /** Where the reading of the account began: what was captured before it does not count. */
  readonly readFromMs: number;
  /** What was captured before it has been looked at by runs before: it is only asked whether it is missing still. */
  readonly lookFromMs: number;
  readonly horizonMs: number;
  readonly policy: MatchPolicy;
};

/**
 * Ours that the provider does not have. Only what was captured while the account has been read counts: between where
 * the reading began and its horizon, by the provider's clock, less the term.
 * @returns how many of ours are not due yet
 */
export function findMissing(
  db: Database,
  account: ProviderAccount,
  command: LookForMissing,
): Promise<number> {
  const { runId, readFromMs, lookFromMs, horizonMs, policy } = command;
  const dueMs = horizonMs - policy.termMs;
  const { provider } = account;
  // Of some days, each is looked up; of all, all are read at once. The planner would read all for a few.
  const few = lookFromMs > readFromMs;
  return inTransaction(db, async (tx) => {
    const { rows: missing } = await sql<MissingRow>`
      with looked_at as (
        select * from payments where provider = ${provider}
          and captured_at >= ${instantOf(Math.max(readFromMs, lookFromMs))} and captured_at < ${instantOf(dueMs)}
        union select p.* from discrepancies d join payments p on p.id = d.payment_id
        where ${isMissing(account)} and d.state in ('open', 'assigned', 'pending')
          and p.captured_at >= ${instantOf(readFromMs)} and p.captured_at < ${instantOf(dueMs)}
      )
      select p.id, p.reservation_id, coalesce(p.captured_amount, p.amount) as amount, p.currency,
        exists (select from payments o where o.reservation_id = p.reservation_id and o.id <> p.id
          and ${hasCharge('o', few)}) as twice
      from looked_at p where not ${hasCharge('p', few)} order by p.captured_at, p.id`.execute(tx);
    const findings = missing.map(findingOf);
    const ids = findings.map((finding) => discrepancyId(account, finding));
    const { rows: known } = await sql<DiscrepancyRow>`
      select d.* from discrepancies d where ${isMissing(account)} and d.state in ('open', 'assigned', 'pending')
      union select d.* from json_array_elements_text(${rowsOf(ids)}) as wanted(id)
        join discrepancies d on d.id = wanted.id::uuid`.execute(tx);
    await syncFindings(tx, account, runId, findings, known);
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from payments p
      where p.provider = ${provider} and p.captured_at >= ${instantOf(dueMs)} and not ${hasCharge('p', few)}`.execute(
      tx,
    );
    return rows[0]?.count ?? 0;
  });
}

const instantOf = (ms: number) => sql`to_timestamp(${ms}::double precision / 1000)`;

const isMissing = ({ provider, account }: ProviderAccount) => sql`d.provider = ${provider}
  and d.account = ${account} and d.code in ('MISSING_EXTERNAL', 'DUPLICATE_INTERNAL')`;

/** A row that is a payment's is of its reservation, by which there is an index. */
const hasCharge = (payment: 'p' | 'o', few: boolean) =>
  sql`exists (select from provider_transactions t where t.reservation_id = ${sql.ref(`${payment}.reservation_id`)}
    and t.payment_id = ${sql.ref(`${payment}.id`)} and t.kind = 'charge' ${few ? sql`offset 0` : sql``})`;

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
