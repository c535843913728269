/** Simulations and their reports, for every instance to read. The index lets one run at a time. */
import { sql, type Kysely } from 'kysely';

const statements = [
  sql`create table simulations (
    id uuid primary key,
    number bigint generated always as identity unique,
    status text not null default 'running' check (status in ('running', 'finished', 'failed')),
    scenario json not null,
    progress json not null,
    report json,
    problem text,
    created_at timestamptz not null default now(),
    heard_at timestamptz not null default now()
  )`,
  sql`create unique index simulations_running on simulations ((true)) where status = 'running'`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
