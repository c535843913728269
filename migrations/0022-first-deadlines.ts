/** The deadline that a reservation was given first, once another one is in force: what a request that comes again is answered. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table reservations add column first_expires_at timestamptz`.execute(db);
}
