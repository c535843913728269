/**
 * Plans of the ledger's functions last as long as their session: made while the tables were small, and known to be, they must
 * still go by index when the tables are large.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { HeldEntry, JournalEntry } from '#domain';
import {
  IdempotencyRepository,
  migrate,
  openPostgres,
  PartitionRepository,
  PostgresLedgerWriter,
  sql,
  type Database,
  type Receipt,
} from '#ledger';
import { describeWithPostgres, testPostgres } from '../../servers/index.js';

const rowsMany = 20_000;
const tables = ['skus', 'idempotency_keys', 'reservations', 'buyer_units', 'cart_skus'];
/** Rows that a call may look at for each request: a few by each of its indexes. */
const rowsLookedAtMax = 60;
const requests = 30;

describeWithPostgres('plans of the ledger', () => {
  let db: Database;
  let stop: () => Promise<unknown>;
  let epoch: number;
  let sequence = 0;
  let made = 0;

  beforeAll(async () => {
    const database = await testPostgres();
    // One session, so that its plans are those that are used later.
    db = openPostgres(database.url, () => undefined, { connectionsMax: 1 });
    stop = async () => {
      await db.destroy();
      await database.stop();
    };
    await migrate(db);
    const partitions = new PartitionRepository(db);
    await partitions.initialise(1);
    const ready = async () => ({ sequence: 0, incarnation: 'a', reason: 'a test' });
    ({ epoch } = (await partitions.begin(0, 0, ready))!);
    for (const table of tables)
      await sql`alter table ${sql.table(table)} set (autovacuum_enabled = off)`.execute(db);
    const policy = { onHand: 1_000, buyerLimit: null, holdTtlSeconds: 60, version: 1 };
    await commit([
      entry({ kind: 'sku-created', sku: 'A', ...policy }),
      entry({ kind: 'sku-created', sku: 'B', ...policy }),
    ]);
  });
  afterAll(() => stop());

  function entry<Decision extends object>(decision: Decision): Decision & { sequence: number } {
    sequence += 1;
    return { partition: 0, epoch, sequence, atMs: 1_700_000_000_000 + sequence, ...decision };
  }
  const commit = (entries: readonly object[], receipts: readonly Receipt[] = []) =>
    new PostgresLedgerWriter(db).commit({ entries: entries as JournalEntry[], requires: [], receipts });
  const digest = (number: number): Buffer => Buffer.alloc(32, `key ${number} `);

  /** A cart is held, and answered under a key; its answer comes a second time; a key is looked at; a refusal is recorded, or not. */
  async function sell(): Promise<void> {
    const number = (made += 1);
    const reservationId = `00000000-0000-8000-8000-${String(number).padStart(12, '0')}`;
    const lines = ['A', 'B'].map((sku) => ({ sku, quantity: 1, version: number + 1, buyerLimit: null }));
    const facts = {
      buyerId: `buyer ${number}`,
      expiresAtMs: 1_700_000_060_000,
      metadata: null,
      revived: false,
    };
    const held = { kind: 'held', reservationId, lines, partitions: [0], ...facts } satisfies HeldEntry;
    const key = { keyDigest: digest(number), fingerprint: digest(number) };
    await commit([entry(held)], [{ ...key, status: 201, body: 'first' }]);
    await commit([], [{ ...key, status: 409, body: 'second' }]);
    const keys = new IdempotencyRepository(db);
    expect(await keys.look([{ ...key, id: reservationId }])).toMatchObject([
      { kind: 'answered', body: 'first' },
    ]);
    const request = { ...key, id: reservationId, status: 409, body: 'third' };
    expect(await keys.answer([request])).toMatchObject([{ kind: 'answered' }]);
    expect(await keys.answer([{ ...request, keyDigest: digest(-number) }])).toEqual([null]);
  }

  async function rowsLookedAt(): Promise<number> {
    await sql`select pg_stat_force_next_flush()`.execute(db);
    const { rows } = await sql<{ read: number }>`
      select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as read from pg_stat_user_tables
      where relname = any(${tables})`.execute(db);
    return rows[0]!.read;
  }

  /** Rows that nobody asks for. */
  async function fill(what: string, rows: number): Promise<void> {
    await sql`insert into skus (sku, partition, on_hand, held, committed, hold_ttl_seconds, version, created_at)
      select ${what}::text || i, 0, 1, 0, 0, 60, 1, now() from generate_series(1, ${rows}::integer) i`.execute(
      db,
    );
    await sql`insert into idempotency_keys (digest, fingerprint, claimed_at, status, body)
      select sha256((${what}::text || i)::bytea), '', now(), 409, '' from generate_series(1, ${rows}::integer) i`.execute(
      db,
    );
    await sql`insert into reservations (id, status, buyer_id, partitions, created_at, expires_at)
      select gen_random_uuid(), 'expired', ${what}, '{0}', now(), now()
      from generate_series(1, ${rows}::integer)`.execute(db);
  }

  async function empty(what: string): Promise<void> {
    await sql`delete from skus where starts_with(sku, ${what})`.execute(db);
    await sql`delete from idempotency_keys where body = ''`.execute(db);
    await sql`delete from reservations where buyer_id = ${what}`.execute(db);
  }

  test.each([0, 20, 300])(
    'made when there were %d rows more, they go by index when there are many',
    async (rows) => {
      await sql`truncate idempotency_keys`.execute(db);
      await fill(`few ${rows} `, rows);
      for (let time = 0; time < 10; time += 1) await sell();
      // Planned anew, by what is known of the tables now.
      await sql`vacuum analyze`.execute(db);
      for (let time = 0; time < 10; time += 1) await sell();
      await fill(`many ${rows} `, rowsMany);
      const before = await rowsLookedAt();
      for (let time = 0; time < requests; time += 1) await sell();
      expect((await rowsLookedAt()) - before).toBeLessThan(requests * rowsLookedAtMax);
      await empty(`many ${rows} `);
    },
    60_000,
  );
});
