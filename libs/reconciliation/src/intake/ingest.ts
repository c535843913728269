/**
 * Takes rows of a provider into the ledger, each once. The natural key decides, in the statement that inserts: there is
 * no look before it. A row that is known changes nothing; one that says something else under a known id is kept
 * beside it and never instead of it.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { assert } from '#domain';
import type { Database } from '#ledger';
import type { ProviderTransaction } from '#payments';
import type { ProviderAccount } from '../account.js';
import type { RunCounts } from '../runs/run-repository.js';
import { rowsOf } from '../transaction.js';
import { saysTheSame } from './same-row.js';

export type IngestCommand = {
  readonly account: ProviderAccount;
  readonly runId: string;
  /** Who says it: a call of the provider's API, or the format of a file. Two may put the same row in other words. */
  readonly origin: string;
  readonly transactions: readonly ProviderTransaction[];
  /** New rows that happened before this came too late: the horizon below which everything was taken for final. */
  readonly lateBefore: number | null;
  /** Whether rows that were known before are the run's own as well, or only those that are new. */
  readonly claimsKnown: boolean;
};

export type Ingested = {
  readonly inserted: number;
  /** Known before, or twice in the same page; with those that conflict. */
  readonly duplicates: number;
  /** Those that this very run had not read before. */
  readonly firstOfRun: readonly ProviderTransaction[];
  /** Rows that are the run's own now and were not before. */
  readonly claimed: number;
  /** Of the inserted, those that came too late. */
  readonly late: number;
  /** The time of the oldest row that was new; null: none was. */
  readonly oldestNewMs: number | null;
};

type Known = {
  number: number;
  id: string;
  digest: string;
  origin: string;
  kind: string;
  net: number;
  net_currency: string;
  gross: number;
  currency: string;
  payout_id: string | null;
};

/** What is compared when an id comes again. */
const digestOf = (raw: string): string => createHash('sha256').update(raw).digest('hex');

/** Part of the caller's transaction. */
export async function ingest(tx: Database, command: IngestCommand): Promise<Ingested> {
  const { transactions, runId, claimsKnown } = command;
  if (transactions.length === 0)
    return {
      inserted: 0,
      duplicates: 0,
      firstOfRun: [],
      claimed: 0,
      late: 0,
      oldestNewMs: null,
    };
  await holdRun(tx, runId);
  const { first, repeated } = separate(transactions);
  const inserted = await insert(tx, command, first);
  const fresh = new Set(inserted.map(({ id }) => id));
  const again = [...first.filter(({ id }) => !fresh.has(id)), ...repeated];
  const known = again.length === 0 ? [] : await findKnown(tx, command.account, again);
  await keepConflicts(tx, command, again, known);
  await learnPayouts(tx, again, known);
  const own = claimsKnown ? [...inserted, ...known] : inserted;
  const claimed = await claim(
    tx,
    runId,
    own.map(({ number }) => number),
  );
  return {
    inserted: inserted.length,
    duplicates: again.length,
    firstOfRun: claimsKnown ? firstOf(first, own, claimed) : first,
    claimed: claimed.size,
    late: inserted.filter(({ late }) => late).length,
    oldestNewMs: inserted.reduce<number | null>(
      (oldest, { at }) => (oldest === null || at < oldest ? at : oldest),
      null,
    ),
  };
}

/** What a provider's page adds to the figures of its run: each row once, however often the run reads it. */
export function countsOf({ claimed, inserted }: Ingested): RunCounts {
  return { rows: claimed, inserted, duplicates: claimed - inserted, quarantined: 0 };
}

/** What a foreign key would do for each row, done once for all: the run is there, and stays until this is committed. */
async function holdRun(tx: Database, runId: string): Promise<void> {
  const { rows } = await sql`select from reconciliation_runs where id = ${runId} for key share`.execute(tx);
  assert(rows.length === 1, 'rows are taken for a run that is not on record', { run: runId });
}

/** One statement cannot meet the same key twice. */
function separate(transactions: readonly ProviderTransaction[]): {
  first: ProviderTransaction[];
  repeated: ProviderTransaction[];
} {
  const seen = new Set<string>();
  const first: ProviderTransaction[] = [];
  const repeated: ProviderTransaction[] = [];
  for (const transaction of transactions) {
    (seen.has(transaction.id) ? repeated : first).push(transaction);
    seen.add(transaction.id);
  }
  return { first, repeated };
}

function firstOf(
  given: readonly ProviderTransaction[],
  own: readonly { number: number; id: string }[],
  claimed: ReadonlySet<number>,
): ProviderTransaction[] {
  const ids = new Set(own.flatMap(({ number, id }) => (claimed.has(number) ? [id] : [])));
  return given.filter(({ id }) => ids.has(id));
}

type Inserted = { number: number; id: string; late: boolean; at: number };

async function insert(
  tx: Database,
  { account, runId, origin, lateBefore }: IngestCommand,
  transactions: readonly ProviderTransaction[],
): Promise<Inserted[]> {
  const given = transactions.map((row) => ({
    id: row.id,
    kind: row.kind,
    gross: row.gross.value,
    currency: row.gross.currency,
    fee: row.fee?.value ?? null,
    net: row.net.value,
    net_currency: row.net.currency,
    payment_reference: row.paymentReference,
    merchant_reference: row.merchantReference,
    payout_id: row.payoutId,
    occurred_at: row.occurredAtMs,
    raw: row.raw,
    digest: digestOf(row.raw),
    late: lateBefore !== null && row.occurredAtMs < lateBefore,
  }));
  // In the order of the key, so that two that insert the same rows never wait for each other crosswise.
  const { rows } = await sql<Inserted>`
    insert into provider_transactions (provider, account, id, kind, gross, currency, fee, net, net_currency,
      payment_reference, merchant_reference, payout_id, occurred_at, raw, digest, origin, late, run_id)
    select ${account.provider}, ${account.account}, r.id, kind, gross, currency, fee, net, net_currency,
      payment_reference, merchant_reference, payout_id, occurred_at, raw, decode(digest, 'hex'), ${origin}, late, ${runId}
    from json_to_recordset(${rowsOf(given)}) as r(id text, kind text, gross bigint, currency text, fee bigint,
      net bigint, net_currency text, payment_reference text, merchant_reference text, payout_id text,
      occurred_at bigint, raw text, digest text, late boolean)
    order by r.id collate "C"
    on conflict (provider, account, id) do nothing
    returning number, id, late, occurred_at as at`.execute(tx);
  return rows;
}

async function findKnown(
  tx: Database,
  { provider, account }: ProviderAccount,
  again: readonly ProviderTransaction[],
): Promise<Known[]> {
  const { rows } = await sql<Known>`
    select t.* from json_array_elements_text(${rowsOf([...new Set(again.map(({ id }) => id))])}) as wanted(id)
    cross join lateral (
      select number, id, encode(digest, 'hex') as digest, origin, kind, net, net_currency, gross, currency, payout_id
      from provider_transactions
      where provider = ${provider} and account = ${account} and provider_transactions.id = wanted.id
      offset 0) t`.execute(tx);
  return rows;
}

/** Keeps what says something else than the row that is there, and puts that row before the judge again. */
async function keepConflicts(
  tx: Database,
  { runId, origin }: IngestCommand,
  again: readonly ProviderTransaction[],
  known: readonly Known[],
): Promise<void> {
  const byId = new Map(known.map((row) => [row.id, row]));
  const otherwise = again.flatMap((transaction): Retold[] => {
    const row = byId.get(transaction.id);
    const digest = digestOf(transaction.raw);
    return !row || row.digest === digest ? [] : [{ row, digest, transaction }];
  });
  const raws = await rawsOf(
    tx,
    otherwise.flatMap(({ row }) => (row.origin === origin ? [row.number] : [])),
  );
  const conflicts = otherwise
    .filter((retold) => contradicts(retold, raws.get(retold.row.number)))
    .map(({ row: { number }, digest, transaction: { raw } }) => ({ number, digest, raw }));
  if (conflicts.length === 0) return;
  await sql`
    with kept as (
      insert into conflicting_transactions (number, digest, raw, run_id)
      select number, decode(digest, 'hex'), raw, ${runId}
      from json_to_recordset(${rowsOf(conflicts)}) as r(number bigint, digest text, raw text)
      order by number
      on conflict do nothing
      returning number
    )
    update provider_transactions set judged = false where number in (select number from kept)`.execute(tx);
}

/** A known row that comes again in other words. */
type Retold = { readonly row: Known; readonly digest: string; readonly transaction: ProviderTransaction };

/** What these rows said first. They are read only where it is not to the letter what they say now. */
async function rawsOf(tx: Database, numbers: readonly number[]): Promise<Map<number, string>> {
  if (numbers.length === 0) return new Map();
  const { rows } = await sql<{ number: number; raw: string }>`
    select t.number, t.raw from json_array_elements_text(${rowsOf([...new Set(numbers)])}) as wanted(number)
    join provider_transactions t on t.number = wanted.number::bigint`.execute(tx);
  return new Map(rows.map(({ number, raw }) => [number, raw]));
}

/** In what it says of money, whoever says it; in all that both say when the same source says it again. */
function contradicts({ row, transaction }: Retold, raw: string | undefined): boolean {
  const { kind, net, gross } = transaction;
  return (
    row.kind !== kind ||
    row.net !== net.value ||
    row.net_currency !== net.currency ||
    row.gross !== gross.value ||
    row.currency !== gross.currency ||
    (raw !== undefined && !saysTheSame(raw, transaction.raw))
  );
}

/** A provider may say only later, or only in its file, which payout carries a row. */
async function learnPayouts(
  tx: Database,
  again: readonly ProviderTransaction[],
  known: readonly Known[],
): Promise<void> {
  const unknown = new Map(
    known.flatMap(({ id, number, payout_id }) => (payout_id === null ? [[id, number]] : [])),
  );
  const learnt = again.flatMap(({ id, payoutId }) =>
    payoutId !== null && unknown.has(id) ? [{ number: unknown.get(id)!, payout: payoutId }] : [],
  );
  if (learnt.length === 0) return;
  await sql`
    update provider_transactions t set payout_id = r.payout
    from json_to_recordset(${rowsOf(learnt)}) as r(number bigint, payout text)
    where t.number = r.number and t.payout_id is null`.execute(tx);
}

/** Answers with those that the run had not read before. */
async function claim(tx: Database, runId: string, numbers: readonly number[]): Promise<Set<number>> {
  if (numbers.length === 0) return new Set();
  const { rows } = await sql<{ number: number }>`
    insert into run_transactions (run_id, number)
    select ${runId}, value::bigint from json_array_elements_text(${rowsOf(numbers)})
    on conflict do nothing
    returning number`.execute(tx);
  return new Set(rows.map(({ number }) => number));
}
