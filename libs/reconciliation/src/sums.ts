/**
 * Sums of amounts, which no bound on one amount keeps countable. One that is beyond the safe integers is given as the
 * largest of them: money that nobody has ever had, and no reason for a run to end. Whether two sums are equal is asked
 * of the exact ones, never of these.
 */
import { sql, type RawBuilder } from 'kysely';

const most = Number.MAX_SAFE_INTEGER;

/** The sum, or the largest number of its sign that can be counted. */
export function countable(sum: number | bigint): number {
  return sum > most ? most : sum < -most ? -most : Number(sum);
}

/** The same in SQL, of a sum that is not null. */
export const countableSum = (sum: RawBuilder<unknown>) =>
  sql<number>`least(greatest(${sum}, ${sql.lit(-most)}), ${sql.lit(most)})::bigint`;
