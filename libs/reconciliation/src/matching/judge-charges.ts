/** Charges of a provider against the payments of one reservation. */
import type { PaymentStatus } from '#domain';
import { names, type Judgement, type OurPayment, type ProviderRow } from './judgement.js';
import type { MatchPolicy } from './match-policy.js';

/** What it means that the provider has the money, by what we believe. Total: a new status wants an answer. */
const chargeMeets = {
  created: 'capture',
  pending: 'capture',
  failed: 'capture',
  captured: 'match',
  'refund-due': 'match',
  refunded: 'match',
} as const satisfies Record<PaymentStatus, 'match' | 'capture'>;

export function judgeCharges(
  judgement: Judgement,
  charges: readonly ProviderRow[],
  payments: readonly OurPayment[],
  policy: MatchPolicy,
): void {
  const { ofPayment, rest } = assign(charges, payments);
  for (const [payment, rows] of ofPayment) judgePayment(judgement, payment, rows, policy);
  for (const row of rest) {
    const detail = 'The order has its payment already: this charge is one too many';
    if (payments.length === 0) {
      judgement.find('MISSING_INTERNAL', row, 'The reservation has no payment by this provider', {
        actual: row.gross.value,
      });
    } else secondCapture(judgement, row, detail);
    judgement.open(row);
  }
}

/** By the ids that a row bears; then, in the provider's order, to payments that have no charge, equal amounts first. */
function assign(
  charges: readonly ProviderRow[],
  payments: readonly OurPayment[],
): { ofPayment: Map<OurPayment, ProviderRow[]>; rest: ProviderRow[] } {
  const ofPayment = new Map<OurPayment, ProviderRow[]>();
  const rest: ProviderRow[] = [];
  for (const row of charges) {
    const payment = payments.find((candidate) => names(row, candidate));
    if (payment) ofPayment.set(payment, [...(ofPayment.get(payment) ?? []), row]);
    else rest.push(row);
  }
  const left = rest.filter((row) => {
    const free = payments.filter(
      (payment) =>
        !ofPayment.has(payment) && (payment.providerPaymentId === null || row.paymentReference === null),
    );
    const payment =
      free.find(({ amount }) => amount.value === row.gross.value && amount.currency === row.gross.currency) ??
      free[0];
    if (payment) ofPayment.set(payment, [row]);
    return !payment;
  });
  return { ofPayment, rest: left };
}

function judgePayment(
  judgement: Judgement,
  payment: OurPayment,
  rows: readonly ProviderRow[],
  policy: MatchPolicy,
): void {
  const [first, ...others] = rows;
  if (!first) return;
  const wanted = (payment.captured ?? payment.amount).value;
  const isPart = (row: ProviderRow) =>
    row.gross.currency === payment.amount.currency && row.gross.value > 0 && row.gross.value < wanted;
  if (others.length > 0 && rows.every(isPart)) return judgeSplit(judgement, payment, rows, wanted);
  judgeOne(judgement, payment, first, policy);
  for (const row of others) {
    secondCapture(judgement, row, 'The payment has its charge already: this one is one too many', payment);
    judgement.open(row, payment);
  }
}

/** 1:N: a payment that was taken in parts. Each part that is open says why. */
function judgeSplit(
  judgement: Judgement,
  payment: OurPayment,
  rows: readonly ProviderRow[],
  wanted: number,
): void {
  const sum = rows.reduce((total, { gross }) => total + gross.value, 0);
  if (sum === wanted) {
    const reason = `One of ${rows.length} parts that add up to the payment`;
    for (const row of rows) judgement.match(row, 'split-charge', reason, { payment });
    applyStatus(judgement, payment, rows.at(-1)!);
    return;
  }
  const code = sum < wanted ? 'SPLIT_INCOMPLETE' : 'AMOUNT_OVER';
  const more = { expected: wanted, actual: sum, paymentId: payment.id };
  for (const row of rows) {
    judgement.find(code, row, `One of ${rows.length} parts of the payment`, more);
    judgement.open(row, payment);
  }
}

function judgeOne(judgement: Judgement, payment: OurPayment, row: ProviderRow, policy: MatchPolicy): void {
  const ours = payment.captured ?? payment.amount;
  const more = { expected: ours.value, actual: row.gross.value, paymentId: payment.id };
  const difference = row.gross.value - ours.value;
  findForeignReference(judgement, payment, row);
  findFees(judgement, payment, row, policy);
  const wrong = wrongWith(row, ours, difference, policy);
  if (wrong) {
    judgement.find(wrong.code, row, wrong.detail, more);
    return judgement.open(row, payment);
  }
  if (difference !== 0) {
    judgement.find('ROUNDING', row, `A difference of ${difference}`, {
      ...more,
      settledBecause: `within ${policy.roundingMax} of the policy`,
    });
  }
  if (!applyStatus(judgement, payment, row)) return judgement.open(row, payment);
  judgement.match(row, 'charge', reasonOf(row, payment), { payment });
}

function wrongWith(
  row: ProviderRow,
  ours: OurPayment['amount'],
  difference: number,
  { roundingMax }: MatchPolicy,
): {
  code: 'DIRECTION_MISMATCH' | 'CURRENCY_MISMATCH' | 'AMOUNT_OVER' | 'AMOUNT_UNDER';
  detail: string;
} | null {
  if (row.gross.value < 0) return { code: 'DIRECTION_MISMATCH', detail: 'A charge that takes money from us' };
  if (row.gross.currency !== ours.currency) {
    return {
      code: 'CURRENCY_MISMATCH',
      detail: `Charged in ${row.gross.currency}, ours is in ${ours.currency}`,
    };
  }
  if (Math.abs(difference) <= roundingMax) return null;
  return difference > 0
    ? { code: 'AMOUNT_OVER', detail: 'The provider charged more than the payment' }
    : { code: 'AMOUNT_UNDER', detail: 'The provider charged less than the payment' };
}

/** Whether we believe that we have the money; if not, the ledger's own command is to be told. */
function applyStatus(judgement: Judgement, payment: OurPayment, row: ProviderRow): boolean {
  if (chargeMeets[payment.status] === 'match') return true;
  judgement.find(
    'STATUS_MISMATCH',
    row,
    `The provider has captured it, with us the payment is ${payment.status}`,
    {
      actual: row.gross.value,
      paymentId: payment.id,
    },
  );
  judgement.effects.push({
    key: `capture ${payment.id}`,
    kind: 'capture',
    number: row.number,
    reservationId: payment.reservationId,
    paymentId: payment.id,
  });
  return false;
}

function secondCapture(judgement: Judgement, row: ProviderRow, detail: string, payment?: OurPayment): void {
  judgement.find('MISSING_INTERNAL', row, detail, {
    expected: 0,
    actual: row.gross.value,
    paymentId: payment?.id ?? null,
  });
  judgement.effects.push({
    key: `second-capture ${row.number}`,
    kind: 'second-capture',
    number: row.number,
    reservationId: judgement.reservationId!,
    paymentId: payment?.id ?? null,
  });
}

/** A payment known by the provider's id, under a reference that is of something else. */
function findForeignReference(judgement: Judgement, payment: OurPayment, row: ProviderRow): void {
  const { merchantReference } = row;
  const known = [payment.id, payment.reservationId, payment.orderId];
  if (merchantReference === null || known.includes(merchantReference)) return;
  judgement.find('DATA_MISMATCH', row, `The provider has it under the reference ${merchantReference}`, {
    paymentId: payment.id,
  });
}

function findFees(judgement: Judgement, payment: OurPayment, row: ProviderRow, policy: MatchPolicy): void {
  const { gross, fee, net } = row;
  const more = { paymentId: payment.id, currency: net.currency };
  if (gross.currency === net.currency) {
    if (fee !== null && gross.value - fee !== net.value) {
      judgement.find('FEE_VARIANCE', row, 'Gross less fee is not the net', {
        ...more,
        expected: gross.value - net.value,
        actual: fee,
      });
    }
    findAgreedFee(judgement, row, policy, more);
    return;
  }
  const rate = policy.rates[`${gross.currency}${net.currency}`];
  if (!rate) return;
  const expected = Math.round((gross.value * rate.perMillion) / 1_000_000);
  const actual = net.value + (fee ?? 0);
  if (Math.abs(actual - expected) * 10_000 <= Math.abs(expected) * rate.toleranceBasisPoints) return;
  judgement.find('FX_DIFFERENCE', row, `Changed from ${gross.currency} at a rate other than agreed on`, {
    ...more,
    expected,
    actual,
  });
}

function findAgreedFee(
  judgement: Judgement,
  { gross, fee, ...row }: ProviderRow,
  { fees }: MatchPolicy,
  more: { paymentId: string; currency: string },
): void {
  const agreed = fees[gross.currency] ?? fees['*'];
  if (!agreed) return;
  const expected = Math.round((gross.value * agreed.basisPoints) / 10_000) + agreed.fixed;
  const whole = { ...row, gross, fee };
  if (fee === null || fee === 0) {
    if (expected > agreed.tolerance)
      judgement.find('FEE_MISSING', whole, 'No fee is stated', { ...more, expected });
  } else if (Math.abs(fee - expected) > agreed.tolerance) {
    judgement.find('FEE_VARIANCE', whole, 'The fee is not what was agreed on', {
      ...more,
      expected,
      actual: fee,
    });
  }
}

function reasonOf(row: ProviderRow, payment: OurPayment): string {
  const by =
    payment.providerPaymentId !== null &&
    (row.paymentReference === payment.providerPaymentId || row.id === payment.providerPaymentId)
      ? "the provider's id"
      : row.merchantReference === null
        ? 'amount, currency and date'
        : 'our reference';
  const { gross, fee, net } = row;
  const kept = fee ? `, fee ${fee} ${net.currency}` : '';
  const changed = gross.currency === net.currency ? '' : `, settled as ${net.value} ${net.currency}`;
  return `By ${by}: ${gross.value} ${gross.currency}${kept}${changed}`;
}
