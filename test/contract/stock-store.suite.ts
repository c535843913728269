/** What every stock store does, the model in memory and the functions in Redis alike. */
import { describe, expect, test, beforeEach } from '@jest/globals';
import { InvariantError } from '#domain';
import type { HoldCommand, HoldDecision, StockStore } from '#stock';
import { begin, command, type StoreUnderTest } from './stock-store.js';

const at = { partition: 0, epoch: 1 };

export function describeStockStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`the stock store (${name})`, () => {
    let store: StockStore;
    let elapse: StoreUnderTest['elapse'];

    const put = (sku: string, onHand: number, buyerLimit?: number | null, holdTtlSeconds?: number) =>
      store.put(at, [{ sku, onHand, buyerLimit, holdTtlSeconds }]);
    const reserve = async (...commands: HoldCommand[]): Promise<readonly HoldDecision[]> =>
      (await store.reserve(at, commands)).decisions;
    const level = async (sku = 'A') => (await store.levels(at, [sku])).levels[0];

    beforeEach(async () => {
      ({ store, elapse } = await open());
      await begin(store, at);
      await put('A', 5);
    });

    test('holds units until a deadline by its own clock, and journals it', async () => {
      const { decisions, entries, nowMs } = await store.reserve(at, [
        command('r1', {
          ttlSeconds: 60,
          metadata: '{"note":"é, \\"quoted\\""}',
          buyerId: 'Zoë the 1st\nof her name',
        }),
      ]);
      expect(decisions).toEqual([
        { kind: 'held', sequence: 2, createdAtMs: nowMs, expiresAtMs: nowMs + 60_000, again: false },
      ]);
      expect(entries).toEqual([
        {
          partition: 0,
          epoch: 1,
          sequence: 2,
          atMs: nowMs,
          kind: 'held',
          reservationId: 'r1',
          buyerId: 'Zoë the 1st\nof her name',
          expiresAtMs: nowMs + 60_000,
          lines: [{ sku: 'A', quantity: 1, version: 2, buyerLimit: null }],
          metadata: '{"note":"é, \\"quoted\\""}',
          partitions: [0],
          revived: false,
        },
      ]);
      expect(await level()).toMatchObject({ onHand: 5, held: 1, committed: 0, version: 2 });
    });

    test('says by which reservation a buyer holds a SKU', async () => {
      const buyer = { sku: 'A', buyerId: 'Zoë the 1st\nof her name' };
      const holdings = () => store.holdings(at.partition, [buyer, { sku: 'B', buyerId: 'nobody' }]);
      expect(await holdings()).toEqual([null, null]);
      await reserve(command('r1', { buyerId: buyer.buyerId }));
      expect(await holdings()).toEqual(['r1', null]);
      await store.confirm(at, [{ reservationId: 'r1', paymentId: null }]);
      expect(await holdings()).toEqual([null, null]);
    });

    test('refuses the 6th unit of 5, in one batch and over many', async () => {
      const batch = Array.from({ length: 8 }, (_, index) => command(`r${index}`));
      const kinds = (await reserve(...batch)).map((decision) => decision.kind);
      expect(kinds).toEqual([...Array(5).fill('held'), ...Array(3).fill('sold-out')]);
      expect((await reserve(command('r9')))[0]).toEqual({ kind: 'sold-out', sku: 'A', available: 0 });
    });

    test('answers the same id with the same decision, and holds once', async () => {
      const [first] = await reserve(command('r1'));
      const again = { ...first, again: true };
      expect(await reserve(command('r1'), command('r1'))).toEqual([again, again]);
      expect(await level()).toMatchObject({ held: 1, version: 2 });
    });

    test('holds a cart whole or not at all', async () => {
      await put('B', 1);
      const lines = [
        { sku: 'A', quantity: 2 },
        { sku: 'B', quantity: 2 },
      ];
      expect(await reserve(command('r1', { lines }))).toEqual([
        { kind: 'insufficient-stock', sku: 'B', available: 1 },
      ]);
      expect(await level('A')).toMatchObject({ held: 0, version: 1 });
    });

    test('refuses in the order of the contract', async () => {
      await put('L', 1, 1);
      await put('E', 0);
      const mine = { buyerId: 'me' };
      const [held] = await reserve(command('r1', { ...mine, lines: [{ sku: 'L', quantity: 1 }] }));
      expect(held!.kind).toBe('held');
      const both = (first: string, second: string) => [
        { sku: first, quantity: 1 },
        { sku: second, quantity: 9 },
      ];
      const refusals = await reserve(
        command('r2', { ...mine, lines: both('E', 'missing') }),
        command('r3', { ...mine, lines: both('E', 'L') }),
        command('r4', { lines: both('E', 'L') }),
        command('r5', { lines: both('A', 'E') }),
        command('r6', { lines: [{ sku: 'A', quantity: 9 }] }),
      );
      expect(refusals).toEqual([
        { kind: 'unknown-sku', sku: 'missing' },
        { kind: 'duplicate-reservation', sku: 'L', reservationId: 'r1' },
        { kind: 'buyer-limit-exceeded', sku: 'L', buyerLimit: 1 },
        { kind: 'sold-out', sku: 'E', available: 0 },
        { kind: 'insufficient-stock', sku: 'A', available: 5 },
      ]);
    });

    test('counts what a buyer has bought against the limit', async () => {
      await put('L', 9, 3);
      const mine = (id: string, quantity: number) =>
        command(id, { buyerId: 'me', lines: [{ sku: 'L', quantity }] });
      await reserve(mine('r1', 2));
      await store.confirm(at, [{ reservationId: 'r1', paymentId: null }]);
      expect((await reserve(mine('r2', 2)))[0]).toMatchObject({ kind: 'buyer-limit-exceeded' });
      expect((await reserve(mine('r3', 1)))[0]).toMatchObject({ kind: 'held' });
    });

    test('releases once, and says so again', async () => {
      await reserve(command('r1'));
      const release = async () => (await store.release(at, [{ reservationId: 'r1' }])).decisions[0];
      expect(await release()).toEqual({ kind: 'released', sequence: 3 });
      expect(await release()).toEqual({ kind: 'ended', outcome: 'released', sequence: 3 });
      expect(await level()).toMatchObject({ held: 0, committed: 0, version: 3 });
      expect((await store.release(at, [{ reservationId: 'nobody' }])).decisions).toEqual([
        { kind: 'unknown' },
      ]);
    });

    test('lets one of release and confirm win', async () => {
      await reserve(command('r1'));
      await store.confirm(at, [{ reservationId: 'r1', paymentId: null }]);
      expect((await store.release(at, [{ reservationId: 'r1' }])).decisions).toEqual([
        { kind: 'ended', outcome: 'confirmed', sequence: 3 },
      ]);
      expect(await level()).toMatchObject({ onHand: 5, held: 0, committed: 1 });
    });

    test('extends, never shortens', async () => {
      const [held] = await reserve(command('r1', { ttlSeconds: 60 }));
      const extend = async (ttlSeconds: number) =>
        (await store.extend(at, [{ reservationId: 'r1', ttlSeconds }])).decisions[0];
      const { expiresAtMs } = held as { expiresAtMs: number };
      expect(await extend(1)).toMatchObject({ kind: 'extended', expiresAtMs });
      const longer = (await extend(120)) as { expiresAtMs: number };
      expect(longer.expiresAtMs).toBeGreaterThanOrEqual(expiresAtMs + 59_000);
    });

    test('a hold has lapsed at its deadline: no extend, no confirm, its units and its buyer are free', async () => {
      await reserve(command('r1', { ttlSeconds: 1, buyerId: 'me' }), command('r2', { ttlSeconds: 1 }));
      await elapse(1_010);
      expect(
        (await store.confirm(at, [{ reservationId: 'r2', paymentId: null }])).decisions[0],
      ).toMatchObject({
        kind: 'ended',
        outcome: 'expired',
      });
      const five = [{ sku: 'A', quantity: 5 }];
      expect((await reserve(command('r3', { buyerId: 'me', lines: five })))[0]).toMatchObject({
        kind: 'held',
      });
      expect((await store.extend(at, [{ reservationId: 'r1', ttlSeconds: 9 }])).decisions[0]).toMatchObject({
        kind: 'ended',
        outcome: 'expired',
      });
    });

    test('what lapses within a call is over for what the same call asks next', async () => {
      await put('L', 5, 1);
      const lines = [{ sku: 'L', quantity: 1 }];
      const mine = { buyerId: 'me', lines, ttlSeconds: 1 };
      await reserve(command('r1', mine));
      await elapse(1_010);
      expect(await reserve(command('r1', mine), command('r2', mine))).toMatchObject([
        { kind: 'ended', outcome: 'expired' },
        { kind: 'held' },
      ]);
      expect(await level('L')).toMatchObject({ held: 1 });
    });

    test('a hold that has lapsed is in nobody’s way, also when there are more than one call tidies', async () => {
      await put('B', 200);
      const lines = [{ sku: 'B', quantity: 1 }];
      const ids = Array.from({ length: 130 }, (_, number) => `r${1_000 + number}`);
      await reserve(...ids.map((id) => command(id, { lines, ttlSeconds: 1 })));
      await elapse(1_010);
      // The first 128 are tidied; the last one’s buyer comes for the rest of what is there.
      const buyerId = `buyer of ${ids.at(-1)}`;
      const rest = { buyerId, lines: [{ sku: 'B', quantity: 199 }] };
      expect((await reserve(command('next', rest)))[0]).toMatchObject({ kind: 'held' });
      expect(await level('B')).toMatchObject({ onHand: 200, held: 200 });
    });

    test('a call of more lines than Redis takes at once is decided like any other', async () => {
      const skus = Array.from({ length: 50 }, (_, number) => `S${number}`);
      await store.put(
        at,
        skus.map((sku) => ({ sku, onHand: 30, buyerLimit: 1, holdTtlSeconds: undefined })),
      );
      const lines = skus.map((sku) => ({ sku, quantity: 1 }));
      const carts = (attempt: string) =>
        Array.from({ length: 25 }, (_, number) =>
          command(`${attempt}${number}`, { buyerId: `buyer ${number}`, lines }),
        );
      const kinds = async (attempt: string) =>
        new Set((await reserve(...carts(attempt))).map(({ kind }) => kind));
      expect(await kinds('first')).toEqual(new Set(['held']));
      const bought = carts('first').map(({ reservationId }) => ({ reservationId, paymentId: null }));
      await store.confirm(at, bought);
      expect(await kinds('second')).toEqual(new Set(['buyer-limit-exceeded']));
      const { levels } = await store.levels(at, skus);
      expect(new Set(levels.map(({ held, committed }) => `${held} ${committed}`))).toEqual(new Set(['0 25']));
    });

    test('the sweep returns what is due, and only that', async () => {
      await reserve(
        command('r1', { ttlSeconds: 1 }),
        command('r2', { ttlSeconds: 60 }),
        command('r3', { ttlSeconds: 1 }),
      );
      expect((await store.expire(at, 10)).entries).toEqual([]);
      await elapse(1_010);
      const first = await store.expire(at, 1);
      expect(first).toMatchObject({ more: true, entries: [{ kind: 'expired' }] });
      const rest = await store.expire(at, 10);
      const expired = [...first.entries, ...rest.entries] as { reservationId?: string }[];
      expect(new Set(expired.map((entry) => entry.reservationId))).toEqual(new Set(['r1', 'r3']));
      expect(expired).toHaveLength(2);
      expect(await level()).toMatchObject({ held: 1 });
    });

    test('adjusts once per operation, against the version that the caller saw', async () => {
      const adjust = async (operationId: string, delta: number, expectedVersion: number | null = null) =>
        (await store.adjust(at, [{ operationId, sku: 'A', delta, expectedVersion, reason: 'count' }]))
          .decisions[0];
      const first = await adjust('o1', 3, 1);
      expect(first).toMatchObject({ kind: 'adjusted', level: { onHand: 8, version: 2 } });
      expect(await adjust('o1', 3, 1)).toEqual(first);
      expect(await adjust('o2', 1, 1)).toEqual({ kind: 'version-mismatch', sku: 'A', version: 2 });
      expect(await adjust('o3', -9)).toEqual({ kind: 'insufficient-stock', sku: 'A', available: 8 });
      expect(await adjust('o4', Number.MAX_SAFE_INTEGER)).toEqual({ kind: 'too-much-stock', sku: 'A' });
      expect(await adjust('o5', -8)).toMatchObject({ kind: 'adjusted', level: { onHand: 0 } });
    });

    test('counts to the last safe integer', async () => {
      await put('M', Number.MAX_SAFE_INTEGER);
      const lines = [{ sku: 'M', quantity: Number.MAX_SAFE_INTEGER - 1 }];
      const { entries } = await store.reserve(at, [command('r1', { lines })]);
      expect(entries).toMatchObject([{ lines }]);
      expect(await level('M')).toMatchObject({
        onHand: Number.MAX_SAFE_INTEGER,
        held: Number.MAX_SAFE_INTEGER - 1,
      });
    });

    test('puts a SKU once; afterwards only its policy', async () => {
      const again = await put('A', 99, 2, 30);
      expect(again.decisions[0]).toMatchObject({
        kind: 'changed',
        level: { onHand: 5, buyerLimit: 2, holdTtlSeconds: 30, version: 2 },
      });
      expect((await put('A', 99)).decisions[0]).toMatchObject({
        kind: 'same',
        level: { buyerLimit: 2, version: 2 },
      });
      expect((await put('A', 0, null)).decisions[0]).toMatchObject({
        kind: 'changed',
        level: { buyerLimit: null },
      });
      const [held] = await reserve(command('r1'));
      expect(held).toMatchObject({ kind: 'held' });
    });

    test('takes a cancelled order back, once', async () => {
      await reserve(command('r1', { buyerId: 'me' }));
      await store.confirm(at, [{ reservationId: 'r1', paymentId: null }]);
      const cancel = async () =>
        (await store.cancel(at, [{ reservationId: 'r1', buyerId: 'me', lines: [{ sku: 'A', quantity: 1 }] }]))
          .decisions[0];
      const first = await cancel();
      expect(await cancel()).toEqual(first);
      expect(await level()).toMatchObject({ onHand: 5, held: 0, committed: 0 });
    });

    test('takes back nothing that its buyer has not bought', async () => {
      await reserve(command('r1'));
      await store.confirm(at, [{ reservationId: 'r1', paymentId: null }]);
      const before = await store.state(0);
      const lines = [{ sku: 'A', quantity: 1 }];
      const cancelling = store.cancel(at, [{ reservationId: 'r2', buyerId: 'another', lines }]);
      await expect(cancelling).rejects.toThrow(InvariantError);
      expect(await level()).toMatchObject({ committed: 1, version: 3 });
      expect((await store.state(0)).sequence).toBe(before.sequence);
    });

    test('numbers the journal without gaps, and gives it again until it is tidied', async () => {
      await reserve(command('r1'), command('r2'));
      await store.release(at, [{ reservationId: 'r1' }]);
      const entries = await store.readJournal(at, 0, 100);
      expect(entries.map((entry) => [entry.sequence, entry.kind])).toEqual([
        [1, 'sku-created'],
        [2, 'held'],
        [3, 'held'],
        [4, 'released'],
      ]);
      expect(await store.readJournal(at, 2, 1)).toEqual([entries[2]]);
      expect(await store.state(0)).toMatchObject({ forgotten: 0 });
      await store.tidy(at, { drained: 3, retentionMs: 0 });
      // Entry 3 stays, and whoever is behind does not take that back.
      await store.tidy(at, { drained: 1, retentionMs: 600_000 });
      expect(await store.state(0)).toMatchObject({ forgotten: 2 });
      expect(await store.readJournal(at, 2, 100)).toEqual(entries.slice(2, 4));
      // What was decided in one call is forgotten together.
      expect((await store.readJournal(at, 0, 100))[0]!.sequence).toBeGreaterThan(1);
      // r1 was released by entry 4, which the ledger does not have yet: it must still be known.
      expect((await store.release(at, [{ reservationId: 'r1' }])).decisions[0]).toMatchObject({
        kind: 'ended',
      });
      await elapse(5);
      await store.tidy(at, { drained: 4, retentionMs: 0 });
      expect((await store.release(at, [{ reservationId: 'r1' }])).decisions[0]).toEqual({ kind: 'unknown' });
    });

    test('the journal gives what a call replied, whatever of it was refused, to the last unit', async () => {
      await put('most', Number.MAX_SAFE_INTEGER);
      const before = await store.readJournal(at, 0, 100);
      const all = { sku: 'most', quantity: Number.MAX_SAFE_INTEGER };
      const cart = { lines: [{ sku: 'A', quantity: 2 }, all], metadata: '{"a":"\\/é"}', buyerId: 'é "1"' };
      const first = await store.reserve(at, [command('r1'), command('r2')]);
      const mixed = await store.reserve(at, [
        command('r1'),
        command('r3', cart),
        command('r4', { lines: [all] }),
      ]);
      expect(mixed.decisions.map(({ kind }) => kind)).toEqual(['held', 'held', 'sold-out']);
      expect(mixed.entries).toMatchObject([{ reservationId: 'r3', lines: cart.lines }]);
      const entries = [...first.entries, ...mixed.entries];
      expect(await store.readJournal(at, before.length, 100)).toEqual(entries);
      expect(await store.readJournal(at, before.length + 1, 1)).toEqual(entries.slice(1, 2));
    });

    test('the journal gives as many entries as are asked for, however many a call has made', async () => {
      await put('B', 200);
      const lines = [{ sku: 'B', quantity: 1 }];
      const ids = Array.from({ length: 100 }, (_, number) => `r${number}`);
      await reserve(...ids.map((id) => command(id, { lines })));
      for (const reservationId of ids.slice(0, 30)) await store.release(at, [{ reservationId }]);
      const all = await store.readJournal(at, 0, 1_000);
      expect(all).toHaveLength(132);
      for (const [after, limit] of [
        [90, 30],
        [101, 20],
        [102, 30],
        [1, 132],
      ] as const)
        expect(await store.readJournal(at, after, limit)).toEqual(all.slice(after, after + limit));
    });

    test('a part of a cart waits for the word of the partition that decides', async () => {
      const part = command('r1', { partitions: [3, 0], ttlSeconds: 1 });
      const [held] = await reserve(part);
      await elapse(1_010);
      expect(await store.expire(at, 1)).toMatchObject({ entries: [], parts: ['r1'], more: true });
      // Its end has passed, and the ledger does not have it yet: asked about again in a moment, not at once.
      const { expiresAtMs: untilMs } = held as { expiresAtMs: number };
      await store.extend(at, [{ reservationId: 'r1', untilMs }]);
      expect((await store.expire(at, 1)).parts).toEqual([]);
      await elapse(210);
      expect((await store.expire(at, 1)).parts).toEqual(['r1']);
      expect((await store.release(at, [{ reservationId: 'r1', what: 'part' }])).decisions[0]).toMatchObject({
        kind: 'released',
      });
      expect((await reserve(part))[0]).toMatchObject({ kind: 'held' });
    });

    test('an orphan is given back, unless an attempt has asked for it again', async () => {
      const [one, two] = ['r1', 'r2'].map((id) => command(id, { partitions: [3, 0], buyerId: id }));
      await reserve(one!, two!);
      const orphans = ['r1', 'r2'].map((reservationId) => ({ reservationId, what: 'orphan' }) as const);
      const giveBack = async (): Promise<unknown[]> =>
        (await store.release(at, orphans)).decisions.map(({ kind }) => kind);
      expect(await giveBack()).toEqual(['unknown', 'unknown']);
      await elapse(10_010);
      expect((await store.expire(at, 10)).parts.toSorted()).toEqual(['r1', 'r2']);
      expect((await reserve(two!))[0]).toMatchObject({ kind: 'held', again: true });
      expect(await giveBack()).toEqual(['released', 'unknown']);
    }, 30_000);

    test('a cart that came to nothing is barred where it is decided, held or not', async () => {
      await reserve(command('r1'));
      const barred = ['r1', 'r2'].map((reservationId) => ({ reservationId, what: 'barred' }) as const);
      const { decisions } = await store.release(at, barred);
      expect(decisions).toMatchObject([{ kind: 'released' }, { kind: 'unknown' }]);
      const ended = { kind: 'ended', outcome: 'released' };
      expect(await reserve(command('r1'), command('r2'))).toMatchObject([ended, ended]);
    });
  });
}
