/** Runs, discrepancies and reports, as they go over the wire. */
import type { z } from 'zod';
import type { reconciliationReport, WireDiscrepancy, WireReconciliationRun } from '#contracts';
import type { Discrepancy, Report, ReportRow, ResolveOutcome, Run, RunResult } from '#reconciliation';
import type { Answer } from '#reservations';
import { jsonAnswer, problemAnswer } from '../http/answers.js';

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
    result: result && presentResult(result),
    error,
  };
}

function presentResult({ tieOut, currencies, rules, ...result }: RunResult): WireReconciliationRun['result'] {
  return { ...result, tieOut: [...tieOut], currencies: [...currencies], rules: [...rules] };
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

/** The report as JSON, in pieces: with every row of the run at its end. */
export async function* jsonOfReport(report: Report, rows: AsyncIterable<ReportRow>): AsyncIterable<string> {
  let text = `${JSON.stringify(presentReport(report)).slice(0, -1)},"transactions":[`;
  let first = true;
  for await (const row of rows) {
    text += `${first ? '' : ','}${JSON.stringify(presentRow(row))}`;
    first = false;
    if (text.length < pieceLength) continue;
    yield text;
    text = '';
  }
  yield `${text}]}`;
}

const pieceLength = 65_536;

type WireReport = z.infer<typeof reconciliationReport>;

function presentRow(row: ReportRow): WireReport['transactions'][number] {
  const { id, kind, fee, state, rule, reason } = row;
  return {
    id,
    kind,
    occurredAt: instantOf(row.occurred_at),
    gross: { value: row.gross, currency: row.currency },
    fee,
    net: { value: row.net, currency: row.net_currency },
    paymentReference: row.payment_reference,
    merchantReference: row.merchant_reference,
    payout: row.payout_id,
    state,
    discrepancies: row.codes === null ? [] : row.codes.split(' '),
    rule,
    reason,
    paymentId: row.payment_id,
  };
}

function presentReport({ run, sections, quarantined, payouts }: Report): Omit<WireReport, 'transactions'> {
  return {
    run: presentRun(run),
    sections: sections.map(({ code, meaning, count, discrepancies }) => {
      return { code, meaning, count, discrepancies: discrepancies.map(presentDiscrepancy) };
    }),
    quarantined: [...quarantined],
    payouts: payouts.map(({ parts, ...payout }) => ({ ...payout, parts: [...parts] })),
  };
}

export function presentResolveOutcome(outcome: ResolveOutcome): Answer {
  switch (outcome.kind) {
    case 'done':
      return jsonAnswer(200, presentDiscrepancy(outcome.discrepancy));
    case 'too-late': {
      const { id, state } = outcome.discrepancy;
      return problemAnswer('discrepancy-ended', `The discrepancy is ${state}: reopen it first`, {
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
