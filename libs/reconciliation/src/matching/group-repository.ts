/** Rows and payments for the judge, in batches: what is in the inbox, whose it is, and the whole groups around it. */
import { sql } from 'kysely';
import type { Money, PaymentStatus, RefundStatus } from '#domain';
import type { Database } from '#ledger';
import type { TransactionKind } from '#payments';
import type { ProviderAccount } from '../account.js';
import { inPieces, rowsOf } from '../transaction.js';
import type { OurPayment, ProviderRow, RowVerdict } from './judgement.js';

/** A row with what was decided about it before. */
export type StoredRow = ProviderRow & { readonly reservationId: string | null; readonly verdict: RowVerdict };

type TransactionRow = {
  number: number;
  id: string;
  kind: TransactionKind;
  gross: number;
  currency: string;
  fee: number | null;
  net: number;
  net_currency: string;
  payment_reference: string | null;
  merchant_reference: string | null;
  occurred_at: number;
  late: boolean;
  conflicts: number;
  state: RowVerdict['state'];
  rule: string | null;
  reason: string | null;
  reservation_id: string | null;
  payment_id: string | null;
  refund_id: string | null;
};

const columns = sql`t.number, t.id, t.kind, t.gross, t.currency, t.fee, t.net, t.net_currency, t.payment_reference,
  t.merchant_reference, t.occurred_at, t.late, t.state, t.rule, t.reason, t.reservation_id, t.payment_id, t.refund_id,
  (select count(*) from conflicting_transactions c where c.number = t.number) as conflicts`;

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The oldest rows that nobody has judged yet, of those above a number: charges that name nothing of ours, or the others. */
export async function readInbox(
  tx: Database,
  { provider, account }: ProviderAccount,
  { after, limit, nameless }: { readonly after: number; readonly limit: number; readonly nameless: boolean },
): Promise<StoredRow[]> {
  const { rows } = await sql<TransactionRow>`
    select ${columns} from provider_transactions t
    where t.provider = ${provider} and t.account = ${account} and not t.judged and t.number > ${after}
      and (t.kind = 'charge' and t.payment_reference is null and t.merchant_reference is null) = ${nameless}
    order by t.number limit ${limit}`.execute(tx);
  return rows.map(toStored);
}

/** The reservation that each reference of the rows leads to. */
export async function reservationsBehind(
  tx: Database,
  provider: string,
  rows: readonly ProviderRow[],
): Promise<Map<string, string>> {
  const theirs = new Set<string>();
  const ours = new Set<string>();
  for (const { id, paymentReference, merchantReference } of rows) {
    theirs.add(id);
    if (paymentReference !== null) theirs.add(paymentReference);
    if (merchantReference !== null && uuidPattern.test(merchantReference)) ours.add(merchantReference);
  }
  const { rows: found } = await sql<{ reference: string; reservation_id: string }>`
    with theirs as (select value as id from json_array_elements_text(${rowsOf([...theirs])})),
      ours as (select value::uuid as id from json_array_elements_text(${rowsOf([...ours])}))
    select t.id as reference, p.reservation_id from theirs t
      join payments p on p.provider = ${provider} and p.provider_payment_id = t.id
    union all select t.id, p.reservation_id from theirs t
      join refunds r on r.provider_refund_id = t.id join payments p on p.id = r.payment_id and p.provider = ${provider}
    union all select o.id::text, p.reservation_id from ours o join payments p on p.id = o.id
    union all select o.id::text, r.id from ours o join reservations r on r.id = o.id
    union all select o.id::text, r.reservation_id from ours o join orders r on r.id = o.id`.execute(tx);
  return new Map(found.map(({ reference, reservation_id }) => [reference, reservation_id]));
}

/**
 * All rows of these reservations. `offset 0` keeps the account out of the search: a planner without statistics takes
 * all rows of an account for few, and reads them all for every batch.
 */
export async function readGroups(
  tx: Database,
  { provider, account }: ProviderAccount,
  reservationIds: readonly string[],
): Promise<StoredRow[]> {
  if (reservationIds.length === 0) return [];
  const { rows } = await sql<TransactionRow>`
    select ${columns} from json_array_elements_text(${rowsOf(reservationIds)}) as wanted(id)
    cross join lateral (select * from provider_transactions where reservation_id = wanted.id::uuid offset 0) t
    where t.provider = ${provider} and t.account = ${account}`.execute(tx);
  return rows.map(toStored);
}

/** Charges of these amounts that name nothing of ours, whatever was decided about them. */
export async function readByAmount(
  tx: Database,
  { provider, account }: ProviderAccount,
  amounts: readonly Money[],
): Promise<StoredRow[]> {
  const { rows } = await sql<TransactionRow>`
    select ${columns} from json_to_recordset(${rowsOf(amounts)}) as wanted(value bigint, currency text)
    cross join lateral (
      select * from provider_transactions
      where provider = ${provider} and account = ${account} and gross = wanted.value and currency = wanted.currency
        and kind = 'charge' and payment_reference is null and merchant_reference is null
      offset 0) t
    order by t.occurred_at, t.id`.execute(tx);
  return rows.map(toStored);
}

type PaymentRow = {
  id: string;
  reservation_id: string;
  order_id: string | null;
  provider_payment_id: string | null;
  amount: number;
  currency: string;
  status: PaymentStatus;
  captured_amount: number | null;
  captured_currency: string | null;
  refund_id: string | null;
  provider_refund_id: string | null;
  refund_amount: number | null;
  refund_currency: string | null;
  refund_status: RefundStatus | null;
};

const paymentColumns = sql`p.id, p.reservation_id, o.id as order_id, p.provider_payment_id, p.amount, p.currency,
  p.status, p.captured_amount, p.captured_currency, r.id as refund_id, r.provider_refund_id,
  r.amount as refund_amount, r.currency as refund_currency, r.status as refund_status`;

/** Our payments of these reservations by this provider; the oldest first. */
export async function readPayments(
  tx: Database,
  provider: string,
  reservationIds: readonly string[],
): Promise<OurPayment[]> {
  if (reservationIds.length === 0) return [];
  const { rows } = await sql<PaymentRow>`
    select ${paymentColumns} from json_array_elements_text(${rowsOf(reservationIds)}) as wanted(id)
    join payments p on p.reservation_id = wanted.id::uuid
    left join orders o on o.reservation_id = p.reservation_id
    left join refunds r on r.payment_id = p.id
    where p.provider = ${provider}
    order by p.created_at, p.id`.execute(tx);
  return rows.map(toPayment);
}

/** Writes what has changed, each with what it was before, and takes all of these out of the inbox. */
export async function writeVerdicts(
  tx: Database,
  changed: readonly { readonly before: RowVerdict; readonly verdict: RowVerdict }[],
  judged: readonly number[],
): Promise<void> {
  const leaving = changed.flatMap(({ before }) => (before.state === 'open' ? [] : [before.number]));
  // A match that moves from one row to another: the unique indexes see no moment with two of them.
  for (const some of inPieces(leaving)) {
    await sql`
      update provider_transactions set state = 'open', rule = null, reason = null, payment_id = null, refund_id = null
      where number in (select value::bigint from json_array_elements_text(${rowsOf(some)}))`.execute(tx);
  }
  const list = changed.map(({ verdict }) => ({
    number: verdict.number,
    state: verdict.state,
    rule: verdict.rule,
    reason: verdict.reason,
    reservation: verdict.reservationId,
    payment: verdict.paymentId,
    refund: verdict.refundId,
  }));
  for (const some of inPieces(list)) {
    await sql`
      update provider_transactions t set state = r.state, rule = r.rule, reason = r.reason, reservation_id = r.reservation,
        payment_id = r.payment, refund_id = r.refund, judged = true
      from json_to_recordset(${rowsOf(some)}) as r(number bigint, state text, rule text, reason text, reservation uuid,
        payment uuid, refund uuid)
      where t.number = r.number`.execute(tx);
  }
  const written = new Set(changed.map(({ verdict }) => verdict.number));
  for (const some of inPieces(judged.filter((number) => !written.has(number)))) {
    await sql`
      update provider_transactions set judged = true
      where number in (select value::bigint from json_array_elements_text(${rowsOf(some)})) and not judged`.execute(
      tx,
    );
  }
}

function toStored(row: TransactionRow): StoredRow {
  return {
    number: row.number,
    id: row.id,
    kind: row.kind,
    gross: { value: row.gross, currency: row.currency },
    fee: row.fee,
    net: { value: row.net, currency: row.net_currency },
    paymentReference: row.payment_reference,
    merchantReference: row.merchant_reference,
    occurredAtMs: row.occurred_at,
    late: row.late,
    conflicts: row.conflicts,
    reservationId: row.reservation_id,
    verdict: {
      number: row.number,
      state: row.state,
      rule: row.rule,
      reason: row.reason,
      reservationId: row.reservation_id,
      paymentId: row.payment_id,
      refundId: row.refund_id,
    },
  };
}

function toPayment(row: PaymentRow): OurPayment {
  const { captured_amount, captured_currency, refund_id, refund_amount, refund_currency, refund_status } =
    row;
  return {
    id: row.id,
    reservationId: row.reservation_id,
    orderId: row.order_id,
    providerPaymentId: row.provider_payment_id,
    amount: { value: row.amount, currency: row.currency },
    captured:
      captured_amount === null || captured_currency === null
        ? null
        : { value: captured_amount, currency: captured_currency },
    status: row.status,
    refund:
      refund_id === null || refund_amount === null || refund_currency === null || refund_status === null
        ? null
        : {
            id: refund_id,
            providerRefundId: row.provider_refund_id,
            amount: { value: refund_amount, currency: refund_currency },
            status: refund_status,
          },
  };
}
