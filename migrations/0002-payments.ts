/**
 * Payments: what was asked of a provider for a reservation, what the provider has said, and what has to go back.
 * Nothing here waits for a provider: whatever another system still has to do is a row of the outbox with its own time.
 */
import { sql, type Kysely } from 'kysely';

const statements = [
  sql`alter table reservations
    drop constraint reservations_status_check,
    add constraint reservations_status_check check (status in ('pending', 'held', 'paying', 'released', 'expired',
      'late-paid', 'refund-due', 'refunded', 'confirmed', 'fulfilled', 'cancelled')),
    add column payment_id uuid,
    add column payment_deadline timestamptz`,

  // The id is ours, and the provider's idempotency key: asking again makes no second charge.
  // settled_at: when it was decided what the money means for the reservation (an order's, or to be given back).
  sql`create table payments (
    id uuid primary key,
    reservation_id uuid not null references reservations,
    provider text not null,
    provider_payment_id text,
    amount bigint not null check (amount > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    status text not null check (status in ('created', 'pending', 'captured', 'failed', 'refund-due', 'refunded')),
    captured_amount bigint,
    captured_currency text,
    created_at timestamptz not null,
    captured_at timestamptz,
    settled_at timestamptz,
    unique (provider, provider_payment_id),
    constraint captured_is_known check (
      (status in ('captured', 'refund-due', 'refunded'))
        = (captured_at is not null and captured_amount is not null and captured_currency is not null))
  )`,
  sql`create index payments_newest on payments (created_at desc, id desc)`,
  sql`create index payments_of_reservation on payments (reservation_id)`,
  // I7, once more: of one reservation's payments one at most is an order's.
  sql`create unique index i7_one_captured_payment on payments (reservation_id)
    where status = 'captured' and settled_at is not null`,

  sql`create table refunds (
    id uuid primary key,
    payment_id uuid not null unique references payments,
    amount bigint not null check (amount > 0),
    currency text not null,
    reason text not null check (reason in ('late', 'second-capture', 'order-cancelled', 'wrong-amount')),
    status text not null check (status in ('due', 'requested', 'done', 'failed')),
    provider_refund_id text,
    created_at timestamptz not null default now(),
    done_at timestamptz
  )`,

  // Each event of a provider once, as it came; kept for 30 days. outcome: what it changed.
  sql`create table webhook_inbox (
    provider text not null,
    event_id text not null,
    kind text not null,
    payment_id uuid,
    outcome text not null,
    body text not null,
    received_at timestamptz not null default now(),
    primary key (provider, event_id)
  )`,
  sql`create index webhook_inbox_oldest on webhook_inbox (received_at)`,

  // due_at: not before this instant, and while somebody works on it, when to think him dead.
  sql`alter table outbox
    add column payment_id uuid references payments,
    add column due_at timestamptz not null default now(),
    add column attempts integer not null default 0,
    drop constraint outbox_kind_reservation_id_key,
    add constraint outbox_once unique nulls not distinct (kind, reservation_id, payment_id)`,
  sql`create index outbox_due on outbox (due_at) where done_at is null and payment_id is not null`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
