/**
 * Where reconciliation reads a provider's transactions from: what the walk needs of a connector and nothing more. A
 * source may list in any order that stands still within a window, newest first included: the walk never draws
 * conclusions from the row it saw last, only from a window that was read to its end.
 */
import type { ProviderTransaction } from './provider-transaction.js';

/**
 * Half-open: `from` belongs to it, `until` does not. By the source's own clock, which is milliseconds since 1970 for a
 * provider, and counts database transactions where the source is a PostgreSQL of ours.
 */
export type SourceWindow = { readonly from: number; readonly until: number };

export type SourcePage = {
  /** At most `limit`. */
  readonly transactions: readonly ProviderTransaction[];
  /** Where the next page begins: opaque, at most 1,000 characters. Null: the window has been read to its end. */
  readonly next: string | null;
  /** The clock of whatever answered, when it answered: a replica that is behind says so by this. */
  readonly now: number;
};

export interface TransactionSource {
  /** The provider's name, as in the address of its webhooks. */
  readonly provider: string;
  /** The account at the provider; `default` where there is but one. Ids of transactions are unique within it. */
  readonly account: string;
  /**
   * `time`: rows are listed by when they happened, and one may become visible after its time (the walk keeps a lag and
   * an overlap against it). `commits`: rows are listed by the transaction that wrote them, below a horizon that no row
   * can appear under any more.
   */
  readonly clock: 'time' | 'commits';

  /** The source's own clock, now. Never this machine's. */
  now(): Promise<number>;

  /**
   * A page of the window. `after` is null or the `next` of the page before, of the same window and limit. The same
   * question may be asked again at any time.
   * @throws UnavailableError when the provider cannot be asked now
   */
  listTransactions(window: SourceWindow, after: string | null, limit: number): Promise<SourcePage>;

  /** One transaction by its id; null: the provider has none. @throws UnavailableError */
  fetchTransaction(id: string): Promise<ProviderTransaction | null>;

  /**
   * What a payout carries, for providers that say so only when they are asked by payout: the rows of
   * `listTransactions`, now with their `payoutId`. Null: it does not say so of this payout, and never will. Absent: those
   * of `listTransactions` have it already.
   * @throws UnavailableError
   */
  listPayoutTransactions?(payoutId: string, after: string | null, limit: number): Promise<SourcePage | null>;
}
