/** Captured payments by their time: what a provider lacks is looked for among those of some days, not among all. */
import { sql, type Kysely } from 'kysely';

const statements = [
  sql`create index payments_captured on payments (provider, captured_at) where captured_at is not null`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
