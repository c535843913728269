/** The lines of reservations in their rows: lists by SKU, and what a ledger of before makes of them. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Migrator } from 'kysely/migration';
import type { JournalDecision, JournalEntry, JournalLine, PartitionRecord } from '#domain';
import {
  AuditRepository,
  IdempotencyRepository,
  migrate,
  openPglite,
  openPostgres,
  PartitionRepository,
  pgliteParsers,
  PostgresLedgerWriter,
  ReservationRepository,
  sql,
  type Database,
} from '#ledger';
import { migrations } from '#migrations';
import { describeWithPostgres, testPglite, testPostgres } from '../../servers/index.js';

type Opened = { readonly db: Database; readonly stop: () => Promise<void> };

const id = (number: number): string => `00000000-0000-8000-8000-${String(number).padStart(12, '0')}`;

async function onPglite(): Promise<Opened> {
  const { pglite, stop } = await testPglite({ parsers: pgliteParsers });
  return { db: openPglite(pglite), stop };
}

async function listed(db: Database, sku: string): Promise<string[]> {
  const { data } = await new ReservationRepository(db).list({ sku }, { limit: 10, after: null });
  return data.map((reservation) => reservation.id);
}

describe('a ledger from before its lines were in the rows of their reservations', () => {
  let ledger: Opened;
  beforeAll(async () => {
    ledger = await onPglite();
    const { db } = ledger;
    const { error } = await new Migrator({
      db,
      provider: { getMigrations: async () => migrations },
    }).migrateTo('0011-payout-rows');
    expect(error).toBeUndefined();
    await new PartitionRepository(db).initialise(2);
    await sql`insert into skus (sku, partition, on_hand, held, committed, hold_ttl_seconds, version, created_at)
      values ('A', 0, 9, 3, 1, 60, 1, now()), ('B', 1, 9, 1, 0, 60, 1, now())`.execute(db);
    await sql`insert into reservations (id, status, buyer_id, partitions, created_at, expires_at)
      select id::uuid, status, 'buyer', partitions, to_timestamp(at), now()
      from (values (${id(1)}, 'held', '{0}'::integer[], 1), (${id(2)}, 'confirmed', '{0}', 2),
        (${id(3)}, 'pending', '{0,1}', 3), (${id(4)}, 'expired', '{0,1}', 4))
        as r(id, status, partitions, at)`.execute(db);
    await sql`insert into reservation_lines (reservation_id, sku, quantity, partition, state, created_at)
      select id::uuid, sku, quantity, partition, state, to_timestamp(at)
      from (values (${id(1)}, 'A', 3, 0, 'held', 1), (${id(2)}, 'A', 1, 0, 'committed', 2),
        (${id(3)}, 'B', 1, 1, 'held', 3), (${id(4)}, 'A', 1, 0, 'returned', 4), (${id(4)}, 'B', 2, 1, 'returned', 4))
        as l(id, sku, quantity, partition, state, at)`.execute(db);
    await sql`create table lines_before as select * from reservation_lines`.execute(db);
  });
  afterAll(() => ledger.stop());

  test('has the same lines, lists and levels, and goes on from there', async () => {
    const { db } = ledger;
    await migrate(db);
    const differ = await sql`(select * from reservation_lines except select * from lines_before)
      union all (select * from lines_before except select * from reservation_lines)`.execute(db);
    expect(differ.rows).toEqual([]);
    const audit = new AuditRepository(db);
    expect([...(await audit.levelsAgainstLines()), ...(await audit.endedThatHold())]).toEqual([]);
    expect(await listed(db, 'A')).toEqual([id(4), id(2), id(1)]);
    expect(await listed(db, 'B')).toEqual([id(4)]);
    const holds: PartitionRecord[] = [];
    await new PartitionRepository(db).begin(1, 0, async (_next, _from, records) => {
      for await (const chunk of records) holds.push(...chunk.filter(({ kind }) => kind === 'hold'));
      return ready;
    });
    expect(holds).toMatchObject([{ reservationId: id(3), lines: [{ sku: 'B', quantity: 1 }] }]);
    // An instance of before is kept away, as by a server that starts: it must take nothing for broken.
    const oldCall = sql`select ledger_commit(${sql.join(Array.from({ length: 40 }, () => sql`null`))})`;
    await expect(oldCall.execute(db)).rejects.toMatchObject({ code: '57P03' });
    // Nor does one begin an epoch, without the name of the memory that it begins in.
    const oldEpoch = sql`insert into repairs (partition, epoch, reason) values (1, 9, 'of before')`;
    await expect(oldEpoch.execute(db)).rejects.toThrow('"incarnation"');
  });
});

const ready = { sequence: 0, incarnation: 'a', reason: 'a test' };

const describeLists = (name: string, open: () => Promise<Opened>): void =>
  describe(`lists by SKU (${name})`, () => {
    let ledger: Opened;
    let writer: PostgresLedgerWriter;
    let epoch = 0;
    let sequence = 0;
    beforeAll(async () => {
      ledger = await open();
      await migrate(ledger.db);
      writer = new PostgresLedgerWriter(ledger.db);
      const partitions = new PartitionRepository(ledger.db);
      await partitions.initialise(2);
      ({ epoch } = (await partitions.begin(0, 0, async () => ready))!);
      const policy = { buyerLimit: null, holdTtlSeconds: 60, onHand: 9, version: 1 };
      await commit(
        ...['A', 'B', 'C'].map((sku) => Object.assign({ kind: 'sku-created', sku } as const, policy)),
      );
    });
    afterAll(() => ledger.stop());

    const entry = (decision: JournalDecision): JournalEntry => {
      sequence += 1;
      return { partition: 0, epoch, sequence, atMs: 1_700_000_000_000 + sequence, ...decision };
    };
    const commit = (...decisions: JournalDecision[]) =>
      writer.commit({ entries: decisions.map(entry), requires: [], receipts: [] });
    const cart = (of: number, skus: string[], partitions = [0]) => ({
      reservationId: id(of),
      buyerId: `buyer ${of}`,
      lines: skus.map((sku): JournalLine => ({ sku, quantity: 1, version: sequence + 2, buyerLimit: null })),
      partitions,
    });
    const held = (...of: Parameters<typeof cart>): JournalDecision => {
      const facts = { expiresAtMs: 1_700_000_060_000, metadata: null, revived: false };
      return { kind: 'held', ...cart(...of), ...facts };
    };
    const settled = (
      kind: 'released' | 'expired' | 'confirmed' | 'cancelled',
      decides: boolean,
      ...of: Parameters<typeof cart>
    ): JournalDecision => {
      const { partitions: _, ...facts } = cart(...of);
      return { kind, ...facts, decides, paymentId: null };
    };
    const released = (decides: boolean, ...of: Parameters<typeof cart>): JournalDecision =>
      settled('released', decides, ...of);
    const broken = async (): Promise<unknown[]> => {
      const audit = new AuditRepository(ledger.db);
      return [
        ...(await audit.levelsAgainstLines()),
        ...(await audit.endedThatHold()),
        ...(await audit.buyersBeyondLimit()),
        ...(await audit.partlyHeld()),
      ];
    };

    test('a cart is under each of its SKUs, once, newest first', async () => {
      await commit(held(1, ['A']), held(2, ['A', 'B']));
      expect([await listed(ledger.db, 'A'), await listed(ledger.db, 'B')]).toEqual([[id(2), id(1)], [id(2)]]);
      const reservations = new ReservationRepository(ledger.db);
      const first = await reservations.list({ sku: 'A' }, { limit: 1, after: null });
      expect(first.data[0]!.lines).toEqual([
        { sku: 'A', quantity: 1 },
        { sku: 'B', quantity: 1 },
      ]);
      const second = await reservations.list({ sku: 'A' }, { limit: 1, after: first.next });
      expect(second.data.map((reservation) => reservation.id)).toEqual([id(1)]);
      expect(await broken()).toEqual([]);
    });

    test('a part that was given back and is held again is listed once, and held once', async () => {
      await commit(held(3, ['C'], [1, 0]));
      // It is not decided, so nothing was made under its key: what refuses that is recorded.
      const refusal = { keyDigest: Buffer.alloc(32), fingerprint: Buffer.alloc(32), status: 409, body: '{}' };
      const answered = await new IdempotencyRepository(ledger.db).answer([{ ...refusal, id: id(3) }]);
      expect(answered).toMatchObject([{ kind: 'recorded' }]);
      await commit(released(false, 3, ['C'], [1, 0]), held(3, ['C'], [1, 0]));
      await commit(released(false, 3, ['C'], [1, 0]));
      await commit(held(3, ['C'], [0, 1]));
      expect(await listed(ledger.db, 'C')).toEqual([id(3)]);
      const line = { sku: 'C', quantity: 1, partition: 0, state: 'held' };
      const lines = sql`select * from reservation_lines where reservation_id = ${id(3)}`;
      expect((await lines.execute(ledger.db)).rows).toMatchObject([line]);
      await commit(released(true, 1, ['A']), released(true, 2, ['A', 'B']), released(true, 3, ['C']));
      expect((await lines.execute(ledger.db)).rows).toMatchObject([{ ...line, state: 'returned' }]);
      expect(await broken()).toEqual([]);
    });

    test('a reservation that the ledger has is not held anew', async () => {
      await expect(commit(held(1, ['A']))).rejects.toThrow('the ledger refuses');
      sequence -= 1;
      await expect(commit(held(2, ['A', 'B']))).rejects.toThrow('the ledger refuses');
      sequence -= 1;
      expect(await broken()).toEqual([]);
    });

    test('nothing is held of a SKU that the ledger does not have', async () => {
      for (const skus of [['Z'], ['A', 'Z']]) {
        await expect(commit(held(9, skus))).rejects.toThrow('levels that the ledger does not have');
        sequence -= 1;
      }
      expect(await broken()).toEqual([]);
    });

    test('what is not there is not taken back, though the store has forgotten that it is back', async () => {
      await commit(held(5, ['B']), held(6, ['B']), held(7, ['B']));
      await commit(settled('confirmed', true, 5, ['B']), settled('confirmed', true, 6, ['B']));
      await commit(settled('cancelled', false, 5, ['B']));
      for (const kind of ['cancelled', 'released', 'expired', 'confirmed'] as const) {
        await expect(commit(settled(kind, false, 5, ['B']))).rejects.toThrow('as it says');
        sequence -= 1;
      }
      const { rows } = await sql`select held, committed from skus where sku = 'B'`.execute(ledger.db);
      expect(rows).toEqual([{ held: 1, committed: 1 }]);
    });

    test('what is sold is not extended, paid for or held, whatever the store says', async () => {
      const [of, payment] = [{ reservationId: id(6) }, { paymentId: id(50), provider: 'test' }];
      const amount = { value: 1, currency: 'EUR' };
      const deadlineMs = 1_800_000_000_000;
      for (const decision of [
        { kind: 'extended', ...of, expiresAtMs: deadlineMs, decides: true },
        { kind: 'paying', ...of, ...payment, amount, deadlineMs },
        { kind: 'payment-failed', ...of, paymentId: id(50) },
        { kind: 'refund-due', ...of, paymentId: id(50) },
        { ...held(6, ['B']), revived: true } as JournalDecision,
      ] as const) {
        await expect(commit(decision)).rejects.toThrow('as it says');
        sequence -= 1;
      }
      const found = await new ReservationRepository(ledger.db).find(id(6));
      expect(found).toMatchObject({ status: 'confirmed', expiresAtMs: 1_700_000_060_000 });
    });

    test('no part is held again of a cart that has none here', async () => {
      await sql`update reservations set lines = array[row('D', 1, 1)::reservation_line], held_in = '{1}'
        where id = ${id(7)}`.execute(ledger.db);
      await expect(commit({ ...held(7, ['C'], [1, 0]), revived: true } as JournalDecision)).rejects.toThrow(
        'as it says',
      );
      sequence -= 1;
    });

    test('what is brought back of a cart says what of it lies here, and whether it is decided and paid for here', async () => {
      await commit(...[10, 11, 12].map((of) => held(of, ['C'], of === 12 ? [0, 1] : [1, 0])));
      // What the other partition has made of two of them.
      await sql`update reservations set status = 'paying', payment_id = id, payment_deadline = to_timestamp(1800000000),
        lines = lines || row('D', 2, 1)::reservation_line, held_in = '{0,1}'
        where id = any(${[id(11), id(12)]}::uuid[])`.execute(ledger.db);
      const restored: PartitionRecord[] = [];
      await new PartitionRepository(ledger.db).begin(0, epoch, async (_next, _from, records) => {
        for await (const chunk of records) restored.push(...chunk);
        return ready;
      });
      const holds = restored.filter((record) => record.kind === 'hold');
      const brought = [10, 11, 12].map((of) => holds.find(({ reservationId }) => reservationId === id(of)));
      const lines = [{ sku: 'C', quantity: 1 }];
      expect(brought).toMatchObject([
        { decided: false, lines, paying: null },
        { decided: true, lines, paying: null },
        { decided: true, lines, paying: { paymentId: id(12), deadlineMs: 1_800_000_000_000 } },
      ]);
    });
  });

describeLists('PGlite', onPglite);

describeWithPostgres('on a server', () => {
  describeLists('PostgreSQL', async () => {
    const database = await testPostgres();
    const db = openPostgres(database.url, () => undefined);
    const stop = async (): Promise<void> => {
      await db.destroy();
      await database.stop();
    };
    return { db, stop };
  });
});
