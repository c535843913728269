/** Epochs and positions of the partitions, and what a rebuild brings back to the stock store. */
import { sql, type Transaction } from 'kysely';
import { InvariantError, type PartitionRecord, type ReservationLine } from '#domain';
import type { Database } from './database.js';
import type { Schema } from './schema.js';
import { toLevel } from './stock-repository.js';
import { guarded } from './unavailable.js';

export type PartitionPosition = {
  readonly partition: number;
  readonly epoch: number;
  readonly sequence: number;
};

/** `attempt`: the transaction's number, so that nothing of a rebuild that was lost is taken for one that was not. */
export type Rebuilt = PartitionPosition & { readonly attempt: number };

export type Restore = (
  at: { readonly partition: number; readonly epoch: number; readonly attempt: number },
  records: AsyncIterable<readonly PartitionRecord[]>,
) => Promise<void>;

/** What tells one history of a journal from another, at one number. */
export type TakenEntry = {
  readonly kind: string;
  readonly atMs: number;
  readonly reservationId: string | null;
};

const chunkSize = 1_000;

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

  async positions(): Promise<PartitionPosition[]> {
    return guarded(this.db.selectFrom('partitions').selectAll().orderBy('partition').execute());
  }

  /** Where one partition stands now, and the last entry that the ledger took of its journal in this epoch. */
  async lastTaken(partition: number): Promise<{ position: PartitionPosition; entry: TakenEntry | null }> {
    const { rows } = await guarded(
      sql<PartitionPosition & { kind: string | null; at: Date | null; reservation_id: string | null }>`
        select p.partition, p.epoch, p.sequence, e.kind, e.at, e.reservation_id
        from partitions p left join ledger_entries e using (partition, epoch, sequence)
        where p.partition = ${partition}`.execute(this.db),
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
   * Begins the next epoch of a partition and fills the stock store from the ledger for it. The partition's row is
   * locked throughout: one rebuilder at a time, and the old epoch can commit nothing meanwhile. When the process
   * dies here, the epoch has not begun, and the store is not open in it. The reason is kept with the epoch. Answers with the position to be admitted in;
   * null: somebody else was faster.
   */
  async rebuild(
    partition: number,
    expectedEpoch: number,
    reason: string,
    restore: Restore,
  ): Promise<Rebuilt | null> {
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
        await restore(next, recordsOf(tx, partition));
        await tx
          .updateTable('partitions')
          .set({ epoch: next.epoch, sequence: 0 })
          .where('partition', '=', partition)
          .execute();
        // A ledger that was set back and is sold from all the same begins an epoch again.
        await sql`insert into repairs (partition, epoch, reason) values (${partition}, ${next.epoch}, ${reason})
          on conflict (partition, epoch) do update set at = now(), reason = excluded.reason`.execute(tx);
        return { ...next, sequence: 0 };
      }),
    );
  }
}

async function* recordsOf(tx: Transaction<Schema>, partition: number): AsyncGenerator<PartitionRecord[]> {
  yield* chunks<{ sku: string } & LevelRow>(
    tx,
    (after) => sql`
      select * from skus where partition = ${partition} and (${after}::text is null or sku > ${after})
      order by sku limit ${chunkSize}`,
    (row) => row.sku,
    (row) => ({ kind: 'level', level: toLevel(row) }),
  );
  yield* chunks<HoldRow>(
    tx,
    (after) => sql`
      select r.id, r.status, r.buyer_id, r.created_at, r.expires_at, r.partitions, r.payment_id, r.payment_deadline,
        json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity) order by l.sku) as lines
      from reservation_lines l join reservations r on r.id = l.reservation_id
      where l.partition = ${partition} and l.state = 'held' and (${after}::uuid is null or l.reservation_id > ${after}::uuid)
      group by r.id order by r.id limit ${chunkSize}`,
    (row) => row.id,
    (row) => holdOf(row, partition),
  );
  yield* chunks<BuyerRow>(
    tx,
    (after) => sql`
      select b.sku, b.buyer_id, b.held, b.committed, h.reservation_id, b.sku || ' ' || b.buyer_id as key
      from buyer_units b join skus s on s.sku = b.sku and s.partition = ${partition}
      left join lateral (
        select l.reservation_id from reservation_lines l join reservations r on r.id = l.reservation_id
        where b.held > 0 and r.buyer_id = b.buyer_id and l.sku = b.sku and l.state = 'held' limit 1
      ) h on true
      where b.held + b.committed > 0
        and (${after}::text is null or (b.sku, b.buyer_id) > (split_part(${after}, ' ', 1), substr(${after}, strpos(${after}, ' ') + 1)))
      order by b.sku, b.buyer_id limit ${chunkSize}`,
    (row) => row.key,
    (row) => ({
      kind: 'buyer',
      sku: row.sku,
      buyerId: row.buyer_id,
      reservationId: row.reservation_id,
      held: row.held,
      committed: row.committed,
    }),
  );
}

type LevelRow = Schema['skus'];
type HoldRow = Omit<Schema['reservations'], 'metadata'> & { lines: ReservationLine[] };
type BuyerRow = Schema['buyer_units'] & { reservation_id: string | null; key: string };

/** Walks a query by keyset, a chunk at a time. */
async function* chunks<Row>(
  tx: Transaction<Schema>,
  query: (after: string | null) => ReturnType<typeof sql<Row>>,
  keyOf: (row: Row) => string,
  convert: (row: Row) => PartitionRecord,
): AsyncGenerator<PartitionRecord[]> {
  let after: string | null = null;
  for (;;) {
    const { rows } = await query(after).execute(tx);
    if (rows.length > 0) yield rows.map(convert);
    const last = rows.at(-1);
    if (last === undefined || rows.length < chunkSize) return;
    const key: string = keyOf(last);
    if (key === after) throw new InvariantError('a walk over the ledger stands still', { key });
    after = key;
  }
}

function holdOf(row: HoldRow, partition: number): PartitionRecord {
  // Only where it is decided does a payment keep the cart; its other parts follow.
  const decidesPaying = row.status === 'paying' && row.partitions[0] === partition;
  return {
    kind: 'hold',
    reservationId: row.id,
    buyerId: row.buyer_id,
    createdAtMs: row.created_at.getTime(),
    expiresAtMs: row.expires_at.getTime(),
    partitions: row.partitions,
    lines: row.lines,
    paying: decidesPaying
      ? { paymentId: row.payment_id!, deadlineMs: row.payment_deadline!.getTime() }
      : null,
  };
}
