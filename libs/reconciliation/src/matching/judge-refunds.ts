/** Refunds of a provider against ours. A payment has at most one, which a provider may pay out in parts. */
import type { Money, RefundStatus } from '#domain';
import type { DiscrepancyCode } from '../discrepancies/discrepancy.js';
import { names, type Judgement, type OurPayment, type OurRefund, type ProviderRow } from './judgement.js';

/** What it means that the provider gave money back, by what we believe of the refund. */
const refundMeets = {
  due: 'The provider gave it back before we had asked',
  requested: null,
  done: null,
  failed: 'The provider gave it back after it had said that it would not',
} as const satisfies Record<RefundStatus, string | null>;

export function judgeRefunds(
  judgement: Judgement,
  rows: readonly ProviderRow[],
  payments: readonly OurPayment[],
): void {
  const ofPayment = Map.groupBy(
    rows,
    (row) => payments.find((payment) => names(row, payment)) ?? onlyOne(payments),
  );
  for (const [payment, own] of ofPayment) {
    if (payment?.refund) judgeOwn(judgement, payment, payment.refund, own);
    else for (const row of own) judgeUnknown(judgement, row, payment);
  }
}

/** Without an id of its own a refund belongs to the one payment that has one. */
function onlyOne(payments: readonly OurPayment[]): OurPayment | undefined {
  const refunded = payments.filter(({ refund }) => refund !== null);
  return refunded.length === 1 ? refunded[0] : undefined;
}

function judgeUnknown(judgement: Judgement, row: ProviderRow, payment: OurPayment | undefined): void {
  judgement.find('MISSING_INTERNAL', row, 'The provider gave money back that we did not', {
    expected: 0,
    actual: row.gross.value,
    paymentId: payment?.id ?? null,
  });
  judgement.open(row, payment);
}

function judgeOwn(
  judgement: Judgement,
  payment: OurPayment,
  refund: OurRefund,
  rows: readonly ProviderRow[],
): void {
  const { amount } = refund;
  const sum = rows.reduce((total, { gross }) => total - gross.value, 0);
  const more = { expected: -amount.value, actual: -sum, paymentId: payment.id };
  const strange = refundMeets[refund.status];
  for (const row of rows) {
    const wrong = wrongWith(row, rows, { sum, amount });
    if (wrong) judgement.find(wrong.code, row, wrong.detail, more);
    if (strange) judgement.find('STATUS_MISMATCH', row, strange, more);
    if (wrong || strange) judgement.open(row, payment);
    else if (isWhole(row, amount))
      judgement.match(row, 'refund', `Our refund of ${amount.value} ${amount.currency}`, { payment, refund });
    else
      judgement.match(row, 'split-refund', `One of ${rows.length} parts that add up to our refund`, {
        payment,
      });
  }
}

const isWhole = ({ gross }: ProviderRow, amount: Money): boolean => -gross.value === amount.value;

/** Why a row of a refund is open. What is wrong with one of the parts is wrong with the sum, and so with each of them. */
function wrongWith(
  row: ProviderRow,
  rows: readonly ProviderRow[],
  { sum, amount }: { readonly sum: number; readonly amount: Money },
): { code: DiscrepancyCode; detail: string } | null {
  if (rows.some(({ gross }) => gross.value > 0))
    return { code: 'DIRECTION_MISMATCH', detail: 'A refund that gives money to us, or a part of one' };
  if (rows.some(({ gross }) => gross.currency !== amount.currency))
    return { code: 'CURRENCY_MISMATCH', detail: `Ours is in ${amount.currency}` };
  const [first] = rows;
  if (sum === amount.value || (row === first && isWhole(row, amount))) return null;
  if (sum > amount.value) return { code: 'AMOUNT_OVER', detail: 'More was given back than we decided' };
  const code = rows.length > 1 ? 'SPLIT_INCOMPLETE' : 'AMOUNT_UNDER';
  return { code, detail: 'Less was given back than we decided' };
}
