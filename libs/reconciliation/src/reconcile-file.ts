/** Reconciles a statement file: takes its rows, judges them, ties it out. A file that comes again adds what was missing. */
import type { Database } from '#ledger';
import type { StatementReader } from '#payments';
import type { ProviderAccount } from './account.js';
import { carryOutAll, resultOf } from './conclude-run.js';
import type { PaymentCommands } from './effects/effects.js';
import { takeItems, type Taken } from './intake/take-items.js';
import { judgeWithRevisits, type JudgeAllCommand, type Progress } from './matching/judge-all.js';
import type { MatchPolicy } from './matching/match-policy.js';
import { RunRepository } from './runs/run-repository.js';
import type { RunResult } from './runs/run-result.js';
import { recordLinks } from './tie-out/statement-chain.js';
import { recordTieOuts, tieOutOfRecord } from './tie-out/tie-out.js';
import { inDryRun, inTransaction } from './transaction.js';

export type ReconcileParts = {
  readonly db: Database;
  readonly policy: MatchPolicy;
  /** Null: whatever is to be done by the payments stays due, for somebody who has them. */
  readonly commands: PaymentCommands | null;
};

export type FileCommand = {
  readonly runId: string;
  readonly reader: StatementReader;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Its name, for people. */
  readonly file: string | null;
  readonly dry: boolean;
  readonly requestedBy: string;
  readonly onProgress: (progress: Progress) => void;
};

export type FileOutcome = {
  readonly result: RunResult;
  /** Where the file breaks off, in words; null: it was read to its end. What came before is taken. */
  readonly brokenOff: string | null;
};

/** Rows taken in one transaction. */
const batchMax = 1_000;

/**
 * Safe to repeat after any end, with the same run or another one.
 * @throws StatementFormatError when it is no such file: nothing was taken
 */
export async function reconcileFile(parts: ReconcileParts, command: FileCommand): Promise<FileOutcome> {
  const { db } = parts;
  const { runId, dry } = command;
  await new RunRepository(db).add(newRunOf(command));
  await new RunRepository(db).begin(runId);
  try {
    const outcome = dry
      ? await inDryRun(db, (tx) => work({ ...parts, db: tx, commands: null }, command))
      : await work(parts, command);
    await new RunRepository(db).finish(runId, outcome.result, outcome.brokenOff);
    return outcome;
  } catch (error) {
    await new RunRepository(db)
      .fail(runId, error instanceof Error ? error.message : String(error))
      .catch(() => undefined);
    throw error;
  }
}

/** Whose rows these are: the same whether they come by a file or by the provider's API. */
export function accountOfFile({ provider }: StatementReader): ProviderAccount {
  return { provider, account: 'default' };
}

function newRunOf({
  runId,
  reader,
  file,
  dry,
  requestedBy,
}: FileCommand): Parameters<RunRepository['add']>[0] {
  return {
    id: runId,
    kind: 'file',
    account: accountOfFile(reader),
    format: reader.format,
    file,
    dry,
    fromMs: null,
    untilMs: null,
    requestedBy,
    status: 'running',
  };
}

async function work({ db, policy, commands }: ReconcileParts, command: FileCommand): Promise<FileOutcome> {
  const { runId, onProgress, reader } = command;
  const account = accountOfFile(reader);
  const taken = await takeFile(db, account, command);
  await inTransaction(db, async (tx) => {
    await recordTieOuts(tx, account, runId, taken.tieOut, 'file');
    await recordLinks(tx, account, runId, taken.links);
  });
  const elsewhere = await tieOutOfRecord(db, account, taken.payouts, taken.tieOut);
  await inTransaction(db, (tx) => recordTieOuts(tx, account, runId, elsewhere, 'provider'));
  const tieOut = [...taken.tieOut, ...elsewhere];
  const judging: JudgeAllCommand = { account, runId, policy, onProgress };
  await judgeWithRevisits(db, judging);
  if (commands) await carryOutAll(db, commands, judging);
  return {
    result: await resultOf(db, runId, { ...taken, tieOut, expected: 0 }),
    brokenOff: taken.brokenOff,
  };
}

async function takeFile(
  db: Database,
  account: ProviderAccount,
  { runId, reader, bytes, onProgress }: FileCommand,
): Promise<Taken> {
  await new RunRepository(db).restart(runId);
  return takeItems(db, {
    runId,
    account,
    origin: reader.format,
    items: reader.read(bytes),
    batchMax,
    onTaken: ({ rows }) => onProgress({ phase: 'taken', rows }),
  });
}
