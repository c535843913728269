/**
 * Each epoch of a partition names the memory of Redis that it began in. What was decided in another memory may have been lost there
 * and decided otherwise since, so it belongs to an epoch that is over. Instances of before give no name: they begin no
 * epoch here, and are not to be started.
 */
import { sql, type Kysely } from 'kysely';

const statements = [
  sql`alter table repairs add column incarnation text not null default ''`,
  sql`alter table repairs alter column incarnation drop default`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
