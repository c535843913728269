/**
 * What the sandbox lists of its movements, in two ways. By time: a keyset in the sandbox's own clock, where a movement may
 * be seen only some time after it was booked, as with providers whose rows become visible when a transaction commits. By
 * page: the upstream of the incident (docs/reconciliation.md), which promises no order and reads from a replica that may be
 * behind, so that a movement is on two pages and others are on none.
 */
import type { SandboxTransaction } from '#payments';
import type { Clock, Random } from '#platform';
import { positionOf, type Book } from './book.js';
import type { Faults } from './faults.js';

export type ListingsOptions = {
  readonly book: Book;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly random: Random;
};

export type Listing = {
  readonly data: readonly SandboxTransaction[];
  /** Where the next page begins; null: the window has been read to its end. */
  readonly next: string | null;
  readonly nowMs: number;
};

export class Listings {
  constructor(private readonly options: ListingsOptions) {}

  /** Of a half-open window, in the order of time and id, after a position. */
  byTime(
    window: { readonly from: number; readonly until: number },
    after: string | null,
    limit: number,
  ): Listing {
    const { book, clock } = this.options;
    const nowMs = clock.nowMs();
    const rows = book.list(window, { after, nowMs, limit: limit + 1 });
    const data = rows.slice(0, limit);
    const last = data.at(-1);
    return { data, next: rows.length > limit && last ? positionOf(last) : null, nowMs };
  }

  /** Page 1 is the first. Each request may be answered by another replica, along another index. */
  byPage({ page, size }: { readonly page: number; readonly size: number }): Pick<Listing, 'data' | 'nowMs'> {
    const { book, clock, faults } = this.options;
    const nowMs = clock.nowMs();
    const behindMs = this.either() ? faults.plan.replicaLagMs : 0;
    const rows = book.seenAt(nowMs - behindMs);
    if (this.either()) rows.sort((left, right) => (left.id < right.id ? -1 : 1));
    return { data: rows.slice((page - 1) * size, page * size), nowMs };
  }

  private either(): boolean {
    return this.options.random.fraction() < 0.5;
  }
}
