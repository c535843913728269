/**
 * The last resort: a charge that names nothing of ours is ours when amount, currency and date are, and when there is no
 * other way to read it: one row and one payment that could only be each other. Whatever else is ambiguous, and a
 * person's to decide. Always over all rows and payments of an amount, so that the order of arrival decides nothing.
 */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { ProviderAccount } from '../account.js';
import { rowsOf } from '../transaction.js';
import { readByAmount, type StoredRow } from './group-repository.js';
import { Judgement, type ProviderRow, type Verdicts } from './judgement.js';
import type { MatchPolicy } from './match-policy.js';
import { near } from './near.js';

export type ByAmount = {
  /** Rows that could be one payment only, and it only they. */
  readonly found: readonly { readonly row: StoredRow; readonly reservationId: string }[];
  readonly ambiguous: readonly StoredRow[];
  /** About the ambiguous ones. */
  readonly verdicts: Verdicts;
  /** All of the above, by their numbers. */
  readonly considered: ReadonlySet<number>;
};

type Candidate = {
  reservation_id: string;
  amount: number;
  currency: string;
  captured_at: Date;
};

/** A charge that bears neither an id of a payment nor a reference of ours. */
export const isNameless = ({ kind, paymentReference, merchantReference }: ProviderRow): boolean =>
  kind === 'charge' && paymentReference === null && merchantReference === null;

const keyOf = (value: number, currency: string): string => `${value} ${currency}`;

export async function judgeByAmount(
  tx: Database,
  account: ProviderAccount,
  command: {
    readonly rows: readonly StoredRow[];
    /** Reservations whose charge is known by a name, though the record does not say so yet. */
    readonly taken: readonly string[];
    readonly policy: MatchPolicy;
  },
): Promise<ByAmount> {
  const { dateWindowMs } = command.policy;
  const taken = new Set(command.taken);
  const candidates = (await readCandidates(tx, account, command.rows)).filter(
    ({ reservation_id }) => !taken.has(reservation_id),
  );
  const judgement = new Judgement(null);
  const result = {
    found: [] as { row: StoredRow; reservationId: string }[],
    ambiguous: [] as StoredRow[],
    considered: new Set<number>(),
  };
  if (candidates.length === 0) return { ...result, verdicts: judgement };
  const ofAmount = Map.groupBy(candidates, ({ amount, currency }) => keyOf(amount, currency));
  const rows = await readByAmount(
    tx,
    account,
    [...ofAmount.values()].map(([first]) => ({ value: first!.amount, currency: first!.currency })),
  );
  for (const [key, theirs] of Map.groupBy(rows, ({ gross }) => keyOf(gross.value, gross.currency))) {
    const ours = ofAmount.get(key)!;
    const [ourTimes, theirTimes] = [ours.map(capturedAt), theirs.map(occurredAt)];
    for (const row of theirs) {
      const possible = near(ourTimes, row.occurredAtMs, dateWindowMs);
      if (possible.count === 0) continue;
      result.considered.add(row.number);
      const rivals = near(theirTimes, ourTimes[possible.first]!, dateWindowMs);
      if (possible.count === 1 && rivals.count === 1) {
        result.found.push({ row, reservationId: ours[possible.first]!.reservation_id });
        continue;
      }
      result.ambiguous.push(row);
      const detail = `${possible.count} of ours and ${rivals.count} of theirs could be meant`;
      judgement.find('AMBIGUOUS', row, detail);
      judgement.open(row);
    }
  }
  return { ...result, verdicts: judgement };
}

const capturedAt = ({ captured_at }: Candidate): number => captured_at.getTime();
const occurredAt = ({ occurredAtMs }: StoredRow): number => occurredAtMs;

/** Captured payments of these amounts that no row names by an id. */
async function readCandidates(
  tx: Database,
  { provider, account }: ProviderAccount,
  rows: readonly StoredRow[],
): Promise<Candidate[]> {
  if (rows.length === 0) return [];
  const list = [...new Set(rows.map(({ gross }) => keyOf(gross.value, gross.currency)))].map((key) => {
    const [value, currency] = key.split(' ');
    return { value: Number(value), currency };
  });
  const { rows: found } = await sql<Candidate>`
    select p.reservation_id, p.amount, p.currency, p.captured_at
    from json_to_recordset(${rowsOf(list)}) as wanted(value bigint, currency text)
    join payments p on p.amount = wanted.value and p.currency = wanted.currency
    where p.provider = ${provider} and p.captured_at is not null and not exists (
      select from provider_transactions t
      where t.reservation_id = p.reservation_id and t.provider = ${provider} and t.account = ${account}
        and t.kind = 'charge' and (t.payment_reference is not null or t.merchant_reference is not null))
    order by p.captured_at, p.id`.execute(tx);
  return found;
}
