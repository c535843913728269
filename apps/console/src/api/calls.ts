/** The calls of the API that the console makes, with their types. */
import type {
  ScenarioInput,
  WireSimulation,
  AdjustBody,
  PutSkuBody,
  WireConfirmation,
  WireInvariantsReport,
  WireOrder,
  WirePayment,
  WireReservation,
  WireStockLevel,
} from '#contracts';
import { call, callText } from './call.js';
import type { Key, Scope } from './keyring.js';

export type Page<Row> = { readonly data: readonly Row[]; readonly nextCursor: string | null };
export type PageQuery = {
  readonly limit?: number;
  readonly cursor?: string | null;
  readonly signal?: AbortSignal;
};

const either: readonly Scope[] = ['admin', 'storefront'];
const admin: readonly Scope[] = ['admin'];
const storefront: readonly Scope[] = ['storefront'];

export const readSettings = () =>
  call<{ developmentKeys: readonly string[] }>('/console/settings', { scopes: [] });

/** Whose key it is. @throws ProblemError `unauthenticated` */
export async function identify(secret: string): Promise<Key> {
  const { name, scopes } = await call<Omit<Key, 'secret'>>('/console/session', {
    scopes: [],
    headers: { authorization: `Bearer ${secret}` },
  });
  return { secret, name, scopes };
}

export const listSkus = ({ signal, ...query }: PageQuery = {}) =>
  call<Page<WireStockLevel>>('/v1/skus', { scopes: either, query, ...(signal && { signal }) });

export const readSku = (sku: string, signal?: AbortSignal) =>
  call<WireStockLevel>(skuPath(sku), { scopes: either, ...(signal && { signal }) });

export const putSku = (sku: string, body: PutSkuBody) =>
  call<WireStockLevel>(skuPath(sku), { method: 'PUT', scopes: admin, body });

export const adjustSku = (sku: string, body: AdjustBody, idempotencyKey: string) =>
  call<WireStockLevel>(`${skuPath(sku)}/adjustments`, {
    method: 'POST',
    scopes: admin,
    body,
    idempotencyKey,
  });

export const skuPath = (sku: string) => `/v1/skus/${encodeURIComponent(sku)}`;

export type ReservationFilter = {
  readonly buyerId?: string;
  readonly sku?: string;
  readonly status?: string;
};

export const listReservations = (filter: ReservationFilter, { signal, ...page }: PageQuery = {}) =>
  call<Page<WireReservation>>('/v1/reservations', {
    scopes: storefront,
    query: { ...filter, ...page },
    ...(signal && { signal }),
  });

export const readReservation = (id: string, signal?: AbortSignal) =>
  call<WireReservation>(`/v1/reservations/${encodeURIComponent(id)}`, {
    scopes: storefront,
    ...(signal && { signal }),
  });

const changeReservation = <Answer>(id: string, verb: string, body: unknown, idempotencyKey: string) =>
  call<Answer>(`/v1/reservations/${encodeURIComponent(id)}/${verb}`, {
    method: 'POST',
    scopes: storefront,
    body,
    idempotencyKey,
  });

export const releaseReservation = (id: string, key: string) =>
  changeReservation<WireReservation>(id, 'release', {}, key);
export const extendReservation = (id: string, ttlSeconds: number, key: string) =>
  changeReservation<WireReservation>(id, 'extend', { ttlSeconds }, key);
export const confirmReservation = (id: string, key: string) =>
  changeReservation<WireConfirmation>(id, 'confirm', {}, key);

export const listOrders = (filter: { readonly status?: string }, { signal, ...page }: PageQuery = {}) =>
  call<Page<WireOrder>>('/v1/orders', {
    scopes: either,
    query: { ...filter, ...page },
    ...(signal && { signal }),
  });

export const readOrder = (id: string, signal?: AbortSignal) =>
  call<WireOrder>(`/v1/orders/${encodeURIComponent(id)}`, { scopes: either, ...(signal && { signal }) });

export const endOrder = (id: string, verb: 'fulfil' | 'cancel', idempotencyKey: string) =>
  call<WireOrder>(`/v1/orders/${encodeURIComponent(id)}/${verb}`, {
    method: 'POST',
    scopes: admin,
    body: {},
    idempotencyKey,
  });

export const listPayments = (filter: { readonly status?: string }, { signal, ...page }: PageQuery = {}) =>
  call<Page<WirePayment>>('/v1/payments', {
    scopes: admin,
    query: { ...filter, ...page },
    ...(signal && { signal }),
  });

export const readPayment = (id: string, signal?: AbortSignal) =>
  call<WirePayment>(`/v1/payments/${encodeURIComponent(id)}`, { scopes: admin, ...(signal && { signal }) });

export const readInvariants = (signal?: AbortSignal) =>
  call<WireInvariantsReport>('/v1/audit/invariants', { scopes: admin, ...(signal && { signal }) });

export type SimulationEntry = Pick<WireSimulation, 'id' | 'status' | 'scenario' | 'createdAt'>;

export const listSimulations = (signal?: AbortSignal) =>
  call<Page<SimulationEntry>>('/v1/simulations', { scopes: admin, ...(signal && { signal }) });

export const readSimulation = (id: string, signal?: AbortSignal) =>
  call<WireSimulation>(simulationPath(id), { scopes: admin, ...(signal && { signal }) });

export const startSimulation = (scenario: ScenarioInput, idempotencyKey: string) =>
  call<Pick<WireSimulation, 'id' | 'status'>>('/v1/simulations', {
    method: 'POST',
    scopes: admin,
    body: { scenario },
    idempotencyKey,
  });

export const simulationPath = (id: string) => `/v1/simulations/${encodeURIComponent(id)}`;

export const readMetrics = (signal?: AbortSignal) =>
  callText('/metrics', { scopes: [], ...(signal && { signal }) });
