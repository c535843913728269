/** What is said of a call: who may, what it takes, what it answers. */
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
  /** The caller signs its message instead of sending an API key; and it may come again without an Idempotency-Key. */
  readonly signed?: boolean;
  readonly query?: z.ZodObject;
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean };
  /** The body is a file, as it is. */
  readonly upload?: boolean;
  /** Other forms in which the answer may be had: their media types. */
  readonly also?: readonly string[];
  readonly ifMatch?: boolean;
  /** The answer is a stream of events; what a follower who comes back says by `Last-Event-ID`. */
  readonly stream?: { readonly lastEventId: string };
  /** Bodies by status; null: none. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  readonly etag?: boolean;
  /** Beyond those that every call of its kind may have. */
  readonly problems: readonly ProblemSlug[];
};
