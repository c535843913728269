/** Discrepancies on record, each with the steps of its life. Compared with findings, in batches, in SQL. */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Database } from '#ledger';
import { uuidOf } from '#platform';
import type { ProviderAccount } from '../account.js';
import { countable } from '../sums.js';
import { inPieces, rowsOf } from '../transaction.js';
import {
  discrepancyTransitions,
  hasEnded,
  type DiscrepancyAction,
  type DiscrepancyCode,
  type DiscrepancyState,
  type Finding,
} from './discrepancy.js';

/** Who acts when no person does. */
const reconciliationActor = 'reconciliation';

export type DiscrepancyRow = {
  id: string;
  provider: string;
  account: string;
  code: DiscrepancyCode;
  subject: string;
  state: DiscrepancyState;
  number: number | null;
  payment_id: string | null;
  reservation_id: string | null;
  currency: string | null;
  expected: number | null;
  actual: number | null;
  detail: string;
  run_id: string | null;
  opened_at: Date;
  changed_at: Date;
};

type Move = {
  id: string;
  action: DiscrepancyAction | 'open';
  reason: string;
  before: DiscrepancyState | null;
  after: DiscrepancyState;
};

/** The id follows from what it is about: whoever finds it, however often, finds the same one. */
export function discrepancyId({ provider, account }: ProviderAccount, { code, subject }: Finding): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([provider, account, code, subject]))
    .digest();
  return uuidOf(digest);
}

/** Those on record about these rows and reservations, of these codes. */
export async function readAbout(
  tx: Database,
  about: { readonly numbers: readonly number[]; readonly reservationIds: readonly string[] },
): Promise<DiscrepancyRow[]> {
  const { rows } = await sql<DiscrepancyRow>`
    select d.* from json_array_elements_text(${rowsOf(about.numbers)}) as wanted(number)
      join discrepancies d on d.number = wanted.number::bigint
    union select d.* from json_array_elements_text(${rowsOf(about.reservationIds)}) as wanted(id)
      join discrepancies d on d.reservation_id = wanted.id::uuid`.execute(tx);
  return rows;
}

/**
 * Brings the record in line with what was found: what is new is opened, what is no longer so is resolved, what was
 * resolved by itself and is so again is reopened. What a person has ended stays ended.
 */
export async function syncFindings(
  tx: Database,
  account: ProviderAccount,
  runId: string | null,
  found: readonly Finding[],
  known: readonly DiscrepancyRow[],
): Promise<void> {
  const byId = new Map(known.map((row) => [row.id, row]));
  const wanted = new Map(found.map((finding) => [discrepancyId(account, finding), finding]));
  const fresh = [...wanted].filter(([id]) => !byId.has(id));
  const isGone = ({ id, state }: DiscrepancyRow): boolean => !wanted.has(id) && !hasEnded(state);
  const isBack = ({ id, state }: DiscrepancyRow): boolean => wanted.has(id) && state === 'resolved';
  const held = await holdAll(
    tx,
    known.filter((row) => isGone(row) || isBack(row)),
  );
  const gone = held.filter(isGone);
  const back = held.filter(isBack);
  const inserted = new Set<string>();
  for (const some of inPieces(fresh))
    for (const id of await insertFresh(tx, account, runId, some)) inserted.add(id);
  const endedByItself = await lastStepByItself(tx, back);
  const moves: Move[] = [
    ...fresh
      .filter(([id]) => inserted.has(id))
      .map(([id, { detail }]) => move(id, 'open', detail, null, 'open')),
    ...fresh
      .filter(([id, { settledBecause }]) => inserted.has(id) && settledBecause !== undefined)
      .map(([id, { settledBecause }]) => move(id, 'resolve', settledBecause!, 'open', 'resolved')),
    ...gone.map(({ id, state }) => move(id, 'resolve', 'It is no longer so', state, 'resolved')),
    ...back
      .filter(({ id }) => endedByItself.has(id) && wanted.get(id)!.settledBecause === undefined)
      .map(({ id }) => move(id, 'reopen', 'It is so again', 'resolved', 'open')),
  ];
  for (const some of inPieces(moves)) await writeMoves(tx, some, reconciliationActor);
}

/** As they are now, and nobody else moves them before this is committed: another run or a person may have, since they were read. */
async function holdAll(tx: Database, rows: readonly DiscrepancyRow[]): Promise<DiscrepancyRow[]> {
  if (rows.length === 0) return [];
  const held = await sql<DiscrepancyRow>`
    select d.* from json_array_elements_text(${rowsOf(rows.map(({ id }) => id))}) as wanted(id)
    join discrepancies d on d.id = wanted.id::uuid order by d.id for update of d`.execute(tx);
  return held.rows;
}

/** A step by somebody, from the state that was read. */
export async function step(
  tx: Database,
  row: DiscrepancyRow,
  action: DiscrepancyAction,
  by: { readonly actor: string; readonly reason: string },
): Promise<DiscrepancyState | 'same' | 'too-late'> {
  const next = discrepancyTransitions[row.state][action];
  if (next === 'same' || next === 'too-late') return next;
  await writeMoves(tx, [move(row.id, action, by.reason, row.state, next)], by.actor);
  return next;
}

function move(
  id: string,
  action: Move['action'],
  reason: string,
  before: DiscrepancyState | null,
  after: DiscrepancyState,
): Move {
  return { id, action, reason, before, after };
}

async function insertFresh(
  tx: Database,
  { provider, account }: ProviderAccount,
  runId: string | null,
  fresh: readonly [string, Finding][],
): Promise<string[]> {
  if (fresh.length === 0) return [];
  const list = fresh.map(([id, finding]) => ({
    id,
    code: finding.code,
    subject: finding.subject,
    number: finding.number,
    payment: finding.paymentId,
    reservation: finding.reservationId,
    currency: finding.currency,
    expected: finding.expected === null ? null : countable(finding.expected),
    actual: finding.actual === null ? null : countable(finding.actual),
    detail: finding.detail,
    state: finding.settledBecause === undefined ? 'open' : 'resolved',
  }));
  const { rows } = await sql<{ id: string }>`
    insert into discrepancies (id, provider, account, code, subject, state, number, payment_id, reservation_id, currency,
      expected, actual, detail, run_id, opened_at, changed_at)
    select id, ${provider}, ${account}, code, subject, state, number, payment, reservation, currency, expected, actual,
      detail, ${runId}::uuid, now(), now()
    from json_to_recordset(${rowsOf(list)}) as r(id uuid, code text, subject text, state text, number bigint,
      payment uuid, reservation uuid, currency text, expected bigint, actual bigint, detail text)
    order by id
    on conflict do nothing
    returning id`.execute(tx);
  return rows.map(({ id }) => id);
}

/** Of these, those whose last step was ours and not a person's. */
export async function lastStepByItself(tx: Database, rows: readonly DiscrepancyRow[]): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const { rows: found } = await sql<{ id: string }>`
    select wanted.id from json_array_elements_text(${rowsOf(rows.map(({ id }) => id))}) as wanted(id)
    where ${reconciliationActor} = (
      select actor from discrepancy_steps where discrepancy_id = wanted.id::uuid order by step desc limit 1)`.execute(
    tx,
  );
  return new Set(found.map(({ id }) => id));
}

async function writeMoves(tx: Database, moves: readonly Move[], actor: string): Promise<void> {
  if (moves.length === 0) return;
  const ordered = moves.map((entry, index) => ({ ...entry, index }));
  await sql`
    insert into discrepancy_steps (discrepancy_id, step, action, actor, reason, before, after, at)
    select r.id, coalesce((select max(step) from discrepancy_steps s where s.discrepancy_id = r.id), 0)
        + row_number() over (partition by r.id order by r.index),
      r.action, ${actor}, r.reason, r.before, r.after, now()
    from json_to_recordset(${rowsOf(ordered)}) as r(id uuid, index integer, action text, reason text, before text,
      after text)`.execute(tx);
  const changed = moves.filter(({ action }) => action !== 'open').map(({ id, after }) => ({ id, after }));
  if (changed.length === 0) return;
  await sql`
    update discrepancies d set state = r.after, changed_at = now()
    from json_to_recordset(${rowsOf(changed)}) as r(id uuid, after text)
    where d.id = r.id and d.state <> r.after`.execute(tx);
}
