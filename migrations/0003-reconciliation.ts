/**
 * Reconciliation: what the providers say, as they said it, how far we have read, what each row was matched with and what
 * is still open. Times of a provider are milliseconds of its own clock, kept as numbers: they are compared with each
 * other and never with ours.
 */
import { sql, type Kysely } from 'kysely';

const statements = [
  // How far an account has been read: every row below the horizon that was visible has been taken. The window under
  // way and the place in it; a page advances it by compare-and-set of the version.
  sql`create table provider_cursors (
    provider text collate "C" not null,
    account text collate "C" not null,
    version bigint not null,
    horizon bigint not null,
    window_from bigint,
    window_until bigint,
    position text,
    moved_at timestamptz not null default now(),
    primary key (provider, account),
    constraint window_whole check ((window_from is null) = (window_until is null) and (position is null or window_from is not null))
  )`,

  // Windows read to their end. Closed after two equal fetches; looked at again afterwards, because providers are late.
  sql`create table provider_windows (
    id uuid primary key,
    provider text collate "C" not null,
    account text collate "C" not null,
    from_at bigint not null,
    until_at bigint not null,
    state text not null check (state in ('read', 'closed')),
    version bigint not null,
    rows bigint,
    digest text,
    fetched_at bigint,
    check_at bigint,
    checks_after_close integer not null default 0,
    late bigint not null default 0,
    unique (provider, account, from_at, until_at),
    check (from_at < until_at)
  )`,
  sql`create index provider_windows_due on provider_windows (provider, account, check_at) where check_at is not null`,
  sql`create index provider_windows_closed on provider_windows (provider, account, until_at desc) where state = 'closed'`,

  sql`create table reconciliation_runs (
    id uuid primary key,
    kind text not null check (kind in ('provider', 'file')),
    provider text collate "C" not null,
    account text collate "C" not null,
    format text,
    file text,
    dry boolean not null,
    from_at bigint,
    until_at bigint,
    status text not null check (status in ('queued', 'running', 'succeeded', 'failed')),
    requested_by text not null,
    created_at timestamptz not null,
    moved_at timestamptz not null default now(),
    finished_at timestamptz,
    rows bigint not null default 0,
    inserted bigint not null default 0,
    duplicates bigint not null default 0,
    quarantined bigint not null default 0,
    result jsonb,
    error text
  )`,
  sql`create index reconciliation_runs_newest on reconciliation_runs (created_at desc, id desc)`,

  // The natural key says that a row is there once. Not judged: in the inbox. Open until matched or ignored (I11).
  sql`create table provider_transactions (
    number bigint generated always as identity primary key,
    provider text collate "C" not null,
    account text collate "C" not null,
    id text collate "C" not null,
    kind text not null,
    gross bigint not null,
    currency text not null,
    fee bigint,
    net bigint not null,
    net_currency text not null,
    payment_reference text collate "C",
    merchant_reference text collate "C",
    payout_id text collate "C",
    occurred_at bigint not null,
    raw text not null,
    digest bytea not null,
    origin text not null,
    run_id uuid not null references reconciliation_runs,
    late boolean not null default false,
    judged boolean not null default false,
    state text not null default 'open' check (state in ('matched', 'open', 'ignored')),
    reservation_id uuid,
    payment_id uuid,
    refund_id uuid,
    rule text,
    reason text,
    unique (provider, account, id),
    constraint a_match_has_its_reason check (state = 'open' or (rule is not null and reason is not null))
  )`,
  sql`create index provider_transactions_inbox on provider_transactions (provider, account, number) where not judged`,
  sql`create index provider_transactions_open on provider_transactions (provider, account, number) where judged and state = 'open'`,
  sql`create index provider_transactions_reservation on provider_transactions (reservation_id) where reservation_id is not null`,
  sql`create index provider_transactions_payout on provider_transactions (provider, account, payout_id) where payout_id is not null`,
  // What is left to amount, currency and date.
  sql`create index provider_transactions_stray on provider_transactions (provider, account, currency, gross)
    where kind = 'charge' and payment_reference is null and merchant_reference is null`,
  // One row matches one payment unless a rule says otherwise; a refund is given back once.
  sql`create unique index one_charge_of_a_payment on provider_transactions (payment_id) where rule = 'charge'`,
  sql`create unique index one_row_of_a_refund on provider_transactions (refund_id) where refund_id is not null`,

  sql`create index refunds_of_provider on refunds (provider_refund_id) where provider_refund_id is not null`,

  // What a run has read; of a file also what was known before.
  sql`create table run_transactions (
    run_id uuid not null references reconciliation_runs,
    number bigint not null references provider_transactions,
    primary key (run_id, number)
  )`,

  // The same id with another body: both are kept, the first one counts.
  sql`create table conflicting_transactions (
    number bigint not null references provider_transactions,
    digest bytea not null,
    raw text not null,
    run_id uuid not null references reconciliation_runs,
    seen_at timestamptz not null default now(),
    primary key (number, digest)
  )`,

  sql`create table quarantined_rows (
    run_id uuid not null references reconciliation_runs,
    line bigint not null,
    problem text not null,
    raw text not null,
    primary key (run_id, line)
  )`,

  // subject: what it is about, unique within its code; the id follows from all three.
  sql`create table discrepancies (
    id uuid primary key,
    provider text collate "C" not null,
    account text collate "C" not null,
    code text not null,
    subject text collate "C" not null,
    state text not null check (state in ('open', 'assigned', 'pending', 'resolved', 'void')),
    number bigint references provider_transactions,
    payment_id uuid,
    reservation_id uuid,
    currency text,
    expected bigint,
    actual bigint,
    detail text not null,
    run_id uuid references reconciliation_runs,
    opened_at timestamptz not null,
    changed_at timestamptz not null,
    unique (provider, account, code, subject)
  )`,
  sql`create index discrepancies_newest on discrepancies (opened_at desc, id desc)`,
  sql`create index discrepancies_of_run on discrepancies (run_id, opened_at desc, id desc)`,
  sql`create index discrepancies_of_reservation on discrepancies (reservation_id) where reservation_id is not null`,
  sql`create index discrepancies_of_row on discrepancies (number) where number is not null`,

  // Each step of a discrepancy's life: who, why, before and after. Never changed.
  sql`create table discrepancy_steps (
    discrepancy_id uuid not null references discrepancies,
    step integer not null,
    action text not null,
    actor text not null,
    reason text not null,
    before text,
    after text not null,
    at timestamptz not null,
    primary key (discrepancy_id, step)
  )`,
  sql`create trigger discrepancy_steps_append_only before update or delete on discrepancy_steps
    for each row execute function refuse_change()`,

  // What is to be done by the ledger's own commands. The key makes a second application impossible.
  sql`create table reconciliation_effects (
    key text collate "C" primary key,
    kind text not null,
    number bigint not null references provider_transactions,
    reservation_id uuid,
    payment_id uuid,
    state text not null check (state in ('due', 'done', 'refused')),
    detail text,
    created_at timestamptz not null default now(),
    done_at timestamptz
  )`,
  sql`create index reconciliation_effects_due on reconciliation_effects (created_at, key) where state = 'due'`,

  // A job that failed for the last time.
  sql`create table dead_letters (
    id uuid primary key,
    queue text not null,
    job text not null,
    data jsonb not null,
    error text not null,
    attempts integer not null,
    failed_at timestamptz not null,
    unique (queue, job)
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
