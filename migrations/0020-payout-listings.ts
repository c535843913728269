/** How far the provider has been asked what each payout carries: one of which some rows were known was not asked about again. */
import { sql, type Kysely } from 'kysely';

const statements = [
  // The place in the list, null at its beginning; listed_at once it was read to its end. Not itemised: the provider does
  // not say what it carries.
  sql`create table payout_listings (
    provider text collate "C" not null,
    account text collate "C" not null,
    payout text collate "C" not null,
    position text,
    itemised boolean not null default true,
    listed_at timestamptz,
    primary key (provider, account, payout)
  )`,
  // Those that tie by what is on record need not be asked about again.
  sql`
    insert into payout_listings (provider, account, payout, listed_at)
    select distinct t.provider, t.account, coalesce(t.payout_id, t.payment_reference, t.id), now()
    from provider_transactions t
    where t.kind = 'payout' and t.origin = 'api'
      and exists (select from provider_transactions m where m.provider = t.provider and m.account = t.account
        and m.kind <> 'payout' and m.payout_id = coalesce(t.payout_id, t.payment_reference, t.id))
      and not exists (select from discrepancies d where d.provider = t.provider and d.account = t.account
        and d.code = 'PAYOUT_NOT_TIED' and d.subject = coalesce(t.payout_id, t.payment_reference, t.id)
        and d.state in ('open', 'assigned', 'pending'))`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
