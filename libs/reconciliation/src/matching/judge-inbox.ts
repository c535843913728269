/**
 * The inbox: rows that were taken and not judged yet. A batch is one transaction under the account's lock: whole groups are
 * read, judged and written, so that two who judge at once do one after the other, and the second finds nothing to do.
 */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { ProviderAccount } from '../account.js';
import {
  discrepancyId,
  lastStepByItself,
  readAbout,
  syncFindings,
  type DiscrepancyRow,
} from '../discrepancies/discrepancy-repository.js';
import { hasEnded, type DiscrepancyCode, type Finding } from '../discrepancies/discrepancy.js';
import { inTransaction, rowsOf } from '../transaction.js';
import { readInbox, writeVerdicts } from './group-repository.js';
import { judgeGroups } from './judge-groups.js';
import type { Effect, RowVerdict, Verdicts } from './judgement.js';
import type { MatchPolicy } from './match-policy.js';

export type JudgeCommand = {
  readonly account: ProviderAccount;
  readonly policy: MatchPolicy;
  readonly runId: string | null;
  readonly batchMax: number;
  /** Rows up to this number have been judged by whoever asks; 0: none. */
  readonly after: number;
  /** Those that name nothing of ours, or the others, which come first: what they name, nobody else has to be. */
  readonly nameless: boolean;
};

export type Judged = {
  /** Rows that were judged; 0: the inbox is empty, above where the search began. */
  readonly rows: number;
  /** The highest number of them. */
  readonly last: number;
};

/** Codes that other parts find and end: payouts, statements, and what is ours alone. */
const foundElsewhere = new Set<DiscrepancyCode>([
  'MISSING_EXTERNAL',
  'DUPLICATE_INTERNAL',
  'PAYOUT_NOT_TIED',
  'BATCH_GAP',
  'SCHEMA_INVALID',
]);

/** Judges the oldest rows of the inbox, and the groups that they belong to. */
export function judgeInbox(db: Database, command: JudgeCommand): Promise<Judged> {
  return inTransaction(db, async (tx) => {
    const { account, after, batchMax, nameless } = command;
    await lockAccount(tx, account);
    const inbox = await readInbox(tx, account, { after, limit: batchMax, nameless });
    if (inbox.length === 0) return { rows: 0, last: after };
    const { verdicts, stored } = await judgeGroups(tx, command, inbox);
    const numbers = [...stored.keys()];
    const reservationIds = [
      ...new Set(
        verdicts.rows.flatMap(({ reservationId }) => (reservationId === null ? [] : [reservationId])),
      ),
    ];
    const known = (await readAbout(tx, { numbers, reservationIds })).filter(
      ({ code }) => !foundElsewhere.has(code),
    );
    const decided = decidedByPersons(verdicts, account, await endedByPersons(tx, known));
    const changed = verdicts.rows
      .map((given) => {
        const verdict = decided.get(given.number) ?? given;
        return { verdict, before: stored.get(verdict.number)!.verdict };
      })
      .filter(({ verdict, before }) => !sameVerdict(verdict, before));
    // All of an amount have been judged together, whichever of them the batch began with.
    const judged = nameless ? numbers : inbox.map(({ number }) => number);
    await writeVerdicts(tx, changed, judged);
    await syncFindings(tx, account, command.runId, verdicts.findings, known);
    await keepEffects(tx, verdicts.effects);
    return { rows: judged.length, last: inbox.at(-1)!.number };
  });
}

/** One judge at a time per account, until the end of the transaction. */
async function lockAccount(tx: Database, { provider, account }: ProviderAccount): Promise<void> {
  const name = `holdfast reconciliation ${JSON.stringify([provider, account])}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(tx);
}

/** The ids of those that a person has ended, and not reconciliation itself. */
async function endedByPersons(tx: Database, known: readonly DiscrepancyRow[]): Promise<Set<string>> {
  const ended = known.filter(({ state }) => hasEnded(state));
  const byItself = await lastStepByItself(tx, ended);
  return new Set(ended.flatMap(({ id }) => (byItself.has(id) ? [] : [id])));
}

/** An open row whose findings people have ended, all of them, is ignored from then on: they have decided. */
function decidedByPersons(
  verdicts: Verdicts,
  account: ProviderAccount,
  ended: ReadonlySet<string>,
): Map<number, RowVerdict> {
  if (ended.size === 0) return new Map();
  const ofRow = Map.groupBy(verdicts.findings, ({ number }) => number);
  const isEnded = (finding: Finding) =>
    finding.settledBecause !== undefined || ended.has(discrepancyId(account, finding));
  return new Map(
    verdicts.rows
      .filter(({ state, number }) => state === 'open' && (ofRow.get(number)?.every(isEnded) ?? false))
      .map((verdict) => [
        verdict.number,
        { ...verdict, state: 'ignored', rule: 'decided', reason: 'A person has decided about it' },
      ]),
  );
}

function sameVerdict(left: RowVerdict, right: RowVerdict): boolean {
  return (
    left.state === right.state &&
    left.rule === right.rule &&
    left.reason === right.reason &&
    left.reservationId === right.reservationId &&
    left.paymentId === right.paymentId &&
    left.refundId === right.refundId
  );
}

/** Each is kept, and later done, once: the key says which are known. */
async function keepEffects(tx: Database, effects: readonly Effect[]): Promise<void> {
  if (effects.length === 0) return;
  const list = effects.map(({ key, kind, number, reservationId, paymentId }) => ({
    key,
    kind,
    number,
    reservation: reservationId,
    payment: paymentId,
  }));
  await sql`
    insert into reconciliation_effects (key, kind, number, reservation_id, payment_id, state)
    select key, kind, number, reservation, payment, 'due'
    from json_to_recordset(${rowsOf(list)}) as r(key text, kind text, number bigint, reservation uuid, payment uuid)
    order by key
    on conflict do nothing`.execute(tx);
}
