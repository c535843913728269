/** The two listings, and what becomes of those who trust them. */
import { describe, expect, it } from '@jest/globals';
import type { SandboxTransaction } from '#payments';
import { Book } from './book.js';
import { Faults, faultPlan } from './faults.js';
import { Listings } from './listings.js';

const rowsAll = 1000;

/** A thousand movements, one a millisecond, with ids in no order, on a clock that the test sets. */
function sandbox(plan: object, visibleAfterMs: (n: number) => number = () => 0) {
  let fraction = 0.1;
  const random = {
    bytes: (length: number) => Buffer.alloc(length),
    fraction: () => (fraction = (fraction * 997 + 0.123) % 1),
  };
  const clock = { now: rowsAll, nowMs: () => clock.now, monotonicMs: () => clock.now };
  const faults = new Faults(random);
  faults.plan = faultPlan.parse(plan);
  const book = new Book(null);
  for (let n = 0; n < rowsAll; n += 1) {
    const id = `txn_${((n * 7919) % 10_007).toString(16).padStart(6, '0')}`;
    const amount = { value: 100, currency: 'EUR' };
    const transaction = {
      id,
      kind: 'charge',
      charge: 'ch_1',
      reference: 'r',
      amount,
      createdAtMs: n,
    } as const;
    book.write({ transaction, visibleAtMs: n + visibleAfterMs(n) });
  }
  return { clock, listings: new Listings({ book, faults, clock, random }) };
}

const counts = (rows: readonly SandboxTransaction[]) => {
  const different = new Set(rows.map(({ id }) => id)).size;
  return { doubled: rows.length - different, lost: rowsAll - different };
};

function walk(listings: Listings, from: number, limit: number): SandboxTransaction[] {
  const rows: SandboxTransaction[] = [];
  let after: string | null = null;
  do {
    const page = listings.byTime({ from, until: rowsAll }, after, limit);
    rows.push(...page.data);
    after = page.next;
  } while (after !== null);
  return rows;
}

describe('by page', () => {
  it('gives some movements twice and others never: the incident', () => {
    const { listings } = sandbox({});
    const pages = Array.from(
      { length: 10 },
      (_, index) => listings.byPage({ page: index + 1, size: 100 }).data,
    );
    const { doubled, lost } = counts(pages.flat());
    expect(doubled).toBeGreaterThan(0);
    expect(lost).toBe(doubled);
  });

  it('reads from a replica that is behind', () => {
    const { listings } = sandbox({ replicaLagMs: 400 });
    const sizes = new Set(
      Array.from({ length: 20 }, () => listings.byPage({ page: 1, size: rowsAll }).data.length),
    );
    expect(sizes).toEqual(new Set([rowsAll, rowsAll - 400 + 1]));
  });
});

describe('by time', () => {
  it.each([7, 100, 1000])('gives each movement once, %i a page', (limit) => {
    const { listings } = sandbox({});
    expect(counts(walk(listings, 0, limit))).toEqual({ doubled: 0, lost: 0 });
  });

  it('shows a movement late, below a cursor that has passed it', () => {
    const { clock, listings } = sandbox({}, (n) => (n % 10 === 0 ? 500 : 0));
    const first = walk(listings, 0, 100);
    expect(counts(first).lost).toBeGreaterThan(0);
    clock.now += 500;
    expect(walk(listings, rowsAll, 100)).toEqual([]);
    const again = walk(listings, 0, 100);
    expect(counts(again)).toEqual({ doubled: 0, lost: 0 });
  });
});
