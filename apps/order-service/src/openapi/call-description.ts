/** The description of a call: who may make it, what it takes, what it answers. */
import type { z } from 'zod';
import type { ProblemSlug } from '#contracts';
import type { Scope } from '#platform';

export type CallDescription = {
  readonly id: string;
  readonly method: 'get' | 'put' | 'post';
  /** With `{name}` for what varies. */
  readonly path: string;
  readonly tag: 'Simulations' | 'SKUs' | 'Reservations' | 'Orders' | 'Payments' | 'Reconciliation' | 'Audit';
  readonly summary: string;
  readonly scopes: readonly Scope[];
  /** The caller signs its message instead of sending an API key, and may repeat it without an Idempotency-Key. */
  readonly signed?: boolean;
  readonly query?: z.ZodObject;
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean };
  /** The body is a file, as it is. */
  readonly upload?: boolean;
  /** Further media types of the answer. */
  readonly also?: readonly string[];
  readonly ifMatch?: boolean;
  /** The answer is a stream of events; what a reconnecting client says by `Last-Event-ID`. */
  readonly stream?: { readonly lastEventId: string };
  /** Bodies by status; null: none. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  readonly etag?: boolean;
  /** In addition to those of every call of its kind. */
  readonly problems: readonly ProblemSlug[];
};
