/** What every stock store does about payments: who wins, and what a payment keeps until when. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { HoldCommand, StockStore } from '#stock';
import { begin, type StoreUnderTest } from './stock-store.js';

const at = { partition: 0, epoch: 1 };

export function describeStockPayments(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`payments in the stock store (${name})`, () => {
    let store: StockStore;
    let elapse: StoreUnderTest['elapse'];

    beforeEach(async () => {
      ({ store, elapse } = await open());
      await begin(store, at);
      await store.put(at, [{ sku: 'A', onHand: 2, buyerLimit: 2, holdTtlSeconds: undefined }]);
    });

    const hold = async (reservationId: string, over: Partial<HoldCommand> = {}) =>
      (
        await store.reserve(at, [
          {
            reservationId,
            buyerId: `buyer of ${reservationId}`,
            ttlSeconds: 1,
            metadata: null,
            lines: [{ sku: 'A', quantity: 1 }],
            partitions: [0],
            ...over,
          },
        ])
      ).decisions[0]!;
    const pay = async (reservationId: string, paymentId: string, ttlSeconds = 60) =>
      (
        await store.pay(at, [
          {
            reservationId,
            paymentId,
            provider: 'sandbox',
            amount: { value: 9_007_199_254_740_991, currency: 'EUR' },
            ttlSeconds,
          },
        ])
      ).decisions[0]!;
    const fail = async (reservationId: string, paymentId: string) =>
      (await store.fail(at, [{ reservationId, paymentId }])).decisions[0]!;
    const confirm = async (reservationId: string, paymentId: string | null, captured = false) =>
      (await store.confirm(at, [{ reservationId, paymentId, captured }])).decisions[0]!;
    const release = async (reservationId: string) =>
      (await store.release(at, [{ reservationId }])).decisions[0]!;
    const reacquire = async (reservationId: string, whole = true, buyerId = 'late') =>
      (
        await store.reacquire(at, [
          { reservationId, buyerId, paymentId: 'p1', lines: [{ sku: 'A', quantity: 1 }], whole },
        ])
      ).decisions[0]!;
    const level = async () => (await store.levels(at, ['A'])).levels[0]!;

    test('a payment keeps the units past the hold’s deadline, and is journalled with what it asks for', async () => {
      await hold('r1');
      const { decisions, entries, nowMs } = await store.pay(at, [
        {
          reservationId: 'r1',
          paymentId: 'p1',
          provider: 'sandbox',
          amount: { value: 9_007_199_254_740_991, currency: 'EUR' },
          ttlSeconds: 60,
        },
      ]);
      const deadlineMs = nowMs + 60_000;
      expect(decisions).toEqual([{ kind: 'paying', sequence: 3, deadlineMs }]);
      expect(entries).toEqual([
        {
          partition: 0,
          epoch: 1,
          sequence: 3,
          atMs: nowMs,
          kind: 'paying',
          reservationId: 'r1',
          paymentId: 'p1',
          provider: 'sandbox',
          amount: { value: 9_007_199_254_740_991, currency: 'EUR' },
          deadlineMs,
        },
      ]);
      await elapse(1_010);
      expect((await store.expire(at, 10)).entries).toEqual([]);
      expect(await level()).toMatchObject({ held: 1 });
    });

    test('the same payment again is the same decision, another one has to wait', async () => {
      await hold('r1');
      const first = await pay('r1', 'p1');
      expect(await pay('r1', 'p1', 5)).toEqual(first);
      const pending = { kind: 'payment-pending', paymentId: 'p1', sequence: 3 };
      expect(await pay('r1', 'p2')).toEqual(pending);
      expect(await release('r1')).toEqual(pending);
      expect(await confirm('r1', null)).toEqual(pending);
      expect(await confirm('r1', 'p1')).toEqual(pending);
      expect((await store.extend(at, [{ reservationId: 'r1', ttlSeconds: 9 }])).decisions).toEqual([pending]);
    });

    test('captured money confirms, also while another payment is under way, once', async () => {
      await hold('r1');
      await pay('r1', 'p2');
      expect(await confirm('r1', 'p1', true)).toEqual({ kind: 'confirmed', sequence: 4 });
      expect(await confirm('r1', 'p2', true)).toMatchObject({ kind: 'ended', outcome: 'confirmed' });
      expect(await pay('r1', 'p3')).toMatchObject({ kind: 'ended', outcome: 'confirmed' });
      expect(await level()).toMatchObject({ held: 0, committed: 1 });
    });

    test('a payment lapses at its own deadline, like a hold', async () => {
      await hold('r1');
      await pay('r1', 'p1', 1);
      await elapse(1_100);
      const swept = await store.expire(at, 10);
      expect(swept.entries).toMatchObject([{ kind: 'expired', reservationId: 'r1' }]);
      expect(await confirm('r1', 'p1', true)).toMatchObject({ kind: 'ended', outcome: 'expired' });
      expect(await level()).toMatchObject({ held: 0 });
    });

    test('a payment never keeps for less than the hold would have', async () => {
      const held = await hold('r1', { ttlSeconds: 600 });
      expect(await pay('r1', 'p1', 1)).toMatchObject({
        deadlineMs: (held as { expiresAtMs: number }).expiresAtMs,
      });
    });

    test('a failed payment gives the hold back as it was, and cannot keep it again', async () => {
      await hold('r1', { ttlSeconds: 60 });
      await pay('r1', 'p1');
      expect(await fail('r1', 'p2')).toEqual({ kind: 'held', sequence: 3 });
      expect(await fail('r1', 'p1')).toEqual({ kind: 'held', sequence: 4 });
      expect(await fail('r1', 'p1')).toEqual({ kind: 'held', sequence: 4 });
      expect(await pay('r1', 'p1')).toEqual({ kind: 'payment-ended', sequence: 4 });
      expect(await pay('r1', 'p2')).toMatchObject({ kind: 'paying', sequence: 5 });
      await fail('r1', 'p2');
      expect(await release('r1')).toMatchObject({ kind: 'released' });
    });

    test('a failed payment whose hold would have lapsed meanwhile lapses at once', async () => {
      await hold('r1');
      await pay('r1', 'p1');
      await elapse(1_010);
      const { decisions, entries } = await store.fail(at, [{ reservationId: 'r1', paymentId: 'p1' }]);
      expect(decisions).toEqual([{ kind: 'ended', outcome: 'expired', sequence: 5 }]);
      expect(entries.map(({ kind }) => kind)).toEqual(['payment-failed', 'expired']);
      expect(await level()).toMatchObject({ held: 0 });
    });

    test('what is refused to start: unknown, released, expired', async () => {
      expect(await pay('nobody', 'p1')).toEqual({ kind: 'unknown' });
      await hold('r1');
      await release('r1');
      expect(await pay('r1', 'p1')).toMatchObject({ kind: 'ended', outcome: 'released' });
      await hold('r2');
      await elapse(1_010);
      expect(await pay('r2', 'p2')).toMatchObject({ kind: 'ended', outcome: 'expired' });
      expect(await fail('r2', 'p2')).toMatchObject({ kind: 'ended', outcome: 'expired' });
    });

    test('late money takes units off the shelf again, once, and they count against the limit', async () => {
      await hold('r1', { buyerId: 'late' });
      await release('r1');
      expect(await reacquire('r1')).toEqual({ kind: 'reacquired', sequence: 4 });
      expect(await reacquire('r1', false)).toEqual({ kind: 'reacquired', sequence: 4 });
      expect(await level()).toMatchObject({ held: 0, committed: 1, version: 4 });
      const two = [{ sku: 'A', quantity: 2 }];
      expect(await hold('r2', { buyerId: 'late', lines: two })).toMatchObject({
        kind: 'buyer-limit-exceeded',
      });
    });

    test('late money goes back when nothing is left, and that stays so', async () => {
      await hold('r1');
      await release('r1');
      await hold('r2', { lines: [{ sku: 'A', quantity: 2 }], ttlSeconds: 60 });
      expect(await reacquire('r1')).toEqual({ kind: 'refund-due', sequence: 5 });
      await release('r2');
      expect(await reacquire('r1')).toEqual({ kind: 'refund-due', sequence: 5 });
      expect(await level()).toMatchObject({ held: 0, committed: 0 });
    });

    test('late money finds the units of a hold that is due, also when its own has lapsed unswept', async () => {
      await hold('r1');
      await hold('r2');
      await elapse(1_010);
      expect(await reacquire('r1')).toMatchObject({ kind: 'reacquired' });
      expect(await level()).toMatchObject({ held: 0, committed: 1 });
    });

    test('a cart that lacks another part is a refund, and a hold that has not ended is left alone', async () => {
      await hold('r1');
      await release('r1');
      expect(await reacquire('r1', false)).toMatchObject({ kind: 'refund-due' });
      await hold('r2');
      expect(await reacquire('r2')).toEqual({ kind: 'held', sequence: 5 });
    });

    test('the parts of a cart that was paid late are held again, unless they have been sold', async () => {
      const part = { partitions: [3, 0], lines: [{ sku: 'A', quantity: 1 }] };
      await hold('r1', part);
      await release('r1');
      expect(await hold('r1', part)).toMatchObject({ kind: 'ended', outcome: 'released' });
      const { entries } = await store.reserve(at, [
        { reservationId: 'r1', buyerId: 'b', ttlSeconds: 60, metadata: null, revive: true, ...part },
      ]);
      expect(entries).toMatchObject([{ kind: 'held', revived: true }]);
      await confirm('r1', null);
      expect(await hold('r1', { ...part, revive: true })).toMatchObject({ outcome: 'confirmed' });
    });

    test('a rebuild brings a payment back with its deadline', async () => {
      const next = { partition: 0, epoch: 2 };
      const { nowMs } = await store.state(0);
      const level = {
        sku: 'A',
        onHand: 5,
        held: 1,
        committed: 0,
        buyerLimit: null,
        holdTtlSeconds: 60,
        version: 4,
      };
      const kept = {
        kind: 'hold',
        reservationId: 'r1',
        buyerId: 'paying buyer',
        createdAtMs: nowMs - 2_000,
        expiresAtMs: nowMs - 1_000,
        partitions: [0],
        lines: [{ sku: 'A', quantity: 1 }],
        decided: true,
        paying: { paymentId: 'p1', deadlineMs: nowMs + 60_000 },
      } as const;
      const buyer = { kind: 'buyer', sku: 'A', buyerId: 'paying buyer', reservationId: 'r1' } as const;
      await begin(store, next, { kind: 'level', level }, kept, { ...buyer, held: 1, committed: 0 });
      expect((await store.expire(next, 10)).entries).toEqual([]);
      const { decisions } = await store.release(next, [{ reservationId: 'r1' }]);
      expect(decisions).toMatchObject([{ kind: 'payment-pending', paymentId: 'p1' }]);
      const failed = await store.fail(next, [{ reservationId: 'r1', paymentId: 'p1' }]);
      expect(failed.entries).toMatchObject([
        { kind: 'payment-failed' },
        { kind: 'expired', buyerId: 'paying buyer', lines: [{ quantity: 1 }] },
      ]);
    });
  });
}
