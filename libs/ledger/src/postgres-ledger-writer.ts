/** The one transaction that acknowledges (see ledger-writer.ts), as set-based SQL: its cost is per batch, not per row. */
import { sql, type Transaction } from 'kysely';
import { InvariantError, type JournalEntry } from '#domain';
import type { Database } from './database.js';
import { effectsOf, type Effects } from './effects.js';
import type { CommitBatch, CommitResult, LedgerWriter, Receipt } from './ledger-writer.js';
import type { Schema } from './schema.js';
import { translateDatabaseError } from './unavailable.js';

type Tx = Transaction<Schema>;
type Refused = Exclude<CommitResult, { kind: 'committed' }>;

/** Rows as one JSON parameter: the same on a server and on PGlite, and no limit on the number of parameters. */
const rows = (list: readonly unknown[]) => sql`${JSON.stringify(list)}::json`;

class Rollback extends Error {
  constructor(readonly result: Refused) {
    super(result.kind);
  }
}

export class PostgresLedgerWriter implements LedgerWriter {
  constructor(private readonly db: Database) {}

  async commit(batch: CommitBatch): Promise<CommitResult> {
    try {
      return await this.db.transaction().execute(async (tx) => {
        await writeEntries(tx, batch);
        await writeReceipts(tx, batch.receipts);
        return { kind: 'committed' };
      });
    } catch (error) {
      if (error instanceof Rollback) return error.result;
      throw translateDatabaseError(error);
    }
  }
}

async function writeEntries(tx: Tx, batch: CommitBatch): Promise<void> {
  const partitions = [...new Set([...batch.entries, ...batch.requires].map(({ partition }) => partition))];
  if (partitions.length === 0) return;
  const positions = await lockPartitions(tx, partitions);
  const fresh: JournalEntry[] = [];
  const known: JournalEntry[] = [];
  for (const entry of batch.entries) {
    const position = positions.get(entry.partition);
    if (position?.epoch !== entry.epoch) throw fenced(entry.partition, position);
    if (entry.sequence <= position.committed) known.push(entry);
    else if (entry.sequence === position.sequence + 1) {
      fresh.push(entry);
      position.sequence = entry.sequence;
    } else throw gap(position, entry.partition);
  }
  for (const required of batch.requires) {
    const position = positions.get(required.partition);
    if (position?.epoch !== required.epoch) throw fenced(required.partition, position);
    if (required.sequence > position.sequence) throw gap(position, required.partition);
  }
  await refuseClash(tx, known);
  if (fresh.length === 0) return;
  await insertEntries(tx, fresh);
  await writeEffects(tx, effectsOf(fresh));
  await advance(tx, positions);
}

type Position = { epoch: number; committed: number; sequence: number };

/** In one order everywhere, so that two commits never wait for each other. */
async function lockPartitions(tx: Tx, partitions: readonly number[]): Promise<Map<number, Position>> {
  const found = await tx
    .selectFrom('partitions')
    .selectAll()
    .where('partition', 'in', partitions)
    .orderBy('partition')
    .forUpdate()
    .execute();
  return new Map(
    found.map(({ partition, epoch, sequence }) => [partition, { epoch, committed: sequence, sequence }]),
  );
}

function fenced(partition: number, position: Position | undefined): Rollback {
  return new Rollback({ kind: 'fenced', partition, epoch: position?.epoch ?? 0 });
}

function gap(position: Position, partition: number): Rollback {
  return new Rollback({ kind: 'gap', partition, epoch: position.epoch, after: position.committed });
}

/** What another process has committed for us must be what we were told by the store. */
async function refuseClash(tx: Tx, known: readonly JournalEntry[]): Promise<void> {
  if (known.length === 0) return;
  const same = await sql<{ partition: number; sequence: number }>`
    select e.partition, e.sequence from ledger_entries e
    join json_to_recordset(${rows(known.map(entryRow))})
      as k(partition integer, epoch bigint, sequence bigint, kind text, at timestamptz, reservation_id uuid)
      using (partition, epoch, sequence)
    where e.kind = k.kind and e.at = k.at and e.reservation_id is not distinct from k.reservation_id`.execute(
    tx,
  );
  if (same.rows.length === known.length) return;
  const seen = new Set(same.rows.map(({ partition, sequence }) => `${partition} ${sequence}`));
  const other = known.find(({ partition, sequence }) => !seen.has(`${partition} ${sequence}`));
  throw new Rollback({ kind: 'clash', partition: other!.partition });
}

function entryRow(entry: JournalEntry): Record<string, unknown> {
  const { partition, epoch, sequence, kind, atMs, ...body } = entry;
  return {
    partition,
    epoch,
    sequence,
    kind,
    at: new Date(atMs).toISOString(),
    reservation_id: 'reservationId' in body ? body.reservationId : null,
    operation_id: 'operationId' in body ? body.operationId : null,
    body,
  };
}

async function insertEntries(tx: Tx, entries: readonly JournalEntry[]): Promise<void> {
  await sql`
    insert into ledger_entries (partition, epoch, sequence, kind, at, reservation_id, operation_id, body)
    select * from json_to_recordset(${rows(entries.map(entryRow))})
      as r(partition integer, epoch bigint, sequence bigint, kind text, at timestamptz, reservation_id uuid,
        operation_id text, body jsonb)`.execute(tx);
}

async function writeEffects(tx: Tx, effects: Effects): Promise<void> {
  await writeLevels(tx, effects.levels);
  await writeReservations(tx, effects);
  await writeLines(tx, effects);
  await writeBuyers(tx, effects.buyers);
  if (effects.orders.length > 0) {
    await sql`
      insert into orders (id, reservation_id, buyer_id, status, payment_id, created_at)
      select id, reservation_id, buyer_id, 'confirmed', payment_id, created_at from json_to_recordset(${rows(effects.orders)})
        as r(id uuid, reservation_id uuid, buyer_id text, payment_id text, created_at timestamptz)`.execute(
      tx,
    );
  }
  if (effects.cancelled.length > 0) {
    await sql`
      update outbox o set done_at = now()
      where kind = 'return-stock' and reservation_id = any(${effects.cancelled}::uuid[])
        and not exists (
          select from reservation_lines l where l.reservation_id = o.reservation_id and l.state = 'committed'
        )`.execute(tx);
  }
}

async function writeLevels(tx: Tx, levels: Effects['levels']): Promise<void> {
  const created = levels.filter((level) => level.created);
  const moved = levels.filter((level) => !level.created);
  if (created.length > 0) {
    await sql`
      insert into skus (sku, partition, on_hand, held, committed, buyer_limit, hold_ttl_seconds, version, created_at)
      select * from json_to_recordset(${rows(created)})
        as r(sku text, partition integer, on_hand bigint, held bigint, committed bigint, buyer_limit bigint,
          hold_ttl_seconds integer, version bigint, created_at timestamptz)`.execute(tx);
  }
  if (moved.length > 0) {
    const result = await sql`
      update skus s set
        on_hand = s.on_hand + r.on_hand, held = s.held + r.held, committed = s.committed + r.committed,
        version = r.version,
        buyer_limit = case when r.policy then r.buyer_limit else s.buyer_limit end,
        hold_ttl_seconds = case when r.policy then r.hold_ttl_seconds else s.hold_ttl_seconds end
      from json_to_recordset(${rows(moved)})
        as r(sku text, on_hand bigint, held bigint, committed bigint, version bigint, policy boolean,
          buyer_limit bigint, hold_ttl_seconds integer)
      where s.sku = r.sku`.execute(tx);
    mustTouch(result.numAffectedRows, moved.length, 'levels');
  }
}

async function writeReservations(tx: Tx, effects: Effects): Promise<void> {
  if (effects.reservations.length > 0) {
    const result = await sql`
      insert into reservations as known (id, status, buyer_id, partitions, metadata, created_at, expires_at)
      select id, status, buyer_id, (select array_agg(p::integer) from json_array_elements_text(partitions) p),
        metadata, created_at, expires_at
      from json_to_recordset(${rows(effects.reservations)})
        as r(id uuid, status text, buyer_id text, partitions json, metadata text, created_at timestamptz,
          expires_at timestamptz)
      on conflict (id) do update set status = excluded.status, metadata = excluded.metadata,
        created_at = excluded.created_at, expires_at = excluded.expires_at
      where known.status = 'pending'`.execute(tx);
    mustTouch(result.numAffectedRows, effects.reservations.length, 'reservations');
  }
  if (effects.reservationChanges.length > 0) {
    const result = await sql`
      update reservations known set
        status = coalesce(r.status, known.status), expires_at = coalesce(r.expires_at, known.expires_at)
      from json_to_recordset(${rows(effects.reservationChanges)})
        as r(id uuid, status text, expires_at timestamptz)
      where known.id = r.id and known.status = 'held'`.execute(tx);
    mustTouch(result.numAffectedRows, effects.reservationChanges.length, 'reservations');
  }
}

async function writeLines(tx: Tx, effects: Effects): Promise<void> {
  if (effects.lines.length > 0) {
    await sql`
      insert into reservation_lines (reservation_id, sku, quantity, partition, state, created_at)
      select * from json_to_recordset(${rows(effects.lines)})
        as r(reservation_id uuid, sku text, quantity bigint, partition integer, state text, created_at timestamptz)
      on conflict (reservation_id, sku) do update set state = excluded.state`.execute(tx);
  }
  if (effects.lineChanges.length > 0) {
    const result = await sql`
      update reservation_lines l set state = r.state
      from json_to_recordset(${rows(effects.lineChanges)}) as r(reservation_id uuid, sku text, state text)
      where l.reservation_id = r.reservation_id and l.sku = r.sku`.execute(tx);
    mustTouch(result.numAffectedRows, effects.lineChanges.length, 'lines');
  }
}

async function writeBuyers(tx: Tx, buyers: Effects['buyers']): Promise<void> {
  if (buyers.length === 0) return;
  // Update, then insert what was not there: an upsert would hold a negative change against the constraint.
  await sql`
    with r as (
      select * from json_to_recordset(${rows(buyers)})
        as r(sku text, buyer_id text, held bigint, committed bigint, granted boolean, buyer_limit bigint)
    ), known as (
      update buyer_units b set held = b.held + r.held, committed = b.committed + r.committed,
        buyer_limit = case when r.granted then r.buyer_limit else b.buyer_limit end
      from r where b.sku = r.sku and b.buyer_id = r.buyer_id
      returning b.sku, b.buyer_id
    )
    insert into buyer_units (sku, buyer_id, held, committed, buyer_limit)
    select sku, buyer_id, held, committed, buyer_limit from r
    where not exists (select from known where known.sku = r.sku and known.buyer_id = r.buyer_id)`.execute(tx);
}

async function advance(tx: Tx, positions: ReadonlyMap<number, Position>): Promise<void> {
  const moved = Array.from(positions, ([partition, position]) => ({ partition, ...position })).filter(
    ({ committed, sequence }) => sequence > committed,
  );
  await sql`
    update partitions p set sequence = r.sequence
    from json_to_recordset(${rows(moved)}) as r(partition integer, sequence bigint)
    where p.partition = r.partition`.execute(tx);
}

/**
 * An answer is recorded once; a later one for the same key (its claim was taken over) changes nothing. A claim that
 * a crash of the server has taken back is made again: whoever repeats the request must find this answer.
 */
async function writeReceipts(tx: Tx, receipts: readonly Receipt[]): Promise<void> {
  if (receipts.length === 0) return;
  const list = receipts.map(({ keyDigest, fingerprint, status, body }) => ({
    digest: keyDigest.toString('hex'),
    fingerprint: fingerprint.toString('hex'),
    status,
    body,
  }));
  await sql`
    insert into idempotency_keys as k (digest, fingerprint, claimed_at, status, body)
    select distinct on (r.digest) decode(r.digest, 'hex'), decode(r.fingerprint, 'hex'), now(), r.status, r.body
    from json_to_recordset(${rows(list)}) as r(digest text, fingerprint text, status integer, body text)
    order by r.digest
    on conflict (digest) do update set status = excluded.status, body = excluded.body
    where k.status is null and k.fingerprint = excluded.fingerprint`.execute(tx);
}

function mustTouch(touched: bigint | undefined, expected: number, what: string): void {
  if (touched === BigInt(expected)) return;
  throw new InvariantError(`the journal speaks of ${what} that the ledger does not have as it says`, {
    touched: String(touched),
    expected,
  });
}
