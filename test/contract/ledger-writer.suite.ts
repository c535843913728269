/**
 * What everybody does who takes the journal: the ledger on a PostgreSQL server, the one on PGlite, and the one in memory
 * that virtual time rehearses with.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { JournalEntry, JournalLine, Order, Reservation } from '#domain';
import { orderIdOf, type LedgerWriter } from '#ledger';

export type WriterUnderTest = {
  readonly writer: LedgerWriter;
  readonly reservations: {
    find(id: string): Promise<Reservation | undefined>;
    findOrder(id: string): Promise<Order | undefined>;
  };
  /** Of partition 0, which stands at its beginning. */
  readonly epoch: number;
  readonly stop: () => Promise<void>;
};

const id = (number: number): string => `00000000-0000-8000-8000-${String(number).padStart(12, '0')}`;
const atMs = 1_700_000_000_000;

export function describeLedgerWriter(name: string, open: () => Promise<WriterUnderTest>): void {
  describe(`whoever takes the journal (${name})`, () => {
    let taker: WriterUnderTest;
    let sequence = 0;

    beforeAll(async () => {
      taker = await open();
      const policy = { buyerLimit: null, holdTtlSeconds: 60 };
      const created = { kind: 'sku-created', sku: 'A', onHand: 100, version: 1, ...policy } as const;
      expect(await commit({ ...next(), ...created })).toEqual({ kind: 'committed', earlier: [] });
    });
    afterAll(() => taker.stop());

    const next = () => {
      sequence += 1;
      return { partition: 0, epoch: taker.epoch, sequence, atMs: atMs + sequence };
    };
    const lines = (): JournalLine[] => [{ sku: 'A', quantity: 1, version: sequence, buyerLimit: null }];
    const held = (number: number): JournalEntry => ({
      ...next(),
      kind: 'held',
      reservationId: id(number),
      buyerId: `buyer ${number}`,
      expiresAtMs: atMs + 60_000,
      lines: lines(),
      metadata: null,
      partitions: [0],
      revived: false,
    });
    const settled = (kind: 'released' | 'expired' | 'confirmed', number: number): JournalEntry => ({
      ...next(),
      kind,
      reservationId: id(number),
      buyerId: `buyer ${number}`,
      lines: lines(),
      decides: true,
      paymentId: null,
    });
    const commit = (...entries: JournalEntry[]) =>
      taker.writer.commit({ entries, requires: [], receipts: [] });
    const statusOf = async (number: number) => (await taker.reservations.find(id(number)))?.status;
    /** What was refused did not happen: the next entry takes its number. */
    const undo = (count: number): void => void (sequence -= count);

    test('shows what the entries come to', async () => {
      const taken = [held(1), held(2), held(3), held(4)];
      expect(await commit(...taken)).toEqual({ kind: 'committed', earlier: [] });
      expect(await taker.reservations.find(id(1))).toEqual({
        id: id(1),
        status: 'held',
        buyerId: 'buyer 1',
        lines: [{ sku: 'A', quantity: 1 }],
        createdAtMs: taken[0]!.atMs,
        expiresAtMs: atMs + 60_000,
        metadata: null,
        orderId: null,
        paying: null,
      });
      const expiresAtMs = atMs + 90_000;
      await commit({ ...next(), kind: 'extended', reservationId: id(4), expiresAtMs, decides: true });
      expect(await taker.reservations.find(id(4))).toMatchObject({ status: 'held', expiresAtMs });
      const confirmed = settled('confirmed', 1);
      await commit(confirmed, settled('released', 2), settled('expired', 3));
      expect([await statusOf(1), await statusOf(2), await statusOf(3)]).toEqual([
        'confirmed',
        'released',
        'expired',
      ]);
      expect(await taker.reservations.findOrder(orderIdOf(id(1)))).toEqual({
        id: orderIdOf(id(1)),
        reservationId: id(1),
        buyerId: 'buyer 1',
        lines: [{ sku: 'A', quantity: 1 }],
        status: 'confirmed',
        createdAtMs: confirmed.atMs,
      });
    });

    test('takes an entry once, however often it comes', async () => {
      const [first, second, third] = [held(10), settled('released', 10), held(11)];
      await commit(first);
      await commit(first, second);
      expect(await commit(first, second, third)).toEqual({ kind: 'committed', earlier: [] });
      expect([await statusOf(10), await statusOf(11)]).toEqual(['released', 'held']);
    });

    test('takes an entry once, of however many who bring it at once', async () => {
      for (let number = 100; number < 115; number += 1) {
        const [first, second] = [held(number), settled('released', number)];
        const batches = [[first], [first, second], [first, second], [first, second]];
        const results = await Promise.all(batches.map((batch) => commit(...batch)));
        expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['committed']));
        expect(await statusOf(number)).toBe('released');
      }
    });

    test('says what is missing before an entry, and takes nothing of the batch', async () => {
      const [first, missing, last] = [held(20), held(21), held(22)];
      const gap = { kind: 'gap', partition: 0, epoch: taker.epoch };
      expect(await commit(missing)).toEqual({ ...gap, after: first.sequence - 1 });
      expect(await commit(first, last)).toEqual({ ...gap, after: first.sequence });
      expect([await statusOf(20), await statusOf(21), await statusOf(22)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect((await commit(first, missing, last)).kind).toBe('committed');
      expect(await statusOf(22)).toBe('held');
    });

    test('other entries under known numbers are a store that went back in time', async () => {
      const known = held(30);
      await commit(known);
      const after = held(31);
      for (const other of [
        { ...known, reservationId: id(99) },
        { ...known, atMs: 5 },
      ])
        expect(await commit(other as JournalEntry, after)).toEqual({ kind: 'clash', partition: 0 });
      undo(1);
      expect([await statusOf(99), await statusOf(31)]).toEqual([undefined, undefined]);
    });

    test('another epoch writes nothing', async () => {
      const late = { ...held(40), epoch: taker.epoch - 1 };
      expect(await commit(late)).toEqual({ kind: 'fenced', partition: 0, epoch: taker.epoch });
      undo(1);
      expect(await statusOf(40)).toBeUndefined();
    });

    test('what rests on another epoch is not acknowledged with what belongs to this one', async () => {
      const [entry, { partition, epoch, sequence: last }] = [held(45), held(46)];
      const [ours, over] = [epoch, epoch - 1].map((of) => ({ partition, epoch: of, sequence: last - 1 }));
      for (const requires of [[over!], [ours!, over!], [over!, ours!]]) {
        const result = await taker.writer.commit({ entries: [entry], requires, receipts: [] });
        expect(result).toEqual({ kind: 'fenced', partition, epoch });
      }
      undo(2);
      expect(await statusOf(45)).toBeUndefined();
    });

    test('what an answer rests on is there, or the answer waits', async () => {
      const entry = held(50);
      const resting = (...on: number[]) =>
        taker.writer.commit({
          entries: [entry],
          requires: on.map((of) => ({ partition: 0, epoch: taker.epoch, sequence: of })),
          receipts: [],
        });
      for (const on of [[1], [1, 0], [0, 1]]) {
        const result = await resting(...on.map((further) => entry.sequence + further));
        expect(result).toMatchObject({ kind: 'gap', after: entry.sequence });
      }
      expect(await statusOf(50)).toBeUndefined();
      expect((await resting(entry.sequence)).kind).toBe('committed');
      expect(await statusOf(50)).toBe('held');
    });
  });
}
