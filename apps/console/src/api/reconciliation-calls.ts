/** The calls of reconciliation. */
import type { WireDiscrepancy, WireReconciliationRun } from '#contracts';
import { call, send } from './call.js';
import type { Page, PageQuery } from './calls.js';
import { refusalOf } from './call.js';
import type { Scope } from './keyring.js';

const scopes: readonly Scope[] = ['admin'];
const runPath = (id: string) => `/v1/reconciliations/${encodeURIComponent(id)}`;

type Accepted = Pick<WireReconciliationRun, 'id' | 'status'>;

export const listRuns = ({ signal, ...query }: PageQuery = {}) =>
  call<Page<WireReconciliationRun>>('/v1/reconciliations', { scopes, query, ...(signal && { signal }) });

export const readRun = (id: string, signal?: AbortSignal) =>
  call<WireReconciliationRun>(runPath(id), { scopes, ...(signal && { signal }) });

export const requestRun = (body: { provider: string; mode: 'commit' | 'dry-run' }, idempotencyKey: string) =>
  call<Accepted>('/v1/reconciliations', { method: 'POST', scopes, body, idempotencyKey });

/** The file goes as it is, whatever type the browser takes it for. */
export const readStatementFile = (file: File, format: string, mode: string, idempotencyKey: string) =>
  call<Accepted>('/v1/reconciliations/files', {
    method: 'POST',
    scopes,
    query: { format, mode, file: file.name },
    file,
    idempotencyKey,
  });

/** Of one run, or of all. */
export const listDiscrepancies = (
  runId: string | null,
  filter: { readonly state: string },
  { signal, ...page }: PageQuery = {},
) =>
  call<Page<WireDiscrepancy>>(runId === null ? '/v1/discrepancies' : `${runPath(runId)}/discrepancies`, {
    scopes,
    query: { ...filter, ...page },
    ...(signal && { signal }),
  });

export const resolveDiscrepancy = (
  id: string,
  body: { action: string; reason: string },
  idempotencyKey: string,
) =>
  call<WireDiscrepancy>(`/v1/discrepancies/${encodeURIComponent(id)}/resolve`, {
    method: 'POST',
    scopes,
    body,
    idempotencyKey,
  });

export async function readReport(
  id: string,
  format: 'csv' | 'html',
): Promise<{ name: string; content: Blob }> {
  const options = { scopes, query: { format } };
  const response = await send(`${runPath(id)}/report`, options);
  if (!response.ok) throw refusalOf(response, await response.text(), options);
  return { name: `reconciliation-${id}.${format}`, content: await response.blob() };
}
