/** Every call under /v1, described: what it takes, what it answers, and the problems that are its own. */
import { z } from 'zod';
import {
  adjustBody,
  confirmation,
  confirmBody,
  emptyBody,
  extendBody,
  invariantsReport,
  listOrdersQuery,
  listPaymentsQuery,
  listReservationsQuery,
  listSkusQuery,
  order,
  pageOf,
  payBody,
  payment,
  paymentStarted,
  type ProblemSlug,
  putSkuBody,
  reservation,
  reserveBody,
  simulation,
  simulationBody,
  simulationProgress,
  simulationStarted,
  simulationSummary,
  stockLevel,
  wireOrderStatuses,
  wireReservationStatuses,
} from '#contracts';
import type { Scope } from '#platform';

export type CallDescription = {
  readonly id: string;
  readonly method: 'get' | 'put' | 'post';
  /** With `{name}` for what varies. */
  readonly path: string;
  readonly tag: 'Simulations' | 'SKUs' | 'Reservations' | 'Orders' | 'Payments' | 'Audit';
  readonly summary: string;
  readonly scopes: readonly Scope[];
  /** The caller signs its message instead of sending an API key; and it may come again without an Idempotency-Key. */
  readonly signed?: boolean;
  readonly query?: z.ZodObject;
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean };
  readonly ifMatch?: boolean;
  readonly stream?: boolean;
  /** Bodies by status; null: none. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  readonly etag?: boolean;
  /** Beyond those that every call of its kind may have. */
  readonly problems: readonly ProblemSlug[];
};

const either = ['storefront', 'admin'] as const;
const storefront = ['storefront'] as const;
const admin = ['admin'] as const;
const noBody = { schema: emptyBody, required: false };
const late = wireReservationStatuses.map((status) => `reservation-${status}` as const);
const lateOrder = wireOrderStatuses.map((status) => `order-${status}` as const);
const lateBut = (...timely: (typeof wireReservationStatuses)[number][]) =>
  late.filter((slug) => !timely.some((status) => slug === `reservation-${status}`));

const stockCalls: readonly CallDescription[] = [
  {
    id: 'listSkus',
    method: 'get',
    path: '/v1/skus',
    tag: 'SKUs',
    summary: 'List the levels of all SKUs, by name',
    scopes: either,
    query: listSkusQuery,
    answers: { 200: pageOf(stockLevel) },
    problems: [],
  },
  {
    id: 'putSku',
    method: 'put',
    path: '/v1/skus/{sku}',
    tag: 'SKUs',
    summary: 'Create a SKU, or change its policy',
    scopes: admin,
    body: { schema: putSkuBody, required: true },
    answers: { 200: stockLevel, 201: stockLevel },
    etag: true,
    problems: ['stock-not-ready', 'ledger-unavailable'],
  },
  {
    id: 'getSku',
    method: 'get',
    path: '/v1/skus/{sku}',
    tag: 'SKUs',
    summary: 'Read the level of a SKU',
    scopes: either,
    answers: { 200: stockLevel },
    etag: true,
    problems: ['unknown-sku'],
  },
  {
    id: 'adjustSku',
    method: 'post',
    path: '/v1/skus/{sku}/adjustments',
    tag: 'SKUs',
    summary: 'Add units to what is on hand, or take some away',
    scopes: admin,
    body: { schema: adjustBody, required: true },
    ifMatch: true,
    answers: { 200: stockLevel },
    etag: true,
    problems: [
      'invalid-precondition',
      'unknown-sku',
      'insufficient-stock',
      'version-mismatch',
      'stock-not-ready',
    ],
  },
  {
    id: 'watchSku',
    method: 'get',
    path: '/v1/skus/{sku}/events',
    tag: 'SKUs',
    summary: 'Watch a SKU: an event `stock` with the level whenever it changes, at most 10 a second',
    scopes: either,
    stream: true,
    answers: { 200: stockLevel },
    problems: ['unknown-sku', 'overloaded'],
  },
];

const reservationCalls: readonly CallDescription[] = [
  {
    id: 'reserve',
    method: 'post',
    path: '/v1/reservations',
    tag: 'Reservations',
    summary: 'Hold units of one or more SKUs for a buyer, all of them or none',
    scopes: storefront,
    body: { schema: reserveBody, required: true },
    answers: { 201: reservation },
    problems: [
      'unknown-sku',
      'duplicate-reservation',
      'buyer-limit-exceeded',
      'sold-out',
      'insufficient-stock',
      'stock-not-ready',
    ],
  },
  {
    id: 'listReservations',
    method: 'get',
    path: '/v1/reservations',
    tag: 'Reservations',
    summary: 'List reservations, newest first',
    scopes: storefront,
    query: listReservationsQuery,
    answers: { 200: pageOf(reservation) },
    problems: [],
  },
  {
    id: 'getReservation',
    method: 'get',
    path: '/v1/reservations/{id}',
    tag: 'Reservations',
    summary: 'Read a reservation',
    scopes: storefront,
    answers: { 200: reservation },
    problems: ['unknown-reservation'],
  },
  {
    id: 'extendReservation',
    method: 'post',
    path: '/v1/reservations/{id}/extend',
    tag: 'Reservations',
    summary: 'Set the deadline to now + ttlSeconds, never earlier than it was',
    scopes: storefront,
    body: { schema: extendBody, required: true },
    answers: { 200: reservation },
    problems: ['unknown-reservation', 'payment-pending', ...lateBut('held', 'paying'), 'stock-not-ready'],
  },
  {
    id: 'releaseReservation',
    method: 'post',
    path: '/v1/reservations/{id}/release',
    tag: 'Reservations',
    summary: 'Give the units back',
    scopes: storefront,
    body: noBody,
    answers: { 200: reservation },
    problems: [
      'unknown-reservation',
      'payment-pending',
      ...lateBut('held', 'paying', 'released'),
      'stock-not-ready',
    ],
  },
  {
    id: 'payReservation',
    method: 'post',
    path: '/v1/reservations/{id}/pay',
    tag: 'Reservations',
    summary: 'Start a payment: it keeps the units until its own deadline, and its success makes the order',
    scopes: storefront,
    body: { schema: payBody, required: true },
    answers: { 200: paymentStarted },
    problems: [
      'unknown-reservation',
      'unknown-provider',
      'payment-pending',
      ...lateBut('held', 'paying'),
      'stock-not-ready',
    ],
  },
  {
    id: 'confirmReservation',
    method: 'post',
    path: '/v1/reservations/{id}/confirm',
    tag: 'Reservations',
    summary: 'Turn the reservation into an order',
    scopes: storefront,
    body: { schema: confirmBody, required: false },
    answers: { 200: confirmation },
    problems: [
      'unknown-reservation',
      'unknown-payment',
      'payment-pending',
      'payment-failed',
      ...lateBut('held', 'paying', 'late-paid', 'confirmed', 'fulfilled'),
      'stock-not-ready',
    ],
  },
];

const orderCalls: readonly CallDescription[] = [
  {
    id: 'listOrders',
    method: 'get',
    path: '/v1/orders',
    tag: 'Orders',
    summary: 'List orders, newest first',
    scopes: either,
    query: listOrdersQuery,
    answers: { 200: pageOf(order) },
    problems: [],
  },
  {
    id: 'getOrder',
    method: 'get',
    path: '/v1/orders/{id}',
    tag: 'Orders',
    summary: 'Read an order',
    scopes: either,
    answers: { 200: order },
    problems: ['unknown-order'],
  },
  {
    id: 'fulfilOrder',
    method: 'post',
    path: '/v1/orders/{id}/fulfil',
    tag: 'Orders',
    summary: 'The units have left the shelf',
    scopes: admin,
    body: noBody,
    answers: { 200: order },
    problems: ['unknown-order', ...lateOrder.filter((slug) => slug === 'order-cancelled'), 'stock-not-ready'],
  },
  {
    id: 'cancelOrder',
    method: 'post',
    path: '/v1/orders/{id}/cancel',
    tag: 'Orders',
    summary: 'Call the order off: the units go back',
    scopes: admin,
    body: noBody,
    answers: { 200: order },
    problems: ['unknown-order', ...lateOrder.filter((slug) => slug === 'order-fulfilled'), 'stock-not-ready'],
  },
];

const paymentCalls: readonly CallDescription[] = [
  {
    id: 'listPayments',
    method: 'get',
    path: '/v1/payments',
    tag: 'Payments',
    summary: 'List payments, newest first',
    scopes: admin,
    query: listPaymentsQuery,
    answers: { 200: pageOf(payment) },
    problems: [],
  },
  {
    id: 'getPayment',
    method: 'get',
    path: '/v1/payments/{id}',
    tag: 'Payments',
    summary: 'Read a payment',
    scopes: admin,
    answers: { 200: payment },
    problems: ['unknown-payment'],
  },
  {
    id: 'receiveWebhook',
    method: 'post',
    path: '/v1/payments/webhooks/{provider}',
    tag: 'Payments',
    summary:
      'A provider tells what became of a payment; answered once it is in the ledger, each event counts once',
    scopes: [],
    signed: true,
    body: { schema: z.looseObject({}), required: true },
    answers: { 204: null },
    problems: ['invalid-signature', 'body-too-large', 'unsupported-media-type'],
  },
];

const simulationCalls: readonly CallDescription[] = [
  {
    id: 'startSimulation',
    method: 'post',
    path: '/v1/simulations',
    tag: 'Simulations',
    summary: 'Rehearse a sale: on servers of its own, or in virtual time. One at a time',
    scopes: admin,
    body: { schema: simulationBody, required: true },
    answers: { 202: simulationStarted },
    problems: ['overloaded'],
  },
  {
    id: 'listSimulations',
    method: 'get',
    path: '/v1/simulations',
    tag: 'Simulations',
    summary: 'List the last simulations of this process, newest first',
    scopes: admin,
    answers: { 200: pageOf(simulationSummary) },
    problems: [],
  },
  {
    id: 'getSimulation',
    method: 'get',
    path: '/v1/simulations/{id}',
    tag: 'Simulations',
    summary: 'Read a simulation, with its report once it has finished',
    scopes: admin,
    answers: { 200: simulation },
    problems: ['not-found'],
  },
  {
    id: 'followSimulation',
    method: 'get',
    path: '/v1/simulations/{id}/events',
    tag: 'Simulations',
    summary: 'Follow a simulation: events `progress` with its figures, then `finished` with the simulation',
    scopes: admin,
    stream: true,
    answers: { 200: simulationProgress },
    problems: ['not-found', 'overloaded'],
  },
];

export const calls: readonly CallDescription[] = [
  ...stockCalls,
  ...reservationCalls,
  ...orderCalls,
  ...paymentCalls,
  ...simulationCalls,
  {
    id: 'checkInvariants',
    method: 'get',
    path: '/v1/audit/invariants',
    tag: 'Audit',
    summary: 'Check the invariants I1 to I11',
    scopes: admin,
    answers: { 200: invariantsReport },
    problems: [],
  },
];
