/** The second half of every run: what was taken is judged, what ties is tied out, and the figures are added up. */
import type { Database } from '#ledger';
import { carryOut, dueEffects, type PaymentCommands } from './effects/effects.js';
import { judgeAllOf, type JudgeAllCommand } from './matching/judge-all.js';
import type { RunCounts } from './runs/run-repository.js';
import { openDiscrepanciesOf, totalsOf, type RunResult, type TieOut } from './runs/run-result.js';

const effectsBatchMax = 100;

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
