/**
 * The walk over a provider's transactions that loses none and takes none twice.
 *
 * A cursor on (timestamp, id) loses rows: both are given when a row's transaction begins, and it becomes visible when
 * that transaction ends, which may be below a cursor that has passed. So the walk reads windows `[horizon − overlap,
 * now − lag)` of the source's clock, each to its end: the lag waits for rows that are slow, the overlap takes those that
 * were slower, the natural key makes reading twice harmless, and closing a window (close-window.ts) finds what was slower
 * still. A page is one transaction with the move of the cursor: a crash repeats a page and never skips one.
 */
import { UnavailableError } from '#domain';
import type { Database } from '#ledger';
import type { SourcePage, SourceWindow, TransactionSource } from '#payments';
import { countsOf, ingest, type Ingested } from '../intake/ingest.js';
import { RunRepository } from '../runs/run-repository.js';
import { inTransaction } from '../transaction.js';
import { CursorRepository, type WalkCursor } from './cursor-repository.js';
import type { WalkPolicy } from './walk-policy.js';
import { WindowRepository } from './window-repository.js';

export type WalkStep =
  /** A page was taken. */
  | {
      readonly kind: 'advanced';
      readonly rows: number;
      readonly ingested: Ingested;
      /** Up to here everything has been taken. */
      readonly horizon: number;
      /** The window ended where the source's present begins. */
      readonly caughtUp: boolean;
      /** The longest that a new row has been seen to take beyond the safety lag; null: none did. */
      readonly beyondLag: number | null;
    }
  /** Everything up to the horizon has been taken. */
  | { readonly kind: 'at-horizon'; readonly horizon: number }
  /** Another walker has moved the cursor: nothing of this page was written. */
  | { readonly kind: 'raced' };

export type WalkParts = {
  readonly db: Database;
  readonly source: TransactionSource;
  readonly policy: WalkPolicy;
  /** Whether its runs count what they read of the overlap; those of the schedule, which read it each time, do not. */
  readonly claimsKnown: boolean;
  /** The id of a window, and of whatever else is made here. */
  readonly newId: () => string;
};

class Raced extends Error {}

export class Walk {
  private readonly cursors: CursorRepository;
  private readonly windows: WindowRepository;

  constructor(private readonly parts: WalkParts) {
    this.cursors = new CursorRepository(parts.db);
    this.windows = new WindowRepository(parts.db);
  }

  /**
   * Steps up to where the horizon is at the start (it moves on meanwhile: a source that counts commits counts ours as
   * well), or until `onStep` says false.
   */
  async run(runId: string, onStep: (step: WalkStep) => boolean | void = () => true): Promise<void> {
    const { source, policy } = this.parts;
    const goal = (await source.now()) - policy.safetyLag;
    for (;;) {
      const step = await this.step(runId);
      if (onStep(step) === false || (step.kind !== 'raced' && step.horizon >= goal)) return;
      if (step.kind === 'at-horizon') return;
    }
  }

  /**
   * Takes the next page. Safe to call at any time by any number of walkers.
   * @throws UnavailableError when the source cannot be asked, or is behind the window that it was asked for
   */
  async step(runId: string): Promise<WalkStep> {
    const { source, policy } = this.parts;
    const cursor = (await this.cursors.find(source)) ?? (await this.begin());
    const window = cursor.window ?? (await this.nextWindow(cursor));
    if (window.until <= cursor.horizon) return { kind: 'at-horizon', horizon: cursor.horizon };
    const page = await source.listTransactions(window, cursor.position, policy.pageSize);
    refuseStale(source, page, window, policy);
    try {
      return await inTransaction(this.parts.db, (tx) => this.take(tx, runId, { cursor, window, page }));
    } catch (error) {
      if (error instanceof Raced) return { kind: 'raced' };
      throw error;
    }
  }

  private async begin(): Promise<WalkCursor> {
    const { source, policy } = this.parts;
    return this.cursors.begin(source, Math.max(0, (await source.now()) - policy.lookBack));
  }

  private async nextWindow({ horizon }: WalkCursor): Promise<SourceWindow> {
    const { source, policy } = this.parts;
    const now = await source.now();
    const until = Math.min(now - policy.safetyLag, horizon + policy.windowMax);
    return { from: Math.max(0, horizon - policy.overlap), until };
  }

  private async take(
    tx: Database,
    runId: string,
    { cursor, window, page }: { cursor: WalkCursor; window: SourceWindow; page: SourcePage },
  ): Promise<WalkStep> {
    const { source, policy, newId } = this.parts;
    const windowEnded = page.next === null;
    const moved = await CursorRepository.move(
      tx,
      source,
      cursor,
      windowEnded
        ? { horizon: window.until, window: null, position: null }
        : { horizon: cursor.horizon, window, position: page.next },
    );
    // The transaction of whoever was faster has all of this page.
    if (!moved) throw new Raced();
    const ofTime = source.clock === 'time';
    const ingested = await ingest(tx, {
      account: source,
      runId,
      origin: 'api',
      transactions: page.transactions,
      lateBefore: ofTime ? await this.windows.closedUntil(tx, source) : null,
      claimsKnown: this.parts.claimsKnown,
    });
    if (windowEnded) {
      // Without the overlap, which belongs to the window before.
      const own = { from: cursor.horizon, until: window.until };
      await this.windows.add(tx, source, { id: newId(), window: own, final: !ofTime, now: page.now });
    }
    await new RunRepository(tx).count(runId, countsOf(ingested));
    const { oldestNewMs } = ingested;
    const slow = ofTime && cursor.horizon > 0 && oldestNewMs !== null && oldestNewMs < cursor.horizon;
    return {
      kind: 'advanced',
      rows: page.transactions.length,
      ingested,
      horizon: windowEnded ? window.until : cursor.horizon,
      caughtUp: windowEnded && window.until - cursor.horizon < policy.windowMax,
      beyondLag: slow ? page.now - oldestNewMs - policy.safetyLag : null,
    };
  }
}

/** Whoever answered must have seen at least as much as the window's end takes for granted. */
function refuseStale(
  source: TransactionSource,
  page: SourcePage,
  window: SourceWindow,
  policy: WalkPolicy,
): void {
  if (page.now - policy.safetyLag >= window.until) return;
  const behind = window.until + policy.safetyLag - page.now;
  throw new UnavailableError(
    'provider-unavailable',
    `${source.provider} answered from a replica that is ${behind} behind the window it was asked for`,
    false,
  );
}
