/** What every ledger does, on a PostgreSQL server and on PGlite alike. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { InvariantError, type JournalEntry, type JournalLine, type PartitionRecord } from '#domain';
import {
  AuditRepository,
  IdempotencyRepository,
  PartitionRepository,
  PostgresLedgerWriter,
  ReservationRepository,
  sql,
  StockRepository,
  type Database,
} from '#ledger';
import { sha256 } from '../fixtures/holdfast.js';

export type LedgerUnderTest = { readonly db: Database; readonly stop: () => Promise<void> };

const id = (number: number): string => `00000000-0000-8000-8000-${String(number).padStart(12, '0')}`;
const atMs = 1_700_000_000_000;

export function describeLedger(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`the ledger (${name})`, () => {
    let ledger: LedgerUnderTest;
    let writer: PostgresLedgerWriter;
    let partitions: PartitionRepository;
    let stock: StockRepository;
    let reservations: ReservationRepository;
    let epoch = 0;
    let sequence = 0;

    beforeAll(async () => {
      ledger = await open();
      const { db } = ledger;
      writer = new PostgresLedgerWriter(db);
      partitions = new PartitionRepository(db);
      stock = new StockRepository(db);
      reservations = new ReservationRepository(db);
      expect(await partitions.initialise(2)).toBe(2);
      await nextEpoch();
    });
    afterAll(() => ledger.stop());

    async function nextEpoch(): Promise<PartitionRecord[]> {
      const restored: PartitionRecord[] = [];
      const begun = await partitions.begin(0, epoch, async (_next, _from, records) => {
        for await (const chunk of records) restored.push(...chunk);
        return { sequence: 0, incarnation: `memory ${epoch + 1}`, reason: 'a test' };
      });
      ({ epoch, sequence } = begun!);
      return restored;
    }

    type Decision = JournalEntry extends infer Entry
      ? Entry extends JournalEntry
        ? Omit<Entry, 'partition' | 'epoch' | 'sequence' | 'atMs'>
        : never
      : never;
    const entry = (decision: Decision): JournalEntry => ({
      partition: 0,
      epoch,
      sequence: (sequence += 1),
      atMs: atMs + sequence,
      ...decision,
    });
    const created = (sku: string, onHand: number): JournalEntry =>
      entry({ kind: 'sku-created', sku, onHand, buyerLimit: null, holdTtlSeconds: 60, version: 1 });
    const line = (
      sku: string,
      quantity: number,
      version: number,
      buyerLimit: number | null = null,
    ): JournalLine => ({
      sku,
      quantity,
      version,
      buyerLimit,
    });
    const held = (number: number, lines: JournalLine[], buyerId = `buyer ${number}`): JournalEntry =>
      entry({
        kind: 'held',
        reservationId: id(number),
        buyerId,
        expiresAtMs: atMs + 60_000,
        lines,
        metadata: '{"a":1}',
        partitions: [0],
        revived: false,
      });
    const settled = (
      kind: 'released' | 'expired' | 'confirmed',
      number: number,
      lines: JournalLine[],
    ): JournalEntry =>
      entry({
        kind,
        reservationId: id(number),
        buyerId: `buyer ${number}`,
        lines,
        decides: true,
        paymentId: null,
      });
    const commit = (...entries: JournalEntry[]) => writer.commit({ entries, requires: [], receipts: [] });
    /** What was refused did not happen: the next entry takes its number. */
    const undo = (count: number): void => void (sequence -= count);

    test('takes entries in order, and shows what they come to', async () => {
      expect(await commit(created('A', 10), held(1, [line('A', 2, 2)]))).toMatchObject({ kind: 'committed' });
      expect(await stock.find('A')).toMatchObject({ onHand: 10, held: 2, committed: 0, version: 2 });
      expect(await reservations.find(id(1))).toMatchObject({ status: 'held', metadata: '{"a":1}' });
      expect(await commit(settled('confirmed', 1, [line('A', 2, 3)]))).toMatchObject({ kind: 'committed' });
      expect(await stock.find('A')).toMatchObject({ held: 0, committed: 2, version: 3 });
      expect((await reservations.listOrders({}, { limit: 1, after: null })).data).toMatchObject([
        { reservationId: id(1), status: 'confirmed' },
      ]);
    });

    test('takes an entry once, however often it comes', async () => {
      const first = held(2, [line('A', 1, 4)]);
      await commit(first);
      const second = held(3, [line('A', 1, 5)]);
      expect(await commit(first, second)).toMatchObject({ kind: 'committed' });
      expect(await commit(first, second)).toMatchObject({ kind: 'committed' });
      expect(await stock.find('A')).toMatchObject({ held: 2 });
    });

    test('says what is missing before an entry, and takes nothing', async () => {
      const missing = settled('released', 3, [line('A', 1, 6)]);
      const early = settled('released', 2, [line('A', 1, 7)]);
      expect(await commit(early)).toMatchObject({ kind: 'gap', after: missing.sequence - 1 });
      expect(await stock.find('A')).toMatchObject({ held: 2 });
      expect(await commit(missing, early)).toMatchObject({ kind: 'committed' });
      expect(await stock.find('A')).toMatchObject({ held: 0 });
    });

    test('other entries under known numbers are a store that went back in time', async () => {
      const known = held(4, [line('A', 1, 8)]);
      await commit(known);
      expect(await commit({ ...known, reservationId: id(99) } as JournalEntry)).toEqual({
        kind: 'clash',
        partition: 0,
      });
      expect(await commit({ ...known, atMs: 5 })).toEqual({ kind: 'clash', partition: 0 });
    });

    test('an epoch that is over writes nothing', async () => {
      const late = { ...held(5, [line('A', 1, 9)]), epoch: epoch - 1 };
      expect(await commit(late)).toEqual({ kind: 'fenced', partition: 0, epoch });
      undo(1);
      expect(await reservations.find(id(5))).toBeUndefined();
    });

    test('refuses what would break I1 or I4, though the journal says so', async () => {
      await expect(commit(held(6, [line('A', 9, 9)]))).rejects.toThrow(InvariantError);
      undo(1);
      await expect(commit(held(7, [line('A', 2, 9, 1)]))).rejects.toThrow(InvariantError);
      undo(1);
      expect(await stock.find('A')).toMatchObject({ held: 1, version: 8 });
    });

    test('records an answer with the entries it rests on, or neither', async () => {
      const keys = new IdempotencyRepository(ledger.db);
      const request = { keyDigest: sha256('k'), fingerprint: sha256('f') };
      expect(await keys.claim([request])).toEqual([{ kind: 'claimed', repeated: false }]);
      expect(await keys.claim([request])).toEqual([{ kind: 'in-progress' }]);
      const receipts = [{ ...request, status: 201, body: `{"id":"${id(8)}"}` }];
      // Of another request under the key, whether it is answered yet or not.
      const foreign = [{ ...receipts[0]!, fingerprint: sha256('other') }];
      const commitForeign = () => writer.commit({ entries: [], requires: [], receipts: foreign });
      expect(await commitForeign()).toMatchObject({ earlier: [{ answer: null }] });
      await keys.abandon(request, false);
      expect(await keys.claim(foreign)).toEqual([{ kind: 'reused' }]);
      expect(await keys.claim([request])).toEqual([{ kind: 'claimed', repeated: true }]);
      const taken = held(8, [line('A', 1, 9)]);
      const early = { ...taken, sequence: taken.sequence + 1 };
      expect((await writer.commit({ entries: [early], requires: [], receipts })).kind).toBe('gap');
      expect(await keys.claim([request])).toEqual([{ kind: 'in-progress' }]);
      expect(await writer.commit({ entries: [taken], requires: [taken], receipts })).toEqual({
        kind: 'committed',
        earlier: [],
      });
      const answered = { kind: 'answered', status: 201, body: receipts[0]!.body };
      expect(await keys.claim([request])).toEqual([answered]);
      // Another attempt comes to the same: what it says had been said before.
      expect(await writer.commit({ entries: [taken], requires: [taken], receipts })).toEqual({
        kind: 'committed',
        earlier: [{ receipt: receipts[0], answer: { status: 201, body: receipts[0]!.body } }],
      });
      // A slow first attempt that comes after its claim was taken over changes nothing, and hears of it.
      const late = [{ ...receipts[0]!, status: 409, body: '{}' }];
      expect(await writer.commit({ entries: [], requires: [], receipts: late })).toMatchObject({
        earlier: [{ receipt: late[0], answer: { status: 201, body: answered.body } }],
      });
      expect(await commitForeign()).toMatchObject({ earlier: [{ answer: null }] });
      expect(await keys.claim([request])).toEqual([answered]);
      expect(await keys.claim(foreign)).toEqual([{ kind: 'reused' }]);
    });

    test('records refusals without work, and what a key had before counts', async () => {
      const keys = new IdempotencyRepository(ledger.db);
      const request = (name: string, body: string) => ({
        keyDigest: sha256(name),
        fingerprint: sha256(`${name} body`),
        id: id(900),
        status: 409,
        body: JSON.stringify({ body, quoted: '"\\' }),
      });
      const [first, second, third] = [request('r1', 'a'), request('r2', 'b'), request('r3', 'a')];
      const { keyDigest, fingerprint } = request('claimed', 'c');
      await keys.claim([{ keyDigest, fingerprint }]);
      expect(await keys.answer([first, second])).toEqual([
        { kind: 'recorded', status: 409, body: first.body },
        { kind: 'recorded', status: 409, body: second.body },
      ]);
      const again = [
        third,
        { ...first, body: '{}' },
        { ...second, fingerprint: sha256('other') },
        request('claimed', 'c'),
      ];
      expect(await keys.answer(again)).toEqual([
        { kind: 'recorded', status: 409, body: third.body },
        { kind: 'answered', status: 409, body: first.body },
        { kind: 'reused' },
        null,
      ]);
      const look = (asked: { keyDigest: Buffer; fingerprint: Buffer }, of: number) => ({
        ...asked,
        id: id(of),
      });
      const looks = [
        look(request('new', 'n'), 900),
        look(first, 901),
        look({ ...second, fingerprint: sha256('other') }, 902),
        look({ keyDigest, fingerprint }, 903),
        look(request('unanswered', 'u'), 8),
      ];
      expect(await keys.look(looks)).toEqual([
        { kind: 'free', repeated: false },
        { kind: 'answered', status: 409, body: first.body },
        { kind: 'reused' },
        { kind: 'free', repeated: true },
        { kind: 'free', repeated: true },
      ]);
      await ledger.db.deleteFrom('idempotency_keys').where('status', 'is distinct from', 201).execute();
    });

    test('a receipt waits for the position it rests on', async () => {
      const ahead = { partition: 0, epoch, sequence: sequence + 5 };
      const result = await writer.commit({ entries: [], requires: [ahead], receipts: [] });
      expect(result).toMatchObject({ kind: 'gap', after: sequence });
    });

    test('a part that is given back and held again in one batch is held', async () => {
      const part = (kind: 'held' | 'released'): JournalEntry => {
        const cart = { reservationId: id(30), buyerId: 'buyer 30', lines: [line('P', 1, 2)] };
        return kind === 'held'
          ? entry({
              kind,
              ...cart,
              expiresAtMs: atMs + 60_000,
              revived: false,
              metadata: null,
              partitions: [1, 0],
            })
          : entry({ kind, ...cart, decides: false, paymentId: null });
      };
      await commit(created('P', 5), part('held'));
      await commit(part('released'), part('held'));
      expect(await stock.find('P')).toMatchObject({ held: 1 });
      expect(await new AuditRepository(ledger.db).levelsAgainstLines()).toEqual([]);
      await commit(part('released'));
    });

    test('knows an adjustment by its operation', async () => {
      const operationId = 'operation 1';
      await commit(entry({ kind: 'adjusted', sku: 'P', version: 6, delta: 2, operationId, reason: 'count' }));
      expect(await stock.adjustment(operationId)).toEqual({ sku: 'P', delta: 2, reason: 'count' });
      expect(await stock.adjustment('operation 2')).toBeUndefined();
    });

    test('says which entry it took last', async () => {
      const last = settled('released', 30, []);
      expect(await partitions.lastTaken(0)).toEqual({
        position: { partition: 0, epoch, sequence: sequence - 1 },
        entry: { kind: 'adjusted', atMs: last.atMs - 1, reservationId: null },
      });
      undo(1);
    });

    test('never changes an entry', async () => {
      await expect(sql`update ledger_entries set kind = 'x'`.execute(ledger.db)).rejects.toThrow(
        'never changed',
      );
      await expect(sql`delete from ledger_entries`.execute(ledger.db)).rejects.toThrow('never changed');
    });

    test('brings back under the next epoch what is there: levels, holds, what buyers have', async () => {
      const before = epoch;
      const restored = await nextEpoch();
      expect(epoch).toBe(before + 1);
      expect(restored).toContainEqual({ kind: 'level', level: (await stock.find('A'))! });
      const holds = restored.filter(({ kind }) => kind === 'hold');
      expect(holds.map((hold) => 'reservationId' in hold && hold.reservationId)).toEqual([id(4), id(8)]);
      expect(restored).toContainEqual({
        kind: 'buyer',
        sku: 'A',
        buyerId: 'buyer 8',
        reservationId: id(8),
        held: 1,
        committed: 0,
      });
      expect(restored).toContainEqual(
        expect.objectContaining({ kind: 'buyer', buyerId: 'buyer 1', committed: 2 }),
      );
      // Somebody who believes in the old epoch still is not the one to rebuild.
      const late = partitions.begin(0, before, () => Promise.reject(new Error('not ours')));
      expect(await late).toBeNull();
      expect(await commit(settled('released', 4, [line('A', 1, 10)]))).toMatchObject({ kind: 'committed' });
    });

    test('a rebuild that fails has not begun', async () => {
      await expect(
        partitions.begin(0, epoch, () => Promise.reject(new Error('Redis died'))),
      ).rejects.toThrow();
      const [position] = await partitions.positions();
      expect(position).toMatchObject({ partition: 0, epoch, sequence, incarnation: `memory ${epoch}` });
    });

    test('an epoch that the stock store is kept in goes on with its numbers, and the old one writes nothing', async () => {
      const begun = await partitions.begin(0, epoch, async (_next, { position, entry: last }) => {
        expect(position).toEqual({ partition: 0, epoch, sequence });
        expect(last).toMatchObject({ kind: 'released' });
        return { sequence: position.sequence, incarnation: 'another', reason: 'a test' };
      });
      expect(begun).toEqual({ partition: 0, epoch: epoch + 1, sequence, incarnation: 'another' });
      expect(await partitions.lastTaken(0)).toMatchObject({ position: { sequence }, entry: null });
      const late = entry({
        kind: 'adjusted',
        sku: 'P',
        version: 7,
        delta: 1,
        operationId: 'late',
        reason: '',
      });
      expect(await commit(late)).toMatchObject({ kind: 'fenced', epoch: epoch + 1 });
      ({ epoch } = begun!);
      await commit({ ...late, epoch });
      expect(await new AuditRepository(ledger.db).journalGaps()).toEqual([]);
    });

    test('the audit sees each kind of damage', async () => {
      const audit = new AuditRepository(ledger.db);
      const held = (of: number, partitions: string): string =>
        `update reservations set held_in = '${partitions}' where id = '${id(of)}'`;
      const answer = (of: number): string => `update idempotency_keys set body = '{"id":"${id(of)}"}'`;
      // The question, the damage, the repair.
      const damages = [
        ['levelsAgainstLines', 'update skus set held = held + 1', 'update skus set held = held - 1'],
        [
          'levelsAgainstEntries',
          'update skus set on_hand = on_hand + 1',
          'update skus set on_hand = on_hand - 1',
        ],
        ['acknowledgedWithoutEntry', answer(77), answer(8)],
        ['endedThatHold', held(2, '{0}'), held(2, '{}')],
        [
          'buyersBeyondLimit',
          'update buyer_units set committed = committed + 1',
          'update buyer_units set committed = committed - 1',
        ],
        ['partlyHeld', held(8, '{}'), held(8, '{0}')],
        [
          'expiredEarly',
          `update reservations set status = 'expired' where id = '${id(8)}'`,
          `update reservations set status = 'held' where id = '${id(8)}'`,
        ],
        [
          'acknowledgedTwice',
          `insert into idempotency_keys select sha256('x'), fingerprint, claimed_at, status, body from idempotency_keys`,
          `delete from idempotency_keys where digest = sha256('x')`,
        ],
        [
          'journalGaps',
          'update partitions set sequence = sequence + 1 where partition = 0',
          'update partitions set sequence = sequence - 1 where partition = 0',
        ],
      ] as const;
      const early = entry({
        kind: 'expired',
        reservationId: id(8),
        buyerId: 'buyer 8',
        lines: [],
        decides: false,
        paymentId: null,
      });
      await commit(early);
      for (const [question, damage, repair] of damages) {
        expect([question, await audit[question]()]).toEqual([question, []]);
        await sql.raw(damage).execute(ledger.db);
        expect([question, (await audit[question]()).length > 0]).toEqual([question, true]);
        await sql.raw(repair).execute(ledger.db);
      }
    });
  });
}
