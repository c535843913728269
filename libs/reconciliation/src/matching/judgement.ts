/** What is judged, a provider's rows and our payments, and what comes of it. */
import type { Money, PaymentStatus, RefundStatus } from '#domain';
import type { TransactionKind } from '#payments';
import type { Finding } from '../discrepancies/discrepancy.js';

/** A provider's row as it was taken. */
export type ProviderRow = {
  readonly number: number;
  readonly id: string;
  readonly kind: TransactionKind;
  readonly gross: Money;
  /** In the currency of `net`. */
  readonly fee: number | null;
  readonly net: Money;
  readonly paymentReference: string | null;
  readonly merchantReference: string | null;
  readonly occurredAtMs: number;
  readonly late: boolean;
  /** How many other bodies have come under its id. */
  readonly conflicts: number;
};

/** A payment of ours, with the refund that there may be of it. */
export type OurPayment = {
  readonly id: string;
  readonly reservationId: string;
  readonly orderId: string | null;
  readonly providerPaymentId: string | null;
  readonly amount: Money;
  readonly captured: Money | null;
  readonly status: PaymentStatus;
  readonly refund: OurRefund | null;
};

export type OurRefund = {
  readonly id: string;
  readonly providerRefundId: string | null;
  readonly amount: Money;
  readonly status: RefundStatus;
};

export type RowVerdict = {
  readonly number: number;
  readonly state: 'matched' | 'open' | 'ignored';
  /** By which rule, and in words why; null while open. */
  readonly rule: string | null;
  readonly reason: string | null;
  readonly reservationId: string | null;
  readonly paymentId: string | null;
  readonly refundId: string | null;
};

/** What the ledger's own commands should do. The key says that it is done once. */
export type Effect = {
  readonly key: string;
  readonly kind: 'capture' | 'second-capture';
  readonly number: number;
  readonly reservationId: string;
  readonly paymentId: string | null;
};

export type Verdicts = {
  readonly rows: RowVerdict[];
  readonly findings: Finding[];
  readonly effects: Effect[];
};

/** Collects what is found about a group. */
export class Judgement implements Verdicts {
  readonly rows: RowVerdict[] = [];
  readonly findings: Finding[] = [];
  readonly effects: Effect[] = [];

  constructor(readonly reservationId: string | null) {}

  match(
    row: ProviderRow,
    rule: string,
    reason: string,
    of: { payment?: OurPayment; refund?: OurRefund } = {},
  ): void {
    this.rows.push(this.verdict(row, 'matched', rule, reason, of));
  }

  ignore(row: ProviderRow, rule: string, reason: string): void {
    this.rows.push(this.verdict(row, 'ignored', rule, reason, {}));
  }

  open(row: ProviderRow, payment?: OurPayment): void {
    this.rows.push(this.verdict(row, 'open', null, null, payment ? { payment } : {}));
  }

  find(
    code: Finding['code'],
    row: ProviderRow,
    detail: string,
    more: Partial<Pick<Finding, 'paymentId' | 'expected' | 'actual' | 'settledBecause' | 'currency'>> = {},
  ): void {
    this.findings.push({
      code,
      subject: row.id,
      number: row.number,
      paymentId: null,
      reservationId: this.reservationId,
      currency: row.gross.currency,
      expected: null,
      actual: null,
      detail,
      ...more,
    });
  }

  private verdict(
    { number }: ProviderRow,
    state: RowVerdict['state'],
    rule: string | null,
    reason: string | null,
    of: { payment?: OurPayment; refund?: OurRefund },
  ): RowVerdict {
    const { reservationId } = this;
    const paymentId = of.payment?.id ?? null;
    return { number, state, rule, reason, reservationId, paymentId, refundId: of.refund?.id ?? null };
  }
}

export function inProvidersOrder(left: ProviderRow, right: ProviderRow): number {
  return left.occurredAtMs - right.occurredAtMs || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0);
}

/** Whether a row names this payment by one of its ids. */
export function names(row: ProviderRow, payment: OurPayment): boolean {
  const theirs = payment.providerPaymentId;
  return (
    (theirs !== null && (row.paymentReference === theirs || row.id === theirs)) ||
    row.merchantReference === payment.id ||
    (payment.refund?.providerRefundId !== undefined && payment.refund?.providerRefundId === row.id)
  );
}
