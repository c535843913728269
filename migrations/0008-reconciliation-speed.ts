/** What a million rows of a statement were slow for. */
import { sql, type Kysely } from 'kysely';

const statements = [
  // Each of these was looked up for every row: that the run is there is asked, and held, once for a batch (ingest.ts), and
  // the row that a run has read was written or read by the same transaction.
  sql`alter table provider_transactions drop constraint provider_transactions_run_id_fkey`,
  sql`alter table run_transactions
    drop constraint run_transactions_run_id_fkey, drop constraint run_transactions_number_fkey`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
