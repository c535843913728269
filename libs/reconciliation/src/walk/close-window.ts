/**
 * Closing a window: two fetches, spaced apart, that are equal in count, sums and hash. What a fetch brings that was not
 * there is taken, so a row that was visible later than lag and overlap allow for is still found; below a closed horizon
 * it is counted as late and reported. A closed window is looked at again after an hour, a day and three days.
 */
import type { Database } from '#ledger';
import type { TransactionSource } from '#payments';
import { countsOf, ingest } from '../intake/ingest.js';
import { RunRepository } from '../runs/run-repository.js';
import { inTransaction } from '../transaction.js';
import type { WalkPolicy } from './walk-policy.js';
import { WindowDigest } from './window-digest.js';
import { WindowRepository, type ReadWindow, type WindowState } from './window-repository.js';

export type CloseParts = {
  readonly db: Database;
  readonly source: TransactionSource;
  readonly policy: WalkPolicy;
};

export type WindowLook =
  | {
      readonly kind: 'looked';
      readonly state: WindowState;
      /** Rows that neither the walk nor an earlier look had seen. */
      readonly found: number;
      /** Of those, rows below the closed horizon. */
      readonly late: number;
    }
  /** Another look was faster. What was found is taken all the same. */
  | { readonly kind: 'raced' }
  /** Looked at since, or not to be looked at any more. */
  | { readonly kind: 'not-due' };

/** Looks at a window once. Safe to run at any time, also twice at once. @throws UnavailableError */
export async function lookAtWindow(parts: CloseParts, windowId: string, runId: string): Promise<WindowLook> {
  const windows = new WindowRepository(parts.db);
  const known = await windows.find(windowId);
  if (!known || known.checkAt === null || known.checkAt > (await parts.source.now()))
    return { kind: 'not-due' };
  const fetched = await fetchWhole(parts, known, runId);
  const digest = fetched.digest.toString();
  const spaced = known.fetchedAt !== null && fetched.now - known.fetchedAt >= parts.policy.closeSpacing;
  const state: WindowState =
    known.state === 'closed' || (spaced && known.digest === digest) ? 'closed' : 'read';
  const recorded = await windows.record(known, {
    state,
    rows: fetched.digest.rows,
    digest,
    fetchedAt: fetched.now,
    ...nextCheck(known, state, fetched.now, parts.policy),
    late: fetched.late,
  });
  if (!recorded) return { kind: 'raced' };
  return { kind: 'looked', state, found: fetched.found, late: fetched.late };
}

function nextCheck(
  known: ReadWindow,
  state: WindowState,
  now: number,
  { closeSpacing, checksAfterClose }: WalkPolicy,
): { checkAt: number | null; checksAfterClose: number } {
  if (state === 'read') return { checkAt: now + closeSpacing, checksAfterClose: 0 };
  const taken = known.state === 'closed' ? known.checksAfterClose + 1 : 0;
  const next = checksAfterClose[taken];
  // Each is counted from the closing: what has passed since the check before is no longer waited for.
  const passed = taken === 0 ? 0 : checksAfterClose[taken - 1]!;
  return { checkAt: next === undefined ? null : now + next - passed, checksAfterClose: taken };
}

type Fetched = {
  readonly digest: WindowDigest;
  readonly found: number;
  readonly late: number;
  readonly now: number;
};

/** Reads the window to its end, a transaction a page, and takes what is new. */
async function fetchWhole(
  { db, source, policy }: CloseParts,
  known: ReadWindow,
  runId: string,
): Promise<Fetched> {
  const { window, state } = known;
  const digest = new WindowDigest();
  let found = 0;
  let late = 0;
  let position: string | null = null;
  for (;;) {
    const page = await source.listTransactions(window, position, policy.pageSize);
    for (const transaction of page.transactions) digest.add(transaction);
    const ingested = await inTransaction(db, async (tx) => {
      const taken = await ingest(tx, {
        account: known.account,
        runId,
        origin: 'api',
        transactions: page.transactions,
        lateBefore: state === 'closed' ? window.until : null,
        claimsKnown: false,
      });
      // A look reads again what is known: only what was not counts as read by its run. It is under way, whatever it finds.
      await new RunRepository(tx).count(runId, countsOf(taken));
      return taken;
    });
    found += ingested.inserted;
    late += ingested.late;
    position = page.next;
    if (position === null) return { digest, found, late, now: page.now };
  }
}
