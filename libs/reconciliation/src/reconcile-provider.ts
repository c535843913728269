/**
 * Reconciles a provider's account: on from the cursor to the horizon, or a range of its time that somebody asked for. A
 * dry run reads everything first and takes it afterwards, so that no transaction waits for a provider.
 */
import type { Database } from '#ledger';
import type { StatementTransaction, SourceWindow, TransactionSource } from '#payments';
import { carryOutAll, resultOf } from './conclude-run.js';
import { fillPayouts } from './intake/payout-rows.js';
import { takeItems } from './intake/take-items.js';
import { judgeWithRevisits, type JudgeAllCommand, type Progress } from './matching/judge-all.js';
import { findMissing } from './matching/missing.js';
import type { ReconcileParts } from './reconcile-file.js';
import { claimsKnown, isUnasked, RunRepository, type Run } from './runs/run-repository.js';
import type { RunResult } from './runs/run-result.js';
import { recordTieOuts, tieOutPayouts } from './tie-out/tie-out.js';
import { inDryRun, inTransaction } from './transaction.js';
import { CursorRepository } from './walk/cursor-repository.js';
import type { WalkPolicy } from './walk/walk-policy.js';
import { Walk } from './walk/walk.js';

export type ProviderParts = ReconcileParts & {
  readonly source: TransactionSource;
  readonly walkPolicy: WalkPolicy;
  readonly newId: () => string;
};

/** Rows of a dry run are held in memory between reading and taking: as many as this, and no more. */
const dryRunRowsMax = 200_000;

/** Does a run that is on record, to its end. Safe to repeat. @throws UnavailableError: it stays unfinished */
export async function reconcileProvider(
  parts: ProviderParts,
  run: Run,
  onProgress: (progress: Progress) => void = () => undefined,
): Promise<RunResult> {
  const { db } = parts;
  const runs = new RunRepository(db);
  await runs.begin(run.id);
  const result = run.dry ? await dryRun(parts, run, onProgress) : await commitRun(parts, run, onProgress);
  await runs.finish(run.id, result, null);
  return result;
}

async function commitRun(
  parts: ProviderParts,
  run: Run,
  onProgress: (progress: Progress) => void,
): Promise<RunResult> {
  if (run.fromMs === null && run.untilMs === null) {
    const walk = new Walk({ ...parts, policy: parts.walkPolicy, claimsKnown: claimsKnown(run) });
    let rows = run.counts.rows;
    await walk.run(run.id, (step) => {
      if (step.kind !== 'advanced') return;
      rows += step.rows;
      onProgress({ phase: 'taken', rows });
    });
    return concludeRun(parts, run.id, onProgress);
  }
  await new RunRepository(parts.db).restart(run.id);
  await takeRange(parts.db, run, listRange(parts, await rangeOf(parts, run)), onProgress);
  return concludeRun(parts, run.id, onProgress);
}

async function dryRun(
  parts: ProviderParts,
  run: Run,
  onProgress: (progress: Progress) => void,
): Promise<RunResult> {
  const rows: StatementTransaction[] = [];
  for await (const row of listRange(parts, await rangeOf(parts, run))) {
    if (rows.length >= dryRunRowsMax) {
      throw new RangeError(`a dry run reads at most ${dryRunRowsMax} rows: ask for a shorter range of time`);
    }
    rows.push(row);
  }
  return inDryRun(parts.db, async (tx) => {
    await takeRange(tx, run, streamOf(rows), onProgress);
    return concludeRun({ ...parts, db: tx, commands: null }, run.id, onProgress);
  });
}

async function* streamOf<Item>(items: readonly Item[]): AsyncIterable<Item> {
  yield* items;
}

/** Never beyond what the source can be believed about; without a beginning, from where the walk would go on. */
async function rangeOf({ db, source, walkPolicy }: ProviderParts, run: Run): Promise<SourceWindow> {
  const now = await source.now();
  const cursor = await new CursorRepository(db).find(source);
  const until = Math.min(run.untilMs ?? Number.MAX_SAFE_INTEGER, now - walkPolicy.safetyLag);
  const begun = cursor ? cursor.horizon - walkPolicy.overlap : now - walkPolicy.lookBack;
  return { from: Math.max(0, Math.min(run.fromMs ?? begun, until)), until };
}

async function* listRange(
  { source, walkPolicy }: ProviderParts,
  window: SourceWindow,
): AsyncIterable<StatementTransaction> {
  let position: string | null = null;
  let line = 0;
  do {
    const page = await source.listTransactions(window, position, walkPolicy.pageSize);
    for (const transaction of page.transactions) {
      line += 1;
      yield { kind: 'transaction', line, transaction, batch: null };
    }
    position = page.next;
  } while (position !== null);
}

async function takeRange(
  db: Database,
  run: Run,
  items: AsyncIterable<StatementTransaction>,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  await takeItems(db, {
    runId: run.id,
    account: run.account,
    origin: 'api',
    items,
    batchMax: 1_000,
    onTaken: ({ rows }) => onProgress({ phase: 'taken', rows }),
  });
}

/** Judges what the run has taken, ties payouts out, looks for what is missing, and adds up. */
export async function concludeRun(
  parts: ProviderParts,
  runId: string,
  onProgress: (progress: Progress) => void = () => undefined,
): Promise<RunResult> {
  const { db, source, policy, commands, walkPolicy } = parts;
  const { provider, account } = source;
  const judging: JudgeAllCommand = { account: { provider, account }, runId, policy, onProgress };
  if (source.listPayoutTransactions && !db.isTransaction)
    await fillPayouts(db, source, runId, walkPolicy.pageSize);
  await judgeWithRevisits(db, judging);
  if (commands) await carryOutAll(db, commands, judging);
  const tieOut = await tieOutPayouts(db, judging.account, runId);
  await inTransaction(db, (tx) => recordTieOuts(tx, judging.account, runId, tieOut, 'provider'));
  const run = (await new RunRepository(db).find(runId))!;
  const expected = source.clock === 'time' ? await lookForMissing(parts, run) : 0;
  return resultOf(db, runId, { ...run.counts, repeated: 0, tieOut, expected });
}

/**
 * What nobody has asked for, twice a minute, looks at what has become due since the oldest window that is still watched; what
 * somebody has asked for looks at everything.
 */
async function lookForMissing({ db, source, policy }: ProviderParts, run: Run): Promise<number> {
  const cursors = new CursorRepository(db);
  const cursor = await cursors.find(source);
  const readFromMs = await cursors.readFrom(source);
  if (!cursor || readFromMs === null) return 0;
  const { horizon: horizonMs } = cursor;
  const watchedFromMs = Math.min((await cursors.watchedFrom(source)) ?? horizonMs, horizonMs);
  const lookFromMs = isUnasked(run) ? watchedFromMs - policy.termMs : readFromMs;
  const account = { provider: source.provider, account: source.account };
  return findMissing(db, account, { runId: run.id, readFromMs, lookFromMs, horizonMs, policy });
}
