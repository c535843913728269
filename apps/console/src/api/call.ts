/** One call of the API: the right key, an Idempotency-Key where one is wanted, and every failure a ProblemError. */
import type { ProblemDocument } from '#contracts';
import { dropKeys, keyFor, type Scope } from './keyring.js';
import { missingScope, ProblemError, unreachable } from './problem.js';

export type CallOptions = {
  readonly method?: 'GET' | 'PUT' | 'POST';
  /** Any one of these is enough; none: the call wants no key. */
  readonly scopes: readonly Scope[];
  readonly query?: Readonly<Record<string, string | number | null | undefined>>;
  readonly body?: unknown;
  /** Sent as it is, in place of a body. */
  readonly file?: Blob;
  readonly idempotencyKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
};

/** @throws ProblemError; and the reason of the signal when it aborts. */
export async function call<Answer>(path: string, options: CallOptions): Promise<Answer> {
  const response = await send(path, options);
  const text = await response.text().catch(() => {
    throw unreachable();
  });
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as Answer;
  throw refusalOf(response, text, options);
}

/** The text of a page that is no JSON. @throws ProblemError */
export async function callText(path: string, options: CallOptions): Promise<string> {
  const response = await send(path, options);
  const text = await response.text();
  if (response.ok) return text;
  throw refusalOf(response, text, options);
}

/** The answer of a call as it arrives: for streams and files. @throws ProblemError */
export async function send(path: string, options: CallOptions): Promise<Response> {
  const { method = 'GET', body, file, idempotencyKey, signal } = options;
  const headers = new Headers({ ...options.headers, ...authorization(options.scopes) });
  if (body !== undefined) headers.set('content-type', 'application/json');
  if (file !== undefined) headers.set('content-type', 'application/octet-stream');
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey);
  try {
    return await fetch(path + queryOf(options.query), {
      method,
      headers,
      cache: 'no-store',
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(file && { body: file }),
      ...(signal && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
}

/** @throws ProblemError when no key at hand has one of the scopes. */
function authorization(scopes: readonly Scope[]): Record<string, string> {
  if (scopes.length === 0) return {};
  const key = keyFor(scopes);
  if (key === undefined) throw missingScope(scopes.join(' or '));
  return { authorization: `Bearer ${key.secret}` };
}

/** What a refusal says. A key that the service no longer knows is forgotten: the page asks for another. */
export function refusalOf(response: Response, text: string, { scopes }: CallOptions): ProblemError {
  if (response.status === 401) dropKeys(keyFor(scopes)?.secret);
  try {
    const document = JSON.parse(text) as ProblemDocument;
    if (typeof document.title === 'string') return new ProblemError(document);
  } catch {
    // Something between here and the service answered in its own words.
  }
  return new ProblemError({
    type: '/problems/unexpected',
    status: response.status,
    title: `The answer was ${response.status}`,
    detail: text.slice(0, 300) || response.statusText || 'No explanation was given',
  });
}

function queryOf(query: CallOptions['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}
