/**
 * How decisions become final: one transaction takes the next entries of some journals, in order and without gaps,
 * together with the answers that they make final. The partition's row is the lock, the fence and the position at
 * once, so two processes cannot take one entry twice, and an epoch that is over cannot write.
 */
import type { JournalEntry, JournalPosition } from '#domain';

/** The answer to a request under an Idempotency-Key, recorded with the commit that makes it final. */
export type Receipt = {
  readonly keyDigest: Buffer;
  /** Of the request: a server that crashed may have forgotten the claim, which is not flushed by itself. */
  readonly fingerprint: Buffer;
  readonly status: number;
  readonly body: string;
};

export type KeptAnswer = { readonly status: number; readonly body: string };

export type CommitBatch = {
  /** In the order of each partition's journal; several partitions may be mixed. Entries known already are skipped. */
  readonly entries: readonly JournalEntry[];
  /** Positions that the receipts rest on. */
  readonly requires: readonly JournalPosition[];
  readonly receipts: readonly Receipt[];
};

/** What the key of a receipt had been answered with before; null: it belongs to another request. */
export type EarlierAnswer = { readonly receipt: Receipt; readonly answer: KeptAnswer | null };

export type CommitResult =
  /** All is written, but the receipts whose keys had an answer already, the same or another. */
  | { readonly kind: 'committed'; readonly earlier: readonly EarlierAnswer[] }
  /** The ledger lacks what comes before: entries after `after` are needed first. Nothing was written. */
  | { readonly kind: 'gap'; readonly partition: number; readonly epoch: number; readonly after: number }
  /** The partition is in another epoch now, named here. Nothing was written. */
  | { readonly kind: 'fenced'; readonly partition: number; readonly epoch: number }
  /** The ledger has other entries under these numbers: the store went back in time. Nothing was written. */
  | { readonly kind: 'clash'; readonly partition: number };

export interface LedgerWriter {
  /**
   * One transaction. Throws `UnavailableError` `ledger-unavailable` when the database did not say that it committed;
   * the same batch may then be sent again, whether or not it did.
   */
  commit(batch: CommitBatch): Promise<CommitResult>;
}
