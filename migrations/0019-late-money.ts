/** Since when money that came late is known: who acts on a look from before must have done so before it is given units. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table reservations add column late_paid_at timestamptz`.execute(db);
}
