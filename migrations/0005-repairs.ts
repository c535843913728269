/** Every time that the stock store was filled from the ledger, and why: an epoch begins by no other way. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table repairs (
    partition integer not null references partitions,
    epoch bigint not null,
    at timestamptz not null default now(),
    reason text not null,
    primary key (partition, epoch)
  )`.execute(db);
}
