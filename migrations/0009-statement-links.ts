/** Statements and batches in the chains of their accounts, so that one that is missing is seen. */
import { sql, type Kysely } from 'kysely';

const statements = [
  // Days as 20261102, or numbers of batches; begins and ends are balances in minor units, or numbers of batches.
  sql`create table statement_links (
    provider text collate "C" not null,
    account text collate "C" not null,
    chain text collate "C" not null,
    until bigint not null,
    sequence bigint not null,
    since bigint not null,
    currency text,
    batch text not null,
    begins bigint not null,
    ends bigint not null,
    run_id uuid not null references reconciliation_runs,
    primary key (provider, account, chain, until, sequence, since)
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
