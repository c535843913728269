/** What requests and answers look like, by the name of the call: the sale of a lamp. A spec holds them to their schemas. */
const holdId = '3f2c9a44-6b1e-8d07-9a35-0c5e7f1b2a68';
const orderId = '9b0d6f1a-52c8-8e43-b7a1-4d2f8e6c9013';
const paymentId = 'c81e728d-9d4c-8f63-a067-f89cc14862c0';
const runId = '5a105e8b-9d40-81c0-8f2c-1f4e6b7d8a90';
const createdAt = '2026-11-27T12:00:00.000Z';
const expiresAt = '2026-11-27T12:10:00.000Z';

const level = { sku: 'lamp', onHand: 200, available: 198, held: 1, committed: 1 };
const lamp = { ...level, buyerLimit: 2, holdTtlSeconds: 600, version: 7 };
const held = {
  id: holdId,
  status: 'held',
  buyerId: 'ada',
  lines: [{ sku: 'lamp', quantity: 1 }],
  expiresAt,
  createdAt,
};
const confirmed = { ...held, status: 'confirmed', orderId };
const order = {
  id: orderId,
  reservationId: holdId,
  buyerId: 'ada',
  lines: held.lines,
  status: 'confirmed',
  createdAt,
};
const amount = { value: 4_900, currency: 'EUR' };
const payment = {
  id: paymentId,
  reservationId: holdId,
  provider: 'sandbox',
  amount,
  status: 'created',
  createdAt,
};
const discrepancy = {
  id: '7c9e6679-7425-80de-944b-e07fc1f90ae7',
  runId,
  provider: 'stripe',
  account: 'default',
  code: 'AMOUNT_MISMATCH',
  state: 'open',
  transactionId: 'txn_1',
  subject: 'txn_1',
  paymentId,
  reservationId: holdId,
  currency: 'EUR',
  expected: 4_900,
  actual: 4_800,
  detail: 'The provider took another amount than was asked for',
  openedAt: createdAt,
  changedAt: createdAt,
  history: [],
};
const pageOf = (row: object) => ({ data: [row], nextCursor: null });

export type CallExample = { readonly request?: object; readonly answer?: object };

export const examples: Readonly<Record<string, CallExample>> = {
  listSkus: { answer: pageOf(lamp) },
  putSku: { request: { onHand: 200, buyerLimit: 2, holdTtlSeconds: 600 }, answer: lamp },
  getSku: { answer: lamp },
  adjustSku: { request: { delta: -3, reason: 'broken in transit' }, answer: lamp },
  watchSku: { answer: lamp },
  reserve: {
    request: { buyerId: 'ada', lines: [{ sku: 'lamp', quantity: 1 }], ttlSeconds: 600 },
    answer: held,
  },
  listReservations: { answer: pageOf(held) },
  getReservation: { answer: held },
  extendReservation: { request: { ttlSeconds: 900 }, answer: held },
  releaseReservation: { request: {}, answer: { ...held, status: 'released' } },
  payReservation: {
    request: { provider: 'sandbox', amount },
    answer: {
      reservation: { ...held, status: 'paying', paying: { paymentId, deadline: expiresAt } },
      payment,
    },
  },
  confirmReservation: { request: {}, answer: { reservation: confirmed, order } },
  listOrders: { answer: pageOf(order) },
  getOrder: { answer: order },
  fulfilOrder: { request: {}, answer: { ...order, status: 'fulfilled' } },
  cancelOrder: { request: {}, answer: { ...order, status: 'cancelled' } },
  listPayments: { answer: pageOf(payment) },
  getPayment: { answer: { ...payment, status: 'captured' } },
  reconcile: {
    request: { provider: 'stripe', mode: 'dry-run', from: '2026-11-27T00:00:00Z' },
    answer: { id: runId, status: 'queued' },
  },
  reconcileFile: { answer: { id: runId, status: 'running' } },
  listDiscrepancies: { answer: pageOf(discrepancy) },
  listDiscrepanciesOfReconciliation: { answer: pageOf(discrepancy) },
  resolveDiscrepancy: {
    request: { action: 'resolve', reason: 'a voucher of 1.00 EUR' },
    answer: { ...discrepancy, state: 'resolved' },
  },
  startSimulation: {
    request: { scenario: { buyers: 5_000, stock: 200, time: 'virtual' } },
    answer: { id: runId, status: 'running' },
  },
  checkInvariants: {
    answer: {
      ok: true,
      invariants: [{ id: 'I1', ok: true, detail: 'on hand = available + held + committed' }],
    },
  },
};
