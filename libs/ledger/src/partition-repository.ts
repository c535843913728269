/** Epochs and positions of the partitions, and what the stock store is filled with. */
import { sql, type RawBuilder, type Transaction } from 'kysely';
import type { PartitionRecord } from '#domain';
import type { Database } from './database.js';
import type { Schema } from './schema.js';
import { toLevel } from './stock-repository.js';
import { guarded } from './unavailable.js';

export type PartitionPosition = {
  readonly partition: number;
  readonly epoch: number;
  readonly sequence: number;
};

/** Where a partition stands, and the memory of the stock store that its epoch began in; '' in none. */
export type EpochPosition = PartitionPosition & { readonly incarnation: string };

/** A position as it was found, at a time of the ledger's clock. */
export type SeenPosition = EpochPosition & { readonly nowMs: number };

/** `attempt`: the transaction's number, so that nothing of an attempt that was lost is taken for one that was not. */
type NextEpoch = { readonly partition: number; readonly epoch: number; readonly attempt: number };

/** What the ledger has of the epoch that ends. */
export type LastTaken = { readonly position: PartitionPosition; readonly entry: TakenEntry | null };

/** How the stock store was made ready for the next epoch: its sequence there, the memory it is in, and why there is one. */
export type Ready = { readonly sequence: number; readonly incarnation: string; readonly reason: string };

export type MakeReady = (
  next: NextEpoch,
  from: LastTaken,
  records: AsyncIterable<readonly PartitionRecord[]>,
) => Promise<Ready>;

/** What tells one history of a journal from another, at one number. */
export type TakenEntry = {
  readonly kind: string;
  readonly atMs: number;
  readonly reservationId: string | null;
};

const chunkSize = 2_000;

export class PartitionRepository {
  constructor(private readonly db: Database) {}

  /**
   * Makes the rows of the partitions. Their number is fixed by the first start, because it says where a SKU lives;
   * answers with it.
   */
  async initialise(partitions: number): Promise<number> {
    return guarded(
      this.db.transaction().execute(async (tx) => {
        await sql`insert into settings (name, value) values ('partitions', ${String(partitions)})
          on conflict (name) do nothing`.execute(tx);
        const { value } = await tx
          .selectFrom('settings')
          .select('value')
          .where('name', '=', 'partitions')
          .executeTakeFirstOrThrow();
        await sql`insert into partitions (partition, epoch, sequence)
          select p, 0, 0 from generate_series(0, ${Number(value)}::integer - 1) p on conflict do nothing`.execute(
          tx,
        );
        return Number(value);
      }),
    );
  }

  async positions(): Promise<SeenPosition[]> {
    const { rows } = await guarded(
      sql<SeenPosition>`
        select p.partition, p.epoch, p.sequence, coalesce(r.incarnation, '') as incarnation,
          round(date_part('epoch', clock_timestamp()) * 1000) as "nowMs"
        from partitions p left join repairs r using (partition, epoch) order by p.partition`.execute(this.db),
    );
    return rows;
  }

  /** Where one partition stands now, and the entry there; none, when the epoch began there. */
  async lastTaken(partition: number, db: Database | Transaction<Schema> = this.db): Promise<LastTaken> {
    const { rows } = await guarded(
      sql<PartitionPosition & { kind: string | null; at: Date | null; reservation_id: string | null }>`
        select p.partition, p.epoch, p.sequence, e.kind, e.at, e.reservation_id
        from partitions p left join ledger_entries e using (partition, epoch, sequence)
        where p.partition = ${partition}`.execute(db),
    );
    const { kind, at, reservation_id: reservationId, ...position } = rows[0]!;
    return { position, entry: kind && at ? { kind, atMs: at.getTime(), reservationId } : null };
  }

  /** A secret of this installation, made once and shared by every process. */
  async secret(name: string, fresh: Buffer): Promise<Buffer> {
    const key = `secret:${name}`;
    await guarded(
      sql`insert into settings (name, value) values (${key}, ${fresh.toString('hex')})
        on conflict (name) do nothing`.execute(this.db),
    );
    const { value } = await guarded(
      this.db.selectFrom('settings').select('value').where('name', '=', key).executeTakeFirstOrThrow(),
    );
    return Buffer.from(value, 'hex');
  }

  /**
   * Begins the next epoch of a partition, for which the stock store is made ready. The partition's row is locked
   * throughout: one at a time, and the old epoch can commit nothing meanwhile. When the process dies here, the epoch has not
   * begun, and the store is not open in it. The reason is kept with the epoch. Answers with what is to be admitted; null:
   * somebody else was faster.
   */
  async begin(partition: number, expectedEpoch: number, makeReady: MakeReady): Promise<EpochPosition | null> {
    return guarded(
      this.db.transaction().execute(async (tx) => {
        const { epoch, attempt } = await tx
          .selectFrom('partitions')
          .select(['epoch', sql<number>`txid_current()`.as('attempt')])
          .where('partition', '=', partition)
          .forUpdate()
          .executeTakeFirstOrThrow();
        if (epoch !== expectedEpoch) return null;
        const next = { partition, epoch: epoch + 1, attempt };
        const last = await this.lastTaken(partition, tx);
        const { sequence, incarnation, reason } = await makeReady(next, last, recordsOf(tx, partition));
        await tx
          .updateTable('partitions')
          .set({ epoch: next.epoch, sequence })
          .where('partition', '=', partition)
          .execute();
        // A ledger that was set back and is sold from all the same begins an epoch again.
        await sql`insert into repairs (partition, epoch, reason, incarnation)
          values (${partition}, ${next.epoch}, ${reason}, ${incarnation})
          on conflict (partition, epoch)
            do update set at = now(), reason = excluded.reason, incarnation = excluded.incarnation`.execute(
          tx,
        );
        return { partition, epoch: next.epoch, sequence, incarnation };
      }),
    );
  }
}

/** The index of live holds by where they lie (migrations/0014-lines.ts); those that lie in several places have to be looked at. */
const heldIn = (partition: number) => sql`r.held_in <> '{}' and ${partition} = any(r.held_in)
  and case when cardinality(r.held_in) = 1 then r.held_in[1] else -1 end in (${partition}, -1)`;

/** An instant in milliseconds: of a million holds, dates would be most of the work. */
const msOf = (column: string): RawBuilder<number> =>
  sql`round(date_part('epoch', r.${sql.ref(column)}) * 1000)`;

async function* recordsOf(tx: Transaction<Schema>, partition: number): AsyncGenerator<PartitionRecord[]> {
  yield* rowsOf(tx, sql<LevelRow>`select * from skus where partition = ${partition}`, (row) => ({
    kind: 'level',
    level: toLevel(row),
  }));
  yield* rowsOf(
    tx,
    sql<HoldRow>`
      select r.id, r.status, r.buyer_id, ${msOf('created_at')} as created, ${msOf('expires_at')} as expires, r.partitions,
        r.payment_id, ${msOf('payment_deadline')} as pay_by, to_json(r.lines) as lines
      from reservations r where ${heldIn(partition)}`,
    (row) => holdOf(row, partition),
  );
  yield* rowsOf(
    tx,
    sql<BuyerRow>`
      select b.sku, b.buyer_id, b.held, b.committed, h.reservation_id
      from buyer_units b join skus s on s.sku = b.sku and s.partition = ${partition}
      left join (
        select distinct on ((l.line).sku, l.buyer_id) (l.line).sku, l.buyer_id, l.reservation_id
        from (
          select r.buyer_id, r.id as reservation_id, unnest(r.lines) as line from reservations r where ${heldIn(partition)}
        ) l where (l.line).partition = ${partition}
      ) h on h.sku = b.sku and h.buyer_id = b.buyer_id
      where b.held + b.committed > 0`,
    ({ sku, buyer_id: buyerId, reservation_id: reservationId, held, committed }) => ({
      kind: 'buyer',
      sku,
      buyerId,
      reservationId,
      held,
      committed,
    }),
  );
}

type LevelRow = Schema['skus'];
type HoldRow = Pick<
  Schema['reservations'],
  'id' | 'status' | 'buyer_id' | 'partitions' | 'payment_id' | 'lines'
> & {
  created: number;
  expires: number;
  pay_by: number | null;
};
type BuyerRow = Schema['buyer_units'] & { reservation_id: string | null };

/**
 * The rows of one query, a chunk at a time, by a cursor: the plan is made once for all of them, and made for all of
 * them. The next chunk is fetched while the one before is used.
 */
async function* rowsOf<Row>(
  tx: Transaction<Schema>,
  query: RawBuilder<Row>,
  convert: (row: Row) => PartitionRecord,
): AsyncGenerator<PartitionRecord[]> {
  await sql`set local cursor_tuple_fraction = 1`.execute(tx);
  await sql`set local enable_nestloop = off`.execute(tx);
  await sql`declare restored no scroll cursor for ${query}`.execute(tx);
  const fetch = async (): Promise<Row[]> =>
    (await sql<Row>`fetch ${sql.lit(chunkSize)} from restored`.execute(tx)).rows;
  let chunk = await fetch();
  while (chunk.length > 0) {
    const next = fetch();
    // Whoever walks away hears of no failure any more.
    next.catch(() => undefined);
    yield chunk.map(convert);
    chunk = await next;
  }
  await sql`close restored`.execute(tx);
}

function holdOf(row: HoldRow, partition: number): PartitionRecord {
  // Only where it is decided does a payment keep the cart; its other parts follow.
  const decidesPaying = row.status === 'paying' && row.partitions[0] === partition;
  return {
    kind: 'hold',
    reservationId: row.id,
    buyerId: row.buyer_id,
    createdAtMs: row.created,
    expiresAtMs: row.expires,
    partitions: row.partitions,
    lines: row.lines.filter((line) => line.partition === partition),
    decided: row.status !== 'pending',
    paying: decidesPaying ? { paymentId: row.payment_id!, deadlineMs: row.pay_by! } : null,
  };
}
