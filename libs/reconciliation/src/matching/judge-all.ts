/** Everything that an account's inbox holds, judged: a transaction a batch, until the inbox is empty. */
import type { Database } from '#ledger';
import type { ProviderAccount } from '../account.js';
import { RunRepository } from '../runs/run-repository.js';
import { judgeInbox } from './judge-inbox.js';
import type { MatchPolicy } from './match-policy.js';
import { revisitOpenRows } from './missing.js';

/** Rows judged in one transaction. */
const judgeBatchMax = 2_000;

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
