/** What every stock store does when an epoch ends: filled from the ledger, or kept as it is, and admitted. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { UnavailableError, type PartitionRecord, type StockLevel } from '#domain';
import type { HoldCommand, HoldDecision, StockStore } from '#stock';
import { begin, command, records, type StoreUnderTest } from './stock-store.js';

const at = { partition: 0, epoch: 1 };
const levelOf = (sku: string, onHand: number): StockLevel => ({
  sku,
  onHand,
  held: 0,
  committed: 0,
  buyerLimit: null,
  holdTtlSeconds: 60,
  version: 1,
});

export function describeStockEpochs(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`epochs of the stock store (${name})`, () => {
    let store: StockStore;

    const reserve = async (...commands: HoldCommand[]): Promise<readonly HoldDecision[]> =>
      (await store.reserve(at, commands)).decisions;

    beforeEach(async () => {
      ({ store } = await open());
      await begin(store, at);
      await store.put(at, [{ sku: 'A', onHand: 5, buyerLimit: undefined, holdTtlSeconds: undefined }]);
    });

    test('decides nothing without an epoch or in another one', async () => {
      const refused = expect.objectContaining({ code: 'stock-not-ready', outcomeUnknown: false });
      await expect(store.reserve({ partition: 0, epoch: 2 }, [command('r1')])).rejects.toEqual(refused);
      await expect(store.reserve({ partition: 7, epoch: 1 }, [command('r1')])).rejects.toThrow(
        UnavailableError,
      );
      expect(await store.state(7)).toMatchObject({ epoch: 0 });
    });

    test('is restored under a later epoch, and the earlier one is over', async () => {
      const next = { partition: 0, epoch: 2 };
      const nowMs = (await store.state(0)).nowMs;
      const restored = {
        sku: 'A',
        onHand: 5,
        held: 2,
        committed: 1,
        buyerLimit: 4,
        holdTtlSeconds: 60,
        version: 40,
      };
      await begin(
        store,
        next,
        { kind: 'level', level: restored },
        {
          kind: 'hold',
          reservationId: 'r1',
          buyerId: 'me too',
          createdAtMs: nowMs,
          expiresAtMs: nowMs + 60_000,
          partitions: [0],
          lines: [{ sku: 'A', quantity: 2 }],
          decided: true,
          paying: null,
        },
        { kind: 'buyer', sku: 'A', buyerId: 'me too', reservationId: 'r1', held: 2, committed: 1 },
      );
      await expect(store.reserve(at, [command('r2')])).rejects.toThrow(UnavailableError);
      await expect(store.restore({ ...at, attempt: 2 }, records())).rejects.toThrow(UnavailableError);
      const { decisions, entries } = await store.release(next, [{ reservationId: 'r1' }]);
      expect(decisions).toEqual([{ kind: 'released', sequence: 1 }]);
      expect(entries).toMatchObject([{ epoch: 2, sequence: 1, buyerId: 'me too' }]);
      expect((await store.levels(next, ['A'])).levels).toEqual([{ ...restored, held: 0, version: 41 }]);
    });

    test('keeps a part that was not decided for as long as one that is held now; an attempt may be about to decide', async () => {
      const { nowMs } = await store.state(0);
      const part = (reservationId: string, decided: boolean): PartitionRecord => ({
        kind: 'hold',
        reservationId,
        buyerId: reservationId,
        createdAtMs: nowMs - 2_000,
        expiresAtMs: nowMs - 1_000,
        partitions: [3, 0],
        lines: [{ sku: 'A', quantity: 1 }],
        decided,
        paying: null,
      });
      const next = { partition: 0, epoch: 2 };
      await begin(store, next, part('lapsed', true), part('undecided', false));
      expect((await store.expire(next, 10)).parts).toEqual(['lapsed']);
      const [orphan] = (await store.release(next, [{ reservationId: 'undecided', what: 'orphan' }]))
        .decisions;
      expect(orphan).toEqual({ kind: 'unknown' });
    });

    test('decides nothing between the filling and the admission, and admits no other attempt', async () => {
      const next = { partition: 0, epoch: 2, attempt: 7 };
      const incarnation = await store.restore(next, records());
      expect(await store.state(0)).toMatchObject({ epoch: 0, restored: 2, incarnation });
      await expect(store.reserve(next, [command('r2')])).rejects.toThrow(UnavailableError);
      await expect(store.admit(0, { epoch: 2, incarnation: 'another' })).rejects.toThrow(UnavailableError);
      await expect(store.admit(0, { epoch: 3, incarnation })).rejects.toThrow(UnavailableError);
      await store.admit(0, { epoch: 2, incarnation });
      expect(await store.state(0)).toMatchObject({
        epoch: 2,
        sequence: 0,
        restored: 0,
        incarnation,
        filled: 2,
      });
      await store.put(next, [{ sku: 'B', onHand: 1, buyerLimit: null, holdTtlSeconds: 60 }]);
      await store.admit(0, { epoch: 2, incarnation });
      expect(await store.state(0)).toMatchObject({ sequence: 1 });
    });

    test('an attempt that another one has overtaken changes nothing any more', async () => {
      const slow = { partition: 0, epoch: 2, attempt: 7 };
      const fast = { ...slow, attempt: 8 };
      const level = { kind: 'level', level: levelOf('A', 5) } as const;
      let incarnation = '';
      async function* overtaken(rest: PartitionRecord[]): AsyncGenerator<PartitionRecord[]> {
        yield [level];
        incarnation = await store.restore(fast, records(level));
        yield* rest.length > 0 ? [rest] : [];
      }
      // Right after it was overtaken, at its next records and at its end.
      for (const rest of [[], [{ kind: 'level', level: levelOf('B', 1) } as const]])
        await expect(store.restore(slow, overtaken(rest))).rejects.toThrow(UnavailableError);
      await store.admit(0, { epoch: 2, incarnation });
      expect((await store.levels(fast, ['A', 'B'])).levels).toEqual([levelOf('A', 5)]);
    });

    test('is never emptied for an earlier epoch: while it is filled, when it is ready, and once it is open', async () => {
      const next = { partition: 0, epoch: 3, attempt: 1 };
      const refused = async (): Promise<void> => {
        const late = store.restore({ ...next, epoch: 2 }, records());
        await expect(late).rejects.toThrow(UnavailableError);
      };
      async function* filling(): AsyncGenerator<PartitionRecord[]> {
        await refused();
        yield [{ kind: 'level', level: levelOf('A', 7) }];
      }
      const incarnation = await store.restore(next, filling());
      await refused();
      await store.admit(0, { epoch: 3, incarnation });
      await refused();
      expect((await store.levels(next, ['A'])).levels).toEqual([levelOf('A', 7)]);
    });

    test('is kept as it is in the next epoch, where its sequence goes on, and the earlier one is over', async () => {
      await reserve(command('r1'), command('r2'));
      await store.release(at, [{ reservationId: 'r2' }]);
      const from = { ...at, sequence: 4 };
      const next = { partition: 0, epoch: 2, attempt: 7 };
      // Where the ledger is not, or in an epoch that it is not in, nothing is changed.
      await expect(store.keep(next, { ...from, sequence: 3 })).rejects.toThrow(UnavailableError);
      await expect(store.keep(next, { ...from, epoch: 3 })).rejects.toThrow(UnavailableError);
      expect(await store.state(0)).toMatchObject({ epoch: 1, sequence: 4, restored: 0 });

      const incarnation = await store.keep(next, from);
      expect(await store.state(0)).toMatchObject({ epoch: 0, restored: 2, incarnation });
      await expect(store.reserve(at, [command('r3')])).rejects.toThrow(UnavailableError);
      await expect(store.reserve(next, [command('r3')])).rejects.toThrow(UnavailableError);
      await expect(store.keep({ ...next, attempt: 8 }, from)).rejects.toThrow(UnavailableError);

      await store.admit(0, { epoch: 2, incarnation });
      expect(await store.state(0)).toMatchObject({ epoch: 2, sequence: 4, holds: 1, incarnation, filled: 1 });
      await expect(store.reserve(at, [command('r3')])).rejects.toThrow(UnavailableError);
      const { decisions, entries } = await store.reserve(next, [command('r1'), command('r2'), command('r3')]);
      expect(decisions).toMatchObject([
        { kind: 'held', sequence: 2, again: true },
        { kind: 'ended', outcome: 'released', sequence: 4 },
        { kind: 'held', sequence: 5, again: false },
      ]);
      expect(entries).toMatchObject([{ epoch: 2, sequence: 5, reservationId: 'r3' }]);
      expect(await store.readJournal(next, 4, 10)).toEqual(entries);
      expect(await store.readJournal(next, 3, 1)).toEqual(entries);
    });
  });
}
