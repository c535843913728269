/** The second half of every run: what was taken is judged, what ties is tied out, and the figures are added up. */
import type { Database } from '#ledger';
import type { ProviderAccount } from './account.js';
import { carryOut, dueEffects, type PaymentCommands } from './effects/effects.js';
import { judgeInbox } from './matching/judge-inbox.js';
import type { MatchPolicy } from './matching/match-policy.js';
import { revisitOpenRows } from './matching/missing.js';
import { RunRepository, type RunCounts } from './runs/run-repository.js';
import { openDiscrepanciesOf, totalsOf, type RunResult, type TieOut } from './runs/run-result.js';

/** Rows judged in one transaction. */
const judgeBatchMax = 2_000;
const effectsBatchMax = 100;

export type Progress = {
  readonly phase: 'taken' | 'judged';
  readonly rows: number;
};

export type JudgeAllCommand = {
  readonly account: ProviderAccount;
  readonly runId: string | null;
  readonly policy: MatchPolicy;
  readonly onProgress: (progress: Progress) => void;
};

/** Judges what is in the inbox until it is empty, what names nothing of ours last. @returns how many rows that were */
export async function judgeAllOf(db: Database, command: JudgeAllCommand): Promise<number> {
  const named = await judgeSome(db, command, { nameless: false, before: 0 });
  return judgeSome(db, command, { nameless: true, before: named });
}

/**
 * Goes on from the row before, since what has left the inbox lies there as dead rows for a while, and then looks from
 * the beginning for what has come back.
 */
async function judgeSome(
  db: Database,
  command: JudgeAllCommand,
  { nameless, before }: { readonly nameless: boolean; readonly before: number },
): Promise<number> {
  let rows = before;
  let after = 0;
  for (;;) {
    const judged = await judgeInbox(db, { ...command, after, nameless, batchMax: judgeBatchMax });
    if (judged.rows === 0 && after === 0) return rows;
    after = judged.rows === 0 ? 0 : judged.last;
    if (judged.rows === 0) continue;
    rows += judged.rows;
    if (command.runId !== null) await new RunRepository(db).touch(command.runId);
    command.onProgress({ phase: 'judged', rows });
  }
}

/** Judges everything new, and what was open and may have found its counterpart. */
export async function judgeWithRevisits(db: Database, command: JudgeAllCommand): Promise<void> {
  await revisitOpenRows(db, command.account);
  await judgeAllOf(db, command);
}

/**
 * Has the payments do what is due, and judges again what that has changed.
 * @throws UnavailableError when they cannot now: what is due stays so, and the next run does it
 */
export async function carryOutAll(
  db: Database,
  commands: PaymentCommands,
  command: JudgeAllCommand,
): Promise<number> {
  let done = 0;
  for (;;) {
    const effects = await dueEffects(db, command.account, effectsBatchMax);
    if (effects.length === 0) return done;
    for (const effect of effects) await carryOut(db, commands, effect);
    done += effects.length;
    await judgeAllOf(db, command);
  }
}

/** The figures of a run, from what is on record. */
export async function resultOf(
  db: Database,
  runId: string,
  taken: RunCounts & {
    readonly repeated: number;
    readonly tieOut: readonly TieOut[];
    readonly expected: number;
  },
): Promise<RunResult> {
  const { rows, inserted, duplicates, quarantined, repeated, tieOut, expected } = taken;
  const { matched, currencies, rules } = await totalsOf(db, runId);
  const found = await openDiscrepanciesOf(db, runId);
  return {
    rows,
    inserted,
    duplicates,
    quarantined,
    matched,
    discrepancies: {
      ...found,
      ...(repeated > 0 && { DUPLICATE_EXTERNAL: repeated }),
    },
    tieOut,
    currencies,
    rules,
    expected,
  };
}
