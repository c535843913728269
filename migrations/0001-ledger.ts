/**
 * The ledger: what was acknowledged. Levels, reservations and orders are what the entries add up to; each CHECK
 * states once more, elsewhere, what the Redis functions decide by (I1, I4), so that neither can be wrong alone.
 */
import { sql, type Kysely } from 'kysely';

const statements = [
  sql`create table settings (
    name text primary key,
    value text not null
  )`,

  // The epoch that may write, and how far into its journal the ledger is. Locked by every commit: commits of one
  // partition are in the journal's order, without gaps.
  sql`create table partitions (
    partition integer primary key,
    epoch bigint not null check (epoch >= 0),
    sequence bigint not null check (sequence >= 0)
  )`,

  sql`create table skus (
    sku text collate "C" primary key,
    partition integer not null references partitions,
    on_hand bigint not null,
    held bigint not null,
    committed bigint not null,
    buyer_limit bigint check (buyer_limit > 0),
    hold_ttl_seconds integer not null,
    version bigint not null,
    created_at timestamptz not null,
    constraint i1_stock_level check (held >= 0 and committed >= 0 and held + committed <= on_hand)
  )`,

  // buyer_limit: the limit in force when units were last taken; a limit lowered later does not take them back.
  sql`create table buyer_units (
    sku text collate "C" not null references skus,
    buyer_id text collate "C" not null,
    held bigint not null,
    committed bigint not null,
    buyer_limit bigint,
    primary key (sku, buyer_id),
    constraint i4_buyer_limit check (held >= 0 and committed >= 0 and held + committed <= coalesce(buyer_limit, held + committed))
  )`,

  // 'pending': a part of a cart is held, the partition that decides has not spoken; nobody has been told.
  sql`create table reservations (
    id uuid primary key,
    status text not null check (status in ('pending', 'held', 'released', 'expired', 'confirmed', 'fulfilled', 'cancelled')),
    buyer_id text collate "C" not null,
    partitions integer[] not null,
    metadata text,
    created_at timestamptz not null,
    expires_at timestamptz not null
  )`,
  sql`create index reservations_newest on reservations (created_at desc, id desc)`,
  sql`create index reservations_of_buyer on reservations (buyer_id, created_at desc, id desc)`,
  sql`create index reservations_held on reservations (expires_at) where status = 'held'`,

  sql`create table reservation_lines (
    reservation_id uuid not null references reservations,
    sku text collate "C" not null references skus,
    quantity bigint not null check (quantity > 0),
    partition integer not null,
    state text not null check (state in ('held', 'committed', 'returned')),
    created_at timestamptz not null,
    primary key (reservation_id, sku)
  )`,
  sql`create index reservation_lines_of_sku on reservation_lines (sku, created_at desc, reservation_id desc)`,
  sql`create index reservation_lines_held on reservation_lines (partition, reservation_id) where state = 'held'`,

  sql`create table orders (
    id uuid primary key,
    reservation_id uuid not null unique references reservations,
    buyer_id text collate "C" not null,
    status text not null check (status in ('confirmed', 'fulfilled', 'cancelled')),
    payment_id text,
    created_at timestamptz not null
  )`,
  sql`create index orders_newest on orders (created_at desc, id desc)`,

  // Every decision of the stock store, exactly once (I10), never changed.
  sql`create table ledger_entries (
    partition integer not null references partitions,
    epoch bigint not null,
    sequence bigint not null,
    kind text not null,
    at timestamptz not null,
    reservation_id uuid,
    operation_id text unique,
    body jsonb not null,
    primary key (partition, epoch, sequence)
  )`,
  sql`create function refuse_change() returns trigger language plpgsql as
    $$ begin raise exception 'ledger entries are never changed'; end $$`,
  sql`create trigger ledger_entries_append_only before update or delete on ledger_entries
    for each row execute function refuse_change()`,

  // A request under an Idempotency-Key: claimed before work, answered in the transaction that makes the work final.
  sql`create table idempotency_keys (
    digest bytea primary key,
    fingerprint bytea not null,
    claimed_at timestamptz not null,
    status integer,
    body text
  )`,

  // What the ledger has decided and another system still has to do.
  sql`create table outbox (
    id bigint generated always as identity primary key,
    kind text not null,
    reservation_id uuid not null references reservations,
    created_at timestamptz not null default now(),
    done_at timestamptz,
    unique (kind, reservation_id)
  )`,
  sql`create index outbox_pending on outbox (id) where done_at is null`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
