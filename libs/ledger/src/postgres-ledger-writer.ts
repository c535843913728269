/**
 * The one transaction that acknowledges (see ledger-writer.ts), as set-based SQL: its cost is per batch, not per row.
 *
 * What a flash sale consists of, new reservations and answers, is one call of a function. A batch is first sent as if
 * nobody else had committed any of it; when that is not so, it is looked at again with the partitions' rows locked.
 */
import { sql, type Transaction } from 'kysely';
import { InvariantError, type JournalEntry } from '#domain';
import {
  commitCall,
  isGrant,
  isMove,
  reservationOf,
  type CommitReply,
  type PositionChange,
} from './commit-call.js';
import type { Database } from './database.js';
import { effectsOf, type Effects } from './effects.js';
import type { CommitBatch, CommitResult, EarlierAnswer, LedgerWriter, Receipt } from './ledger-writer.js';
import type { Schema } from './schema.js';
import { translateDatabaseError } from './unavailable.js';

type Tx = Transaction<Schema>;
type Refused = Exclude<CommitResult, { kind: 'committed' }>;

/** What is left to write of a batch once it is known what the ledger has of it. */
type Work = { readonly positions: readonly PositionChange[]; readonly fresh: readonly JournalEntry[] };

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
      const work = asIfAllWereNew(batch);
      const reply = work ? await this.writeAtOnce(work, batch.receipts) : undefined;
      if (reply !== undefined && !reply?.positions) return committed(reply, batch.receipts);
      return await this.db.transaction().execute((tx) => writeWhatIsNew(tx, batch));
    } catch (error) {
      if (error instanceof Rollback) return error.result;
      throw translateDatabaseError(error);
    }
  }

  private writeAtOnce(work: Work, receipts: readonly Receipt[]): Promise<CommitReply> {
    const effects = effectsOf(work.fresh);
    if (isOneCall(effects)) return call(this.db, work, effects, receipts);
    return this.db.transaction().execute(async (tx) => {
      const reply = await call(tx, work, effects, receipts);
      if (!reply?.positions) await writeRest(tx, effects);
      return reply;
    });
  }
}

async function call(
  db: Database | Tx,
  { positions, fresh }: Work,
  effects: Effects,
  receipts: readonly Receipt[],
): Promise<CommitReply> {
  const { rows: replies } = await commitCall({ positions, entries: fresh, effects, receipts }).execute(db);
  return replies[0]!.reply;
}

function committed(reply: CommitReply, receipts: readonly Receipt[]): CommitResult {
  const earlier = (reply?.kept ?? []).map(({ index, same, status, body }): EarlierAnswer => {
    const receipt = receipts[index]!;
    return { receipt, answer: same ? { status, body } : null };
  });
  return { kind: 'committed', earlier };
}

/** Undefined: entries are missing between those of the batch, so somebody else has them. */
function asIfAllWereNew({ entries, requires }: CommitBatch): Work | undefined {
  const positions = new Map<number, { -readonly [Name in keyof PositionChange]: PositionChange[Name] }>();
  for (const { partition, epoch, sequence } of entries) {
    const position = positions.get(partition);
    if (!position) {
      positions.set(partition, { partition, epoch, before: sequence - 1, after: sequence, required: 0 });
    } else if (position.epoch === epoch && position.after === sequence - 1) position.after = sequence;
    else return undefined;
  }
  for (const { partition, epoch, sequence } of requires) {
    const position = positions.get(partition) ?? { partition, epoch, before: 0, after: 0, required: 0 };
    if (position.epoch !== epoch) return undefined;
    position.required = Math.max(position.required, sequence);
    positions.set(partition, position);
  }
  return { positions: [...positions.values()], fresh: entries };
}

async function writeWhatIsNew(tx: Tx, batch: CommitBatch): Promise<CommitResult> {
  const partitions = [...new Set([...batch.entries, ...batch.requires].map(({ partition }) => partition))];
  const positions = await lockPartitions(tx, partitions);
  const fresh: JournalEntry[] = [];
  const known: JournalEntry[] = [];
  for (const entry of batch.entries) {
    const position = positions.get(entry.partition);
    if (position?.epoch !== entry.epoch) throw fenced(entry.partition, position);
    if (entry.sequence <= position.before) known.push(entry);
    else if (entry.sequence === position.after + 1) {
      fresh.push(entry);
      position.after = entry.sequence;
    } else throw gap(position);
  }
  for (const required of batch.requires) {
    const position = positions.get(required.partition);
    if (position?.epoch !== required.epoch) throw fenced(required.partition, position);
    if (required.sequence > position.after) throw gap(position);
  }
  await refuseClash(tx, known);
  const effects = effectsOf(fresh);
  const reply = await call(tx, { positions: [...positions.values()], fresh }, effects, batch.receipts);
  await writeRest(tx, effects);
  return committed(reply, batch.receipts);
}

type Position = { partition: number; epoch: number; before: number; after: number; required: number };

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
    found.map(({ partition, epoch, sequence }) => [
      partition,
      { partition, epoch, before: sequence, after: sequence, required: 0 },
    ]),
  );
}

function fenced(partition: number, position: Position | undefined): Rollback {
  return new Rollback({ kind: 'fenced', partition, epoch: position?.epoch ?? 0 });
}

function gap({ partition, epoch, after }: Position): Rollback {
  return new Rollback({ kind: 'gap', partition, epoch, after });
}

/** What another process has committed for us must be what we were told by the store. */
async function refuseClash(tx: Tx, known: readonly JournalEntry[]): Promise<void> {
  if (known.length === 0) return;
  const list = known.map((entry) => ({
    partition: entry.partition,
    epoch: entry.epoch,
    sequence: entry.sequence,
    kind: entry.kind,
    at: new Date(entry.atMs).toISOString(),
    reservation_id: reservationOf(entry),
  }));
  const same = await sql<{ partition: number; sequence: number }>`
    select e.partition, e.sequence from ledger_entries e
    join json_to_recordset(${rows(list)})
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

/** Whether a batch is written by the call alone. */
function isOneCall(effects: Effects): boolean {
  return (
    effects.levels.every(isMove) &&
    effects.buyers.every(isGrant) &&
    effects.reservationChanges.length === 0 &&
    effects.payments.length === 0 &&
    effects.orders.length === 0 &&
    effects.returned.length === 0
  );
}

/** What becomes of reservations that are known, and changes of policy. */
async function writeRest(tx: Tx, effects: Effects): Promise<void> {
  await writeLevels(
    tx,
    effects.levels.filter((level) => !isMove(level)),
  );
  await changeReservations(tx, effects.reservationChanges);
  await writePayments(tx, effects.payments);
  await changeBuyers(
    tx,
    effects.buyers.filter((buyer) => !isGrant(buyer)),
  );
  if (effects.orders.length > 0) {
    await sql`
      insert into orders (id, reservation_id, buyer_id, status, payment_id, created_at)
      select id, reservation_id, buyer_id, 'confirmed', payment_id, created_at from json_to_recordset(${rows(effects.orders)})
        as r(id uuid, reservation_id uuid, buyer_id text, payment_id text, created_at timestamptz)`.execute(
      tx,
    );
  }
  if (effects.returned.length > 0) {
    // What is still held of a cancelled order may yet be sold by somebody slow, and has to come back as well.
    await sql`
      update outbox o set done_at = now()
      where kind = 'return-stock' and done_at is null and reservation_id = any(${effects.returned}::uuid[])
        and not exists (
          select from reservations r
          where r.id = o.reservation_id and (r.committed_in <> '{}' or r.held_in <> '{}')
        )`.execute(tx);
  }
}

async function writeLevels(tx: Tx, levels: Effects['levels']): Promise<void> {
  const created = levels.filter((level) => level.created);
  const changed = levels.filter((level) => !level.created);
  if (created.length > 0) {
    await sql`
      insert into skus (sku, partition, on_hand, held, committed, buyer_limit, hold_ttl_seconds, version, created_at)
      select * from json_to_recordset(${rows(created)})
        as r(sku text, partition integer, on_hand bigint, held bigint, committed bigint, buyer_limit bigint,
          hold_ttl_seconds integer, version bigint, created_at timestamptz)`.execute(tx);
  }
  if (changed.length > 0) {
    const result = await sql`
      update skus s set
        on_hand = s.on_hand + r.on_hand, held = s.held + r.held, committed = s.committed + r.committed,
        version = r.version, buyer_limit = r.buyer_limit, hold_ttl_seconds = r.hold_ttl_seconds
      from json_to_recordset(${rows(changed)})
        as r(sku text, on_hand bigint, held bigint, committed bigint, version bigint, buyer_limit bigint,
          hold_ttl_seconds integer)
      where s.sku = r.sku`.execute(tx);
    mustTouch(result.numAffectedRows, changed.length, 'levels');
  }
}

async function changeReservations(tx: Tx, changes: Effects['reservationChanges']): Promise<void> {
  if (changes.length === 0) return;
  const result = await sql`
    update reservations known set
      status = coalesce(r.status, known.status),
      first_expires_at = coalesce(known.first_expires_at, case when r.expires_at is not null then known.expires_at end),
      expires_at = coalesce(to_timestamp(r.expires_at::float8 / 1000), known.expires_at),
      payment_id = coalesce(r.payment_id, known.payment_id),
      payment_deadline = coalesce(to_timestamp(r.payment_deadline::float8 / 1000), known.payment_deadline),
      held_in = array(select p from unnest(known.held_in) p where p <> all(r.parts)) || r.held_in,
      committed_in = array(select p from unnest(known.committed_in) p where p <> all(r.parts)) || r.committed_in
    from json_to_recordset(${rows(changes)})
      as r(id uuid, "of" text[], status text, expires_at bigint, payment_id uuid, payment_deadline bigint, parts integer[],
        held_in integer[], committed_in integer[], from_held integer[], from_committed integer[], from_returned integer[])
    where known.id = r.id and (r."of" is null or known.status = any(r."of"))
      and r.parts <@ array(select l.partition from unnest(known.lines) l)
      and r.from_held <@ known.held_in and r.from_committed <@ known.committed_in
      and not r.from_returned && (known.held_in || known.committed_in)`.execute(tx);
  mustTouch(result.numAffectedRows, changes.length, 'reservations');
}

/** A payment goes on record together with the errand to ask its provider. */
async function writePayments(tx: Tx, payments: Effects['payments']): Promise<void> {
  if (payments.length === 0) return;
  await sql`
    with begun as (
      insert into payments (id, reservation_id, provider, amount, currency, status, created_at)
      select id, reservation_id, provider, amount, currency, 'created', to_timestamp(created_at::float8 / 1000)
      from json_to_recordset(${rows(payments)})
        as r(id uuid, reservation_id uuid, provider text, amount bigint, currency text, created_at bigint)
      returning id, reservation_id
    )
    insert into outbox (kind, reservation_id, payment_id) select 'charge', reservation_id, id from begun`.execute(
    tx,
  );
}

/** Buyers who lose units have had them; an insert would hold what they lose against the constraint. */
async function changeBuyers(tx: Tx, buyers: Effects['buyers']): Promise<void> {
  if (buyers.length === 0) return;
  const result = await sql`
    update buyer_units b set held = b.held + r.held, committed = b.committed + r.committed,
      buyer_limit = case when r.granted then r.buyer_limit else b.buyer_limit end
    from json_to_recordset(${rows(buyers)})
      as r(sku text, buyer_id text, held bigint, committed bigint, granted boolean, buyer_limit bigint)
    where b.sku = r.sku and b.buyer_id = r.buyer_id`.execute(tx);
  mustTouch(result.numAffectedRows, buyers.length, 'buyers');
}

function mustTouch(touched: bigint | undefined, expected: number, what: string): void {
  if (touched === BigInt(expected)) return;
  throw new InvariantError(`the journal speaks of ${what} that the ledger does not have as it says`, {
    touched: String(touched),
    expected,
  });
}
