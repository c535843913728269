/** What the main thread and the HTTP threads say to each other. */
import type { Figures } from '#platform';
import type { ServicesHandle } from '../services.js';

export type ThreadTask = {
  /** From 1; the one that replaces a dead thread has its name. */
  readonly name: string;
  readonly handle: ServicesHandle;
  readonly address: { readonly port: number; readonly host: string };
};

export type ToThread =
  | { readonly kind: 'begin'; readonly task: ThreadTask }
  /** Finish what is in flight, and end. */
  | { readonly kind: 'close' }
  | { readonly kind: 'measure'; readonly call: number }
  /** The figures of all threads, which this one has asked for. */
  | { readonly kind: 'measured'; readonly call: number; readonly text: string };

export type FromThread =
  | { readonly kind: 'listens'; readonly address: string }
  | { readonly kind: 'figures'; readonly call: number; readonly figures: Figures }
  | { readonly kind: 'wants-metrics'; readonly call: number };
