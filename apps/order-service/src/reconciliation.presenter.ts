/** Runs, discrepancies and reports, as they go over the wire. */
import type { z } from 'zod';
import type { reconciliationReport, WireDiscrepancy, WireReconciliationRun } from '#contracts';
import type { Discrepancy, Report, ResolveOutcome, Run } from '#reconciliation';
import type { Answer } from '#reservations';
import { jsonAnswer, problemAnswer } from './answers.js';

const instantOf = (ms: number): string => new Date(ms).toISOString();

export function presentRun(run: Run): WireReconciliationRun {
  const { id, status, kind, account, format, file, fromMs, untilMs, requestedBy, error, counts, result } =
    run;
  return {
    id,
    status,
    kind,
    ...account,
    format,
    file,
    mode: run.dry ? 'dry-run' : 'commit',
    from: fromMs === null ? null : instantOf(fromMs),
    to: untilMs === null ? null : instantOf(untilMs),
    requestedBy,
    createdAt: instantOf(run.createdAtMs),
    finishedAt: run.finishedAtMs === null ? null : instantOf(run.finishedAtMs),
    ...counts,
    result:
      result === null ? null : { ...result, tieOut: [...result.tieOut], currencies: [...result.currencies] },
    error,
  };
}

export function presentDiscrepancy(found: Discrepancy): WireDiscrepancy {
  const { openedAtMs, changedAtMs, history, ...rest } = found;
  return {
    ...rest,
    openedAt: instantOf(openedAtMs),
    changedAt: instantOf(changedAtMs),
    history: history.map(({ action, actor, reason, before, after, atMs }) => {
      return { action, actor, reason, before, after, at: instantOf(atMs) };
    }),
  };
}

export function presentReport({ run, sections, quarantined }: Report): z.infer<typeof reconciliationReport> {
  return {
    run: presentRun(run),
    sections: sections.map(({ code, meaning, count, discrepancies }) => {
      return { code, meaning, count, discrepancies: discrepancies.map(presentDiscrepancy) };
    }),
    quarantined: [...quarantined],
  };
}

export function presentResolveOutcome(outcome: ResolveOutcome): Answer {
  switch (outcome.kind) {
    case 'done':
      return jsonAnswer(200, presentDiscrepancy(outcome.discrepancy));
    case 'too-late': {
      const { id, state } = outcome.discrepancy;
      return problemAnswer('discrepancy-ended', `The discrepancy is ${state} and stays so`, {
        discrepancyId: id,
        state,
      });
    }
    case 'unknown':
      return unknownDiscrepancy;
  }
}

export const unknownRun = problemAnswer('unknown-reconciliation', 'No reconciliation has this id');
export const unknownDiscrepancy = problemAnswer('unknown-discrepancy', 'No discrepancy has this id');
