/** Reservations and orders as the ledger has them, which is what was acknowledged. */
import { sql, type RawBuilder } from 'kysely';
import type { Order, OrderStatus, Reservation, ReservationLine, ReservationStatus } from '#domain';
import type { Database } from './database.js';
import { orderIdOf } from './effects.js';
import { nextPosition, type KeysetPage, type ListPage, type ListPosition } from './paging.js';
import { giveBack } from './refunds.js';
import { guarded } from './unavailable.js';

type ReservationFilter = {
  readonly buyerId?: string | undefined;
  readonly status?: ReservationStatus | undefined;
  readonly sku?: string | undefined;
};

type Row = {
  id: string;
  status: ReservationStatus;
  buyer_id: string;
  metadata: string | null;
  created_at: Date;
  expires_at: Date;
  payment_id: string | null;
  payment_deadline: Date | null;
  lines: ReservationLine[];
};

type OrderRow = {
  id: string;
  reservation_id: string;
  buyer_id: string;
  status: OrderStatus;
  created_at: Date;
  lines: ReservationLine[];
};

export type Unreturned = {
  readonly reservationId: string;
  readonly buyerId: string;
  readonly lines: readonly ReservationLine[];
  /** The epochs, at the moment of looking, of the partitions that the order was in. */
  readonly epochs: ReadonlyMap<number, number>;
};

const linesOf = sql`(
  select json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity) order by l.sku)
  from unnest(r.lines) l
) as lines`;

const columnsOf = sql`r.id, r.status, r.buyer_id, r.metadata, r.created_at, r.expires_at, r.payment_id, r.payment_deadline`;

/** A position in a list that is newest first: the last row's instant in microseconds, and its id. */
const newestKey = (at: Date, id: string): ListPosition => [at.getTime(), id];

export class ReservationRepository {
  constructor(private readonly db: Database) {}

  async find(id: string): Promise<Reservation | undefined> {
    return (await this.findMany([id]))[0];
  }

  /** As it was when it was made, which is how it was first answered, whatever has become of it since. */
  async firstMade(id: string): Promise<Reservation | undefined> {
    const found = await guarded(
      sql<Row>`
        select r.id, 'held' as status, r.buyer_id, r.metadata, r.created_at,
          coalesce(r.first_expires_at, r.expires_at) as expires_at, null as payment_id, null as payment_deadline, ${linesOf}
        from reservations r where r.id = ${id}::uuid and r.status <> 'pending'`.execute(this.db),
    );
    return found.rows.map(toReservation)[0];
  }

  async findMany(ids: readonly string[]): Promise<Reservation[]> {
    const found = await guarded(
      sql<Row>`
        select ${columnsOf}, ${linesOf}
        from reservations r where r.id = any(${ids}::uuid[]) and r.status <> 'pending'`.execute(this.db),
    );
    return found.rows.map(toReservation);
  }

  /** Of reservations that a partition holds a part of: what the deciding partition made of them; pending ones too. */
  async fates(ids: readonly string[]): Promise<
    {
      id: string;
      status: ReservationStatus | 'pending';
      expiresAtMs: number;
      partitions: readonly number[];
    }[]
  > {
    const found = await guarded(
      this.db
        .selectFrom('reservations')
        .select(['id', 'status', 'expires_at', 'partitions'])
        .where('id', 'in', [...ids])
        .execute(),
    );
    return found.map(({ id, status, expires_at, partitions }) => ({
      id,
      status,
      expiresAtMs: expires_at.getTime(),
      partitions,
    }));
  }

  /** Newest first. */
  async list(filter: ReservationFilter, page: KeysetPage): Promise<ListPage<Reservation>> {
    const lists = filter.sku === undefined ? [all] : listsOf(filter.sku);
    const found = await guarded(
      sql<Row & { listed_at: Date }>`
        select ${columnsOf}, ${linesOf}, k.listed_at
        from (${sql.join(
          lists.map((list) => sql`(${newestOf(list, filter, page)})`),
          sql` union all `,
        )}) k join reservations r on r.id = k.id
        order by k.listed_at desc, k.id desc limit ${page.limit + 1}`.execute(this.db),
    );
    return nextPosition(found.rows, page.limit, toReservation, (row) => newestKey(row.listed_at, row.id));
  }

  async findOrder(id: string): Promise<Order | undefined> {
    const found = await guarded(
      sql<OrderRow>`
        select o.id, o.reservation_id, o.buyer_id, o.status, o.created_at, ${linesOf}
        from orders o join reservations r on r.id = o.reservation_id where o.id = ${id}`.execute(this.db),
    );
    return found.rows.map(toOrder)[0];
  }

  /** Newest first. */
  async listOrders(filter: { status?: OrderStatus | undefined }, page: KeysetPage): Promise<ListPage<Order>> {
    const [atMs, id] = page.after ?? [];
    const found = await guarded(
      sql<OrderRow>`
        select o.id, o.reservation_id, o.buyer_id, o.status, o.created_at, ${linesOf}
        from orders o join reservations r on r.id = o.reservation_id
        where true
          ${filter.status === undefined ? sql`` : sql`and o.status = ${filter.status}`}
          ${page.after ? sql`and (o.created_at, o.id) < (${new Date(Number(atMs))}::timestamptz, ${id}::uuid)` : sql``}
        order by o.created_at desc, o.id desc limit ${page.limit + 1}`.execute(this.db),
    );
    return nextPosition(found.rows, page.limit, toOrder, (row) => newestKey(row.created_at, row.id));
  }

  /**
   * Moves a confirmed order on, in one guarded step. A cancellation leaves errands behind in the same transaction: the
   * stock store has to take the units back, and the provider the money. Answers whether this call moved it.
   */
  async endOrder(id: string, status: 'fulfilled' | 'cancelled'): Promise<boolean> {
    return guarded(
      this.db.transaction().execute(async (tx) => {
        const moved = await sql<{ reservation_id: string; payment_id: string | null }>`
          with ended as (
            update orders set status = ${status} where id = ${id} and status = 'confirmed'
            returning reservation_id, payment_id
          ), noted as (
            insert into outbox (kind, reservation_id)
            select 'return-stock', reservation_id from ended where ${status} = 'cancelled'
          )
          update reservations r set status = ${status} from ended where r.id = ended.reservation_id
          returning ended.reservation_id, ended.payment_id`.execute(tx);
        const [order] = moved.rows;
        if (order?.payment_id && status === 'cancelled') {
          const paid = await sql<{ id: string }>`
            select id from payments where reservation_id = ${order.reservation_id}::uuid and id::text = ${order.payment_id}
              and status = 'captured'`.execute(tx);
          await giveBack(
            tx,
            paid.rows.map((payment) => payment.id),
            'order-cancelled',
          );
        }
        return order !== undefined;
      }),
    );
  }

  /** Of cancelled orders, what has not come back to the shelf yet; oldest first, or for one reservation. */
  async unreturned(limit: number, reservationId: string | null = null): Promise<Unreturned[]> {
    const pending = await guarded(
      sql<{ reservation_id: string; buyer_id: string; lines: ReservationLine[]; epochs: Epochs }>`
        select o.reservation_id, r.buyer_id, json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity)) as lines,
          (select json_agg(json_build_object('partition', e.partition, 'epoch', e.epoch))
            from partitions e where e.partition = any(r.partitions)) as epochs
        from outbox o
        join reservations r on r.id = o.reservation_id
        cross join lateral unnest(r.lines) l
        where l.partition = any(r.committed_in) and o.kind = 'return-stock' and o.done_at is null
          and (${reservationId}::uuid is null or o.reservation_id = ${reservationId}::uuid)
        group by o.id, r.id order by o.id limit ${limit}`.execute(this.db),
    );
    return pending.rows.map((row) => ({
      reservationId: row.reservation_id,
      buyerId: row.buyer_id,
      lines: row.lines,
      epochs: new Map(row.epochs.map(({ partition, epoch }) => [partition, epoch])),
    }));
  }
}

type Epochs = readonly { readonly partition: number; readonly epoch: number }[];

/** Reservations in order: an index has them by `at` and `id`. */
type List = {
  readonly from: RawBuilder<unknown>;
  readonly at: RawBuilder<unknown>;
  readonly id: RawBuilder<unknown>;
};

const all: List = { from: sql`reservations r where true`, at: sql`r.created_at`, id: sql`r.id` };

/** Carts of one SKU and of several are in different indexes (migrations/0014-lines.ts): whatever else there is, each is walked in order. */
const listsOf = (sku: string): List[] => [
  {
    ...all,
    from: sql`reservations r
      where cardinality(r.lines) = 1 and cardinality(r.partitions) = 1 and (r.lines[1]).sku = ${sku}`,
  },
  {
    from: sql`cart_skus c join reservations r on r.id = c.reservation_id where c.sku = ${sku}`,
    at: sql`c.created_at`,
    id: sql`c.reservation_id`,
  },
];

function newestOf({ from, at, id }: List, filter: ReservationFilter, page: KeysetPage): RawBuilder<unknown> {
  const [atMs, after] = page.after ?? [];
  return sql`
    select ${at} as listed_at, ${id} as id from ${from} and r.status <> 'pending'
      ${filter.status === undefined ? sql`` : sql`and r.status = ${filter.status}`}
      ${filter.buyerId === undefined ? sql`` : sql`and r.buyer_id = ${filter.buyerId}`}
      ${page.after ? sql`and (${at}, ${id}) < (${new Date(Number(atMs))}::timestamptz, ${after}::uuid)` : sql``}
    order by ${at} desc, ${id} desc limit ${page.limit + 1}`;
}

function toReservation(row: Row): Reservation {
  const sold = row.status === 'confirmed' || row.status === 'fulfilled' || row.status === 'cancelled';
  return {
    id: row.id,
    status: row.status,
    buyerId: row.buyer_id,
    lines: row.lines,
    createdAtMs: row.created_at.getTime(),
    expiresAtMs: row.expires_at.getTime(),
    metadata: row.metadata,
    orderId: sold ? orderIdOf(row.id) : null,
    paying:
      row.status === 'paying'
        ? { paymentId: row.payment_id!, deadlineMs: row.payment_deadline!.getTime() }
        : null,
  };
}

function toOrder(row: OrderRow): Order {
  return {
    id: row.id,
    reservationId: row.reservation_id,
    buyerId: row.buyer_id,
    lines: row.lines,
    status: row.status,
    createdAtMs: row.created_at.getTime(),
  };
}
