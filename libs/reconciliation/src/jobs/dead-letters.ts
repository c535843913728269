/** Jobs that have failed for the last time, on record in the ledger: a queue forgets. */
import { sql } from 'kysely';
import type { Database } from '#ledger';

export type DeadLetter = {
  readonly id: string;
  readonly queue: string;
  readonly job: string;
  readonly data: unknown;
  readonly error: string;
  readonly attempts: number;
};

export async function keepDeadLetter(db: Database, letter: DeadLetter): Promise<void> {
  await sql`
    insert into dead_letters (id, queue, job, data, error, attempts, failed_at)
    values (${letter.id}, ${letter.queue}, ${letter.job}, ${JSON.stringify(letter.data)}::jsonb, ${letter.error},
      ${letter.attempts}, now())
    on conflict (queue, job) do update set data = excluded.data, error = excluded.error,
      attempts = dead_letters.attempts + excluded.attempts, failed_at = now()`.execute(db);
}
