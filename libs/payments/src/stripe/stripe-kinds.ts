/** What Stripe calls a movement, in our words: the same in its API and in its reports. */
import type { TransactionKind } from '../provider-transaction.js';

/** Reporting categories, and the types that older reports name instead. */
const kinds: Readonly<Record<string, TransactionKind>> = {
  charge: 'charge',
  payment: 'charge',
  refund: 'refund',
  payment_refund: 'refund',
  refund_failure: 'refund-failed',
  payment_refund_failure: 'refund-failed',
  dispute: 'chargeback',
  dispute_reversal: 'chargeback-reversed',
  fee: 'fee',
  stripe_fee: 'fee',
  stripe_fx_fee: 'fee',
  network_cost: 'fee',
  tax: 'fee',
  tax_fee: 'fee',
  payout: 'payout',
  payout_reversal: 'payout-returned',
  payout_cancel: 'payout-returned',
  payout_failure: 'payout-returned',
  conversion: 'conversion',
  adjustment: 'adjustment',
  other_adjustment: 'adjustment',
  charge_failure: 'adjustment',
  payment_failure_refund: 'adjustment',
  partial_capture_reversal: 'adjustment',
  reserve_transaction: 'adjustment',
  reserved_funds: 'adjustment',
  risk_reserved_funds: 'adjustment',
};

/** @param category as reports or the API name it @param source the object that moved the money: its prefix tells */
export function kindOf(category: string, description: string, source: string | null): TransactionKind {
  const name = category
    .toLowerCase()
    .trim()
    .replaceAll(/[\s-]+/g, '_');
  // Before 2017 payouts were called transfers, and disputes came as adjustments.
  if (name === 'transfer' && source?.startsWith('po_') === true) return 'payout';
  if (name === 'adjustment' && (source?.startsWith('dp_') === true || source?.startsWith('du_') === true)) {
    return /revers/i.test(description) ? 'chargeback-reversed' : 'chargeback';
  }
  return kinds[name] ?? 'other';
}
