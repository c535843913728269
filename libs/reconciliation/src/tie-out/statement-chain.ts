/**
 * Whether the statements of an account follow each other: what one ends with, the next one begins with, and batches are
 * counted without gaps. A file is looked at beside all that came before it, in whatever order they came; the statement
 * that was missing ends the finding by itself.
 */
import { sql } from 'kysely';
import type { Database } from '#ledger';
import type { StatementLink } from '#payments';
import type { ProviderAccount } from '../account.js';
import { amountOf } from '../amounts.js';
import { syncFindings, type DiscrepancyRow } from '../discrepancies/discrepancy-repository.js';
import type { Finding } from '../discrepancies/discrepancy.js';
import { noteFindings } from '../runs/run-findings.js';
import { rowsOf } from '../transaction.js';

type Gap = {
  readonly chain: string;
  readonly currency: string | null;
  readonly batch: string;
  readonly until: number;
  readonly begins: number;
  readonly batch_before: string;
  readonly ended: number;
};

/** Keeps where these stand, and puts what is missing before or behind them on record. Part of the caller's transaction. */
export async function recordLinks(
  tx: Database,
  account: ProviderAccount,
  runId: string,
  links: readonly StatementLink[],
): Promise<void> {
  if (links.length === 0) return;
  const { provider, account: name } = account;
  const byPlace = new Map(
    links.map((link) => [JSON.stringify([link.chain, link.until, link.sequence, link.since]), link]),
  );
  await sql`
    insert into statement_links (provider, account, chain, until, sequence, since, currency, batch, begins, ends, run_id)
    select ${provider}, ${name}, chain, until, sequence, since, currency, batch, begins, ends, ${runId}
    from json_to_recordset(${rowsOf([...byPlace.values()])}) as r(chain text, until bigint, sequence bigint, since bigint,
      currency text, batch text, begins bigint, ends bigint)
    on conflict (provider, account, chain, until, sequence, since)
      do update set batch = excluded.batch, begins = excluded.begins, ends = excluded.ends, run_id = excluded.run_id`.execute(
    tx,
  );
  const chains = [...new Set(links.map(({ chain }) => chain))];
  const gaps = await findGaps(tx, account, chains);
  const { rows: known } = await sql<DiscrepancyRow>`
    select d.* from json_array_elements_text(${rowsOf(chains)}) as wanted(chain)
    join discrepancies d on d.provider = ${provider} and d.account = ${name} and d.code = 'BATCH_GAP'
      and starts_with(d.subject, wanted.chain || ' after ')`.execute(tx);
  const found = gaps.map(findingOf);
  await syncFindings(tx, account, runId, found, known);
  await noteFindings(tx, account, runId, found);
}

/**
 * Of two that follow each other; those that overlap say nothing about what is between them. On a day on which the bank has
 * left one without a number (a sequence below 0) the order is not known: any that ends then, or on the last day before it,
 * may be the one before. The first that nothing leads to is where the chain begins.
 */
async function findGaps(
  tx: Database,
  { provider, account }: ProviderAccount,
  chains: readonly string[],
): Promise<Gap[]> {
  const ofChain = (link: string) => sql`${sql.ref(`${link}.provider`)} = ${provider}
    and ${sql.ref(`${link}.account`)} = ${account} and ${sql.ref(`${link}.chain`)} = f.chain`;
  const { rows } = await sql<Gap>`
    with linked as (
      select l.*, min(sequence) over (partition by l.chain, until) < 0 as unordered
      from json_array_elements_text(${rowsOf(chains)}) as wanted(chain)
      join statement_links l on l.provider = ${provider} and l.account = ${account} and l.chain = wanted.chain
    ), followed as (
      select *, lag(ends) over chained as ended, lag(until) over chained as until_before,
        lag(batch) over chained as batch_before, unordered or lag(unordered, 1, false) over chained as follows_any
      from linked
      window chained as (partition by chain order by until, sequence, since desc)
    ), loose as (
      select *, row_number() over (partition by chain order by until, sequence, since desc) as place from followed f
      where (ended is null or (ended <> begins and until_before <= since)) and not (follows_any and exists (
        select from statement_links b where ${ofChain('b')} and b.ends = f.begins and b.until <= f.until
          and b.until >= coalesce((select max(e.until) from statement_links e where ${ofChain('e')} and e.until < f.since), 0)
          and (b.until, b.sequence, b.since) <> (f.until, f.sequence, f.since)))
    )
    select chain, currency, batch, until, begins, batch_before, ended from loose where place > 1
    order by chain, until`.execute(tx);
  return rows;
}

function findingOf({ chain, currency, batch, until, begins, batch_before, ended }: Gap): Finding {
  const detail =
    currency === null
      ? `${batch} follows ${batch_before}: ${begins - ended === 1 ? 'one batch is' : `${begins - ended} batches are`} missing`
      : `${batch} begins with ${amountOf(begins, currency)}, ${batch_before} ended with ${amountOf(ended, currency)}`;
  return {
    code: 'BATCH_GAP',
    subject: `${chain} after ${batch_before} before ${until}`,
    number: null,
    paymentId: null,
    reservationId: null,
    currency,
    expected: currency === null ? null : ended,
    actual: currency === null ? null : begins,
    detail,
  };
}
