/**
 * What the provider's rows of one reservation mean, given what we have of it. Pure, and always over the whole group: the
 * verdict follows from the set of rows and not from the order in which they arrived, nor from how often.
 */
import type { TransactionKind } from '#payments';
import { judgeCharges } from './judge-charges.js';
import { judgeRefunds } from './judge-refunds.js';
import {
  inProvidersOrder,
  Judgement,
  names,
  type OurPayment,
  type ProviderRow,
  type Verdicts,
} from './judgement.js';
import type { MatchPolicy } from './match-policy.js';

/** The rows and payments of one reservation. */
export function judgeReservation(
  reservationId: string,
  rows: readonly ProviderRow[],
  payments: readonly OurPayment[],
  policy: MatchPolicy,
): Verdicts {
  const judgement = new Judgement(reservationId);
  const ordered = rows.toSorted(inProvidersOrder);
  for (const row of ordered) findOfEvery(judgement, row);
  const ofKind = (kind: TransactionKind) => ordered.filter((row) => row.kind === kind);
  judgeCharges(judgement, ofKind('charge'), payments, policy);
  judgeRefunds(judgement, ofKind('refund'), payments);
  for (const row of ordered) judgeOther(judgement, row, payments);
  return judgement;
}

/** Money that stays in the account: with the row that gives it back it comes to nothing, which the report adds up. */
const withinAccount = {
  hold: 'Money of the account that is held back for a time, or released again',
  'carry-over': 'The balance of one batch, carried over to the next',
} as const;

const betweenAccounts = {
  payout: 'Money on its way to the bank: what it carries is tied out',
  'payout-returned': 'Money that the bank sent back: a later payout carries it',
} as const;

/** Rows that nothing of ours is known to belong to, each by itself. */
export function judgeStray(row: ProviderRow): Verdicts {
  const judgement = new Judgement(null);
  findOfEvery(judgement, row);
  switch (row.kind) {
    case 'fee':
      judgement.ignore(row, 'account-fee', 'A fee of the account: it counts into the payout');
      break;
    case 'conversion':
      judgement.ignore(row, 'conversion', 'Money exchanged between balances of the account');
      break;
    case 'memo':
      judgement.ignore(row, 'memo', 'It moves no money');
      break;
    case 'hold':
    case 'carry-over':
      judgement.ignore(row, row.kind, withinAccount[row.kind]);
      break;
    case 'payout':
    case 'payout-returned':
      judgement.ignore(row, row.kind, betweenAccounts[row.kind]);
      break;
    case 'chargeback':
    case 'chargeback-reversed':
    case 'refund-failed':
      findEvent(judgement, row);
      judgement.open(row);
      break;
    case 'charge':
    case 'refund':
    case 'adjustment':
    case 'other':
      judgement.find('MISSING_INTERNAL', row, `Nothing of ours belongs to this ${inWords(row)}`, {
        actual: row.gross.value,
      });
      judgement.open(row);
      break;
  }
  return judgement;
}

/** What to call a row in a sentence. */
function inWords({ kind }: ProviderRow): string {
  return kind === 'other' ? 'entry' : kind;
}

function findOfEvery(judgement: Judgement, row: ProviderRow): void {
  if (row.late) judgement.find('LATE_ARRIVAL', row, 'It became visible below a horizon that was closed');
  if (row.conflicts > 0) {
    judgement.find('CONFLICTING_DUPLICATE', row, `${row.conflicts} other bodies came under this id`);
  }
}

function findEvent(judgement: Judgement, row: ProviderRow, payment?: OurPayment): void {
  const more = { actual: row.gross.value, paymentId: payment?.id ?? null };
  switch (row.kind) {
    case 'chargeback':
      return judgement.find('CHARGEBACK', row, 'The buyer disputes the payment, and has the money', more);
    case 'chargeback-reversed':
      return judgement.find('CHARGEBACK_REVERSED', row, 'The dispute was decided for us', more);
    case 'refund-failed':
      return judgement.find(
        'REFUND_FAILED',
        row,
        'The refund could not be paid out, and is ours again',
        more,
      );
    default:
  }
}

/** Whatever is neither a charge nor a refund. */
function judgeOther(judgement: Judgement, row: ProviderRow, payments: readonly OurPayment[]): void {
  const payment = payments.find((candidate) => names(row, candidate)) ?? payments[0];
  const of = payment ? { payment } : {};
  switch (row.kind) {
    case 'charge':
    case 'refund':
      return;
    case 'fee':
      return judgement.match(row, 'fee-of-payment', 'A fee that the provider took for this payment', of);
    case 'conversion':
      return judgement.match(row, 'conversion-of-payment', 'The money of this payment was exchanged', of);
    case 'chargeback':
    case 'chargeback-reversed':
    case 'refund-failed':
      findEvent(judgement, row, payment);
      return judgement.match(row, row.kind, 'An event of this payment, by its reference', of);
    case 'memo':
      return judgement.ignore(row, 'memo', 'It moves no money');
    case 'hold':
    case 'carry-over':
      return judgement.ignore(row, row.kind, withinAccount[row.kind]);
    case 'payout':
    case 'payout-returned':
      return judgement.ignore(row, row.kind, betweenAccounts[row.kind]);
    case 'adjustment':
    case 'other':
      judgement.find('MISSING_INTERNAL', row, `Nothing of ours explains this ${inWords(row)}`, {
        actual: row.gross.value,
        paymentId: payment?.id ?? null,
      });
      return judgement.open(row, payment);
  }
}
