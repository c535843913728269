/**
 * What a run has found beside its rows: payouts and statements that do not tie, statements that are missing, rows that cannot
 * be read. A discrepancy belongs to the run that opened it; a later one that finds it still so has it in its report too.
 */
import { sql, type Kysely } from 'kysely';

const statements = [
  // No foreign keys, as of run_transactions: both rows were written or read by the same transaction.
  sql`create table run_findings (
    run_id uuid not null,
    discrepancy_id uuid not null,
    primary key (run_id, discrepancy_id)
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
