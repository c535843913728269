/** The rows that are payouts themselves, by the name of the payout: a tie-out looked for each among all rows. */
import { sql, type Kysely } from 'kysely';

const statements = [
  sql`create index provider_transactions_paid_out on provider_transactions
    (provider, account, (coalesce(payout_id, payment_reference, id))) where kind = 'payout'`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
