/** Refunds of a provider against ours. A payment has at most one, which a provider may pay out in parts. */
import type { RefundStatus } from '#domain';
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
  const [first, ...others] = rows;
  if (!first) return;
  const sum = rows.reduce((total, { gross }) => total - gross.value, 0);
  const more = { expected: -refund.amount.value, actual: -sum, paymentId: payment.id };
  const backwards = rows.find(({ gross }) => gross.value > 0);
  const foreign = rows.find(({ gross }) => gross.currency !== refund.amount.currency);
  const whole = -first.gross.value === refund.amount.value;
  if (backwards) judgement.find('DIRECTION_MISMATCH', backwards, 'A refund that gives money to us', more);
  else if (foreign)
    judgement.find('CURRENCY_MISMATCH', foreign, `Ours is in ${refund.amount.currency}`, more);
  else if (sum > refund.amount.value) {
    for (const row of whole ? others : [rows.at(-1)!])
      judgement.find('AMOUNT_OVER', row, 'More was given back than we decided', more);
  } else if (sum < refund.amount.value) {
    const code = others.length > 0 ? 'SPLIT_INCOMPLETE' : 'AMOUNT_UNDER';
    judgement.find(code, rows.at(-1)!, 'Less was given back than we decided', more);
  }
  const strange = refundMeets[refund.status];
  if (strange) judgement.find('STATUS_MISMATCH', first, strange, more);
  const good = !backwards && !foreign && !strange && (whole || sum === refund.amount.value);
  for (const [index, row] of rows.entries()) {
    if (!good || (whole && index > 0)) judgement.open(row, payment);
    else if (whole)
      judgement.match(row, 'refund', `Our refund of ${refund.amount.value} ${refund.amount.currency}`, {
        payment,
        refund,
      });
    else
      judgement.match(row, 'split-refund', `One of ${rows.length} parts that add up to our refund`, {
        payment,
      });
  }
}
