/**
 * The lines of a reservation in its row: to hold a cart of one SKU wrote two rows and entered them in six indexes. Lines
 * are held, sold and given back by the partition, so that is what is kept of their state. `reservation_lines`
 * stays as a view of them.
 */
import { sql, type Kysely } from 'kysely';

/** Which live holds a partition has to look at: those that lie in it alone, and those (-1) that lie in several. */
const home = sql.raw(`case when cardinality(held_in) = 1 then held_in[1] else -1 end`);

/** A cart is read once, however many have it. */
const insertReservations = sql.raw(`
        with cart as materialized (
          select i::integer as i, partitions, lines, held_in, committed_in
          from unnest(carts) with ordinality as t(text, i), json_to_record(t.text::json)
            as c(partitions integer[], lines reservation_line[], held_in integer[], committed_in integer[])
        )
        insert into reservations as known (id, status, buyer_id, partitions, metadata, created_at, expires_at, lines,
          held_in, committed_in)
        select id, status, buyer, c.partitions, metadata, to_timestamp(created::float8 / 1000),
          to_timestamp(expires::float8 / 1000), c.lines, c.held_in, c.committed_in
        from unnest(reservations_id, reservations_status, reservations_buyer, reservations_cart, reservations_metadata,
          reservations_created, reservations_expires) as r(id, status, buyer, cart, metadata, created, expires)
        join cart c on c.i = r.cart`);

const statements = [
  sql`create domain units as bigint check (value > 0)`,
  sql`create type reservation_line as (sku text collate "C", quantity units, partition integer)`,
  sql`alter table reservations
    add column lines reservation_line[] not null default '{}',
    add column held_in integer[] not null default '{}',
    add column committed_in integer[] not null default '{}'`,

  // Where the lines of carts of several SKUs are found by one of them.
  sql`create table cart_skus (
    sku text collate "C" not null,
    created_at timestamptz not null,
    reservation_id uuid not null
  )`,
  sql`insert into cart_skus select sku, l.created_at, reservation_id
    from reservation_lines l join reservations r on r.id = l.reservation_id
    where cardinality(r.partitions) > 1
      or (select count(*) from reservation_lines o where o.reservation_id = l.reservation_id) > 1`,
  sql`alter table cart_skus add primary key (sku, created_at, reservation_id)`,

  // Rewritten without its indexes: there is nothing to look up but the rows themselves.
  sql`drop index reservations_newest`,
  sql`drop index reservations_of_buyer`,
  sql`update reservations r set lines = l.lines, held_in = l.held_in, committed_in = l.committed_in
    from (
      select reservation_id, array_agg((sku, quantity, partition)::reservation_line order by partition, sku) as lines,
        coalesce(array_agg(distinct partition) filter (where state = 'held'), '{}') as held_in,
        coalesce(array_agg(distinct partition) filter (where state = 'committed'), '{}') as committed_in
      from reservation_lines group by reservation_id
    ) l where l.reservation_id = r.id`,
  sql`drop table reservation_lines`,

  // What comes last lies last: it is put there without a way down the tree.
  sql`create index reservations_newest on reservations (created_at, id)`,
  sql`create index reservations_of_buyer on reservations (buyer_id, created_at, id)`,
  sql`create index reservations_of_sku on reservations (((lines[1]).sku), created_at, id)
    where cardinality(lines) = 1 and cardinality(partitions) = 1`,
  sql`create index reservations_held on reservations ((${home})) where held_in <> '{}'`,

  sql`create view reservation_lines as
    select id as reservation_id, (line).sku, (line).quantity::bigint as quantity, (line).partition,
      case when (line).partition = any(held_in) then 'held' when (line).partition = any(committed_in) then 'committed'
        else 'returned' end as state,
      created_at
    from (select id, held_in, committed_in, created_at, unnest(lines) as line from reservations) r`,

  // Instances of before keep away: they are told to come again, as when the server starts, and take nothing for broken.
  sql`create or replace function ledger_commit(

    positions_partition integer[], positions_epoch bigint[], positions_before bigint[], positions_after bigint[],
    positions_required bigint[],
    entries_partition integer[], entries_epoch bigint[], entries_sequence bigint[], entries_kind text[],
    entries_at bigint[], entries_reservation uuid[], entries_operation text[], entries_body json[],
    levels_sku text[], levels_on_hand bigint[], levels_held bigint[], levels_committed bigint[], levels_version bigint[],
    reservations_id uuid[], reservations_status text[], reservations_buyer text[], reservations_partitions text[],
    reservations_metadata text[], reservations_created bigint[], reservations_expires bigint[],
    lines_reservation uuid[], lines_sku text[], lines_quantity bigint[], lines_partition integer[], lines_state text[],
    lines_created bigint[],
    buyers_sku text[], buyers_buyer text[], buyers_held bigint[], buyers_committed bigint[], buyers_limit bigint[],
    receipts_digest bytea, receipts_fingerprint bytea, receipts_status integer[], receipts_body text[]
  ) returns json language plpgsql as $$
  begin
    raise exception 'this ledger belongs to a newer version' using errcode = 'cannot_connect_now';
  end $$`,

  // As before, but for the lines: reservation \`i\` has cart \`reservations_cart[i]\`, because in a sale many carts are the same.
  sql`create function ledger_commit(
    positions_partition integer[], positions_epoch bigint[], positions_before bigint[], positions_after bigint[],
    positions_required bigint[],
    entries_partition integer[], entries_epoch bigint[], entries_sequence bigint[], entries_kind text[],
    entries_at bigint[], entries_reservation uuid[], entries_operation text[], entries_body json[],
    levels_sku text[], levels_on_hand bigint[], levels_held bigint[], levels_committed bigint[], levels_version bigint[],
    reservations_id uuid[], reservations_status text[], reservations_buyer text[], reservations_cart integer[],
    reservations_metadata text[], reservations_created bigint[], reservations_expires bigint[], carts text[],
    listed_sku text[], listed_created bigint[], listed_reservation uuid[], listed_part boolean[],
    buyers_sku text[], buyers_buyer text[], buyers_held bigint[], buyers_committed bigint[], buyers_limit bigint[],
    receipts_digest bytea, receipts_fingerprint bytea, receipts_status integer[], receipts_body text[]
  ) returns json language plpgsql as $$
  declare
    in_the_way json;
    kept json;
    touched bigint;
  begin
    if positions_partition <> '{}' then
      -- In one order everywhere, so that two commits never wait for each other.
      perform from partitions where partition = any(positions_partition) order by partition for update;
      select json_agg(json_build_object('partition', w.partition, 'epoch', p.epoch, 'sequence', p.sequence))
        into in_the_way
        from unnest(positions_partition, positions_epoch, positions_before, positions_after, positions_required)
          as w(partition, epoch, before, after, required)
        left join partitions p on p.partition = w.partition
        where p.epoch is distinct from w.epoch or (w.after > w.before and p.sequence <> w.before)
          or greatest(p.sequence, w.after) < w.required;
      if in_the_way is not null then return json_build_object('positions', in_the_way); end if;
    end if;

    if entries_partition <> '{}' then
      insert into ledger_entries (partition, epoch, sequence, kind, at, reservation_id, operation_id, body)
        select partition, epoch, sequence, kind, to_timestamp(at::float8 / 1000), reservation, operation, body
        from unnest(entries_partition, entries_epoch, entries_sequence, entries_kind, entries_at, entries_reservation,
          entries_operation, entries_body)
          as e(partition, epoch, sequence, kind, at, reservation, operation, body);
      update partitions p set sequence = w.after
        from unnest(positions_partition, positions_before, positions_after) as w(partition, before, after)
        where p.partition = w.partition and w.after > w.before;
    end if;

    if levels_sku <> '{}' then
      update skus s set
        on_hand = s.on_hand + l.on_hand, held = s.held + l.held, committed = s.committed + l.committed,
        version = l.version
        from unnest(levels_sku, levels_on_hand, levels_held, levels_committed, levels_version)
          as l(sku, on_hand, held, committed, version)
        where s.sku = l.sku;
      get diagnostics touched = row_count;
      if touched <> cardinality(levels_sku) then
        raise exception 'the journal speaks of levels that the ledger does not have';
      end if;
    end if;

    if listed_sku <> '{}' then
      insert into cart_skus (sku, created_at, reservation_id)
        select sku, to_timestamp(created::float8 / 1000), reservation
        from unnest(listed_sku, listed_created, listed_reservation, listed_part) as c(sku, created, reservation, part)
        -- A part that is held again is listed already. An aggregate, so that each is looked up by its key.
        where not part or (
          select count(*) from reservations r, unnest(r.lines) l where r.id = c.reservation and l.sku = c.sku
        ) = 0;
    end if;

    if reservations_id <> '{}' then
      if listed_sku = '{}' then
        ${insertReservations};
      else
        ${insertReservations}
        on conflict (id) do update set status = excluded.status, metadata = excluded.metadata,
          created_at = excluded.created_at, expires_at = excluded.expires_at,
          lines = known.lines || array(select l from unnest(excluded.lines) l
            where l.partition not in (select k.partition from unnest(known.lines) k)),
          held_in = array(select p from unnest(known.held_in) p
            where p not in (select l.partition from unnest(excluded.lines) l)) || excluded.held_in,
          committed_in = known.committed_in || excluded.committed_in
        where known.status = 'pending';
      end if;
      get diagnostics touched = row_count;
      if touched <> cardinality(reservations_id) then
        raise exception 'the journal holds reservations anew that the ledger has had before';
      end if;
    end if;

    if buyers_sku <> '{}' then
      insert into buyer_units as known (sku, buyer_id, held, committed, buyer_limit)
        select sku, buyer, held, committed, buyer_limit
        from unnest(buyers_sku, buyers_buyer, buyers_held, buyers_committed, buyers_limit)
          as b(sku, buyer, held, committed, buyer_limit)
        on conflict (sku, buyer_id) do update set held = known.held + excluded.held,
          committed = known.committed + excluded.committed, buyer_limit = excluded.buyer_limit;
    end if;

    if receipts_status <> '{}' then
      -- An answer is recorded once. A claim without one is answered here, also when a crash has taken the claim back.
      insert into idempotency_keys as known (digest, fingerprint, claimed_at, status, body)
        select distinct on (digest) digest, fingerprint, now(), status, body
        from (
          select substring(receipts_digest from 32 * i::integer - 31 for 32) as digest,
            substring(receipts_fingerprint from 32 * i::integer - 31 for 32) as fingerprint, r.status, r.body
          from unnest(receipts_status, receipts_body) with ordinality as r(status, body, i)
        ) r order by digest
        on conflict (digest) do update set status = excluded.status, body = excluded.body
        where known.status is null and known.fingerprint = excluded.fingerprint;
      get diagnostics touched = row_count;
      if touched <> cardinality(receipts_status) then
        select json_agg(json_build_object('index', r.i - 1, 'same', k.fingerprint = r.fingerprint, 'status', k.status,
            'body', k.body)) into kept
          from (
            select substring(receipts_digest from 32 * i::integer - 31 for 32) as digest,
              substring(receipts_fingerprint from 32 * i::integer - 31 for 32) as fingerprint, r.status, r.body, i
            from unnest(receipts_status, receipts_body) with ordinality as r(status, body, i)
          ) r join idempotency_keys k on k.digest = r.digest
          where (k.fingerprint, k.status, k.body) is distinct from (r.fingerprint, r.status, r.body);
      end if;
    end if;
    if kept is null then return null; end if;
    return json_build_object('kept', kept);
  end $$`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}
