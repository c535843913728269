import { beforeEach, describe, expect, test } from '@jest/globals';
import type { JournalEntry } from '#domain';
import { StockCache } from './stock-cache.js';
import { StockCells } from './stock-cells.js';

const line = (sku = 'A', quantity = 1) => [{ sku, quantity }];
const level = (available: number, version: number, buyerLimit: number | null = null, sku = 'A') => ({
  sku,
  available,
  version,
  buyerLimit,
});
const held = (
  reservationId: string,
  buyerId: string,
  sequence: number,
  expiresAtMs = 9_000,
): JournalEntry => ({
  partition: 0,
  epoch: 1,
  sequence,
  atMs: 0,
  kind: 'held',
  reservationId,
  buyerId,
  expiresAtMs,
  lines: [{ sku: 'A', quantity: 1, version: sequence, buyerLimit: null }],
  metadata: null,
  partitions: [0],
  revived: false,
});

describe('the stock cache', () => {
  let nowMs: number;
  let cache: StockCache;
  let buyers: string[] | Error;
  let cells: StockCells;
  /** As another thread does: by the buffer alone. */
  const openCache = (): StockCache => {
    const opened = new StockCache({
      cells: StockCells.attach(cells.buffer),
      partitionCount: 1,
      nowMs: () => nowMs,
      buyersOf: async () => {
        if (buyers instanceof Error) throw buyers;
        return buyers;
      },
    });
    opened.open();
    return opened;
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const soldOut = async (...caches: StockCache[]) => {
    for (const one of [cache, ...caches]) one.learnLevel(1, level(0, 5));
    await settled();
  };

  beforeEach(() => {
    nowMs = 1_000;
    buyers = [];
    cells = StockCells.create();
    cache = openCache();
  });

  test('knows nothing at first, and asks', () => {
    expect(cache.refuse('me', line())).toBeUndefined();
    expect(cache.take('you', line())).toBe(false);
  });

  test('refuses a SKU that Redis says is sold out', async () => {
    await soldOut();
    expect(cache.refuse('me', line())).toEqual({ kind: 'sold-out', sku: 'A', available: 0 });
  });

  test('asks until it knows everybody who has units: for them it would be another refusal', async () => {
    buyers = ['has one'];
    cache.learnLevel(1, level(0, 5));
    expect(cache.refuse('me', line())).toBeUndefined();
    await settled();
    expect(cache.refuse('me', line())).toBeDefined();
    expect(cache.refuse('has one', line())).toBeUndefined();
  });

  test('asks for everybody who has units once more when the ledger did not say, or news may have been missed', async () => {
    buyers = new Error('the ledger is away');
    await soldOut();
    expect(cache.refuse('me', line())).toBeUndefined();
    buyers = [];
    await soldOut();
    expect(cache.refuse('me', line())).toBeDefined();
    cache.close();
    cache.open();
    buyers = ['me'];
    await soldOut();
    expect(cache.refuse('me', line())).toBeUndefined();
    expect(cache.refuse('you', line())).toBeDefined();
  });

  test('asks when the buyer wants more than the limit: that refusal comes first', async () => {
    cache.learnLevel(1, level(0, 5, 2));
    await settled();
    expect(cache.refuse('me', line('A', 2))).toBeDefined();
    expect(cache.refuse('me', line('A', 3))).toBeUndefined();
  });

  test('asks for carts of several lines', async () => {
    await soldOut();
    expect(cache.refuse('me', [...line('A'), ...line('B')])).toBeUndefined();
  });

  test('units that came back open it, and older news neither closes it again nor opens it', async () => {
    await soldOut();
    cache.heard({ epoch: 1, sequence: 9, levels: [level(1, 6)], buyers: [] });
    expect(cache.refuse('me', line())).toBeUndefined();
    cache.learnLevel(1, level(0, 5));
    expect(cache.refuse('me', line())).toBeUndefined();
    cache.learnLevel(1, level(0, 7));
    cache.learnLevel(1, level(1, 6));
    expect(cache.refuse('me', line())).toMatchObject({ kind: 'sold-out' });
  });

  test('takes the last unit once, and gives it back', async () => {
    await soldOut();
    cache.learnLevel(1, level(1, 6));
    expect([cache.take('you', line()), cache.take('you', line())]).toEqual([true, false]);
    expect(cache.refuse('me', line())).toBeDefined();
    cache.giveBack(line());
    expect(cache.refuse('me', line())).toBeUndefined();
  });

  test('takes nothing for a buyer who may be refused for something else, so that nobody is refused because of it', async () => {
    buyers = ['has one'];
    await soldOut();
    cache.learnLevel(1, level(1, 6, 2));
    expect(cache.take('has one', line())).toBe(false);
    expect(cache.take('greedy', line('A', 3))).toBe(false);
    expect(cache.take('me', [...line(), ...line('B')])).toBe(false);
    expect(cache.refuse('me', line())).toBeUndefined();
    expect(cache.take('me', line())).toBe(true);
  });

  test('refuses a buyer who holds the SKU, until the hold ends or its deadline comes', () => {
    cache.decided(1, [held('r1', 'me', 1)], [level(4, 2)]);
    expect(cache.refuse('me', line())).toEqual({
      kind: 'duplicate-reservation',
      sku: 'A',
      reservationId: 'r1',
    });
    nowMs = 9_000;
    expect(cache.refuse('me', line())).toBeUndefined();
    nowMs = 1_000;
    const gone = { sku: 'A', buyerId: 'me', hold: null, units: 0 };
    cache.heard({ epoch: 1, sequence: 2, levels: [], buyers: [gone] });
    expect(cache.refuse('me', line())).toBeUndefined();
  });

  test('asks for the buyer whom it has seen take the last unit, when his hold has lapsed by its clock: Redis may have it still', async () => {
    await soldOut();
    cache.learnLevel(1, level(1, 6));
    cache.decided(1, [held('r1', 'me', 7)], [level(0, 7)]);
    nowMs = 9_000;
    expect(cache.refuse('me', line())).toBeUndefined();
    expect(cache.refuse('you', line())).toMatchObject({ kind: 'sold-out' });
  });

  test('a hold that has refused somebody is looked at, and when the store has another or none it refuses nobody', () => {
    for (const [number, buyerId] of ['ended', 'renewed', 'kept'].entries())
      cache.decided(1, [held(`of ${buyerId}`, buyerId, number + 1)], []);
    const holders = ['ended', 'renewed', 'kept'].map((buyerId) => ({ sku: 'A', buyerId }));
    for (const { buyerId } of [...holders, ...holders]) expect(cache.refuse(buyerId, line())).toBeDefined();
    expect(cache.takeRefused()).toEqual({ soldOut: [], refusing: holders });
    expect(cache.takeRefused()).toEqual({ soldOut: [], refusing: [] });
    const inStore = [null, 'another', 'of kept'];
    for (const [index, holder] of holders.entries()) cache.learnHolding(holder, inStore[index]!);
    const refusedBuyers = holders.filter(({ buyerId }) => cache.refuse(buyerId, line()));
    expect(refusedBuyers).toEqual([{ sku: 'A', buyerId: 'kept' }]);
  });

  test('more holds than can be looked at refuse nobody until the next look', () => {
    const buyerIds = Array.from({ length: 10_010 }, (_, number) => `buyer ${number}`);
    cache.decided(
      1,
      buyerIds.map((buyerId, number) => held(`r${number}`, buyerId, number + 1)),
      [],
    );
    const refused = (): number => buyerIds.filter((buyerId) => cache.refuse(buyerId, line())).length;
    expect([refused(), refused()]).toEqual([10_000, 10_000]);
    expect(cache.takeRefused().refusing).toHaveLength(10_000);
    expect(cache.refuse('buyer 10009', line())).toBeDefined();
  });

  test('news from before a hold does not end it', async () => {
    await soldOut();
    cache.decided(1, [held('r2', 'me', 7)], []);
    const gone = { sku: 'A', buyerId: 'me', hold: null, units: 0 };
    cache.heard({ epoch: 1, sequence: 6, levels: [], buyers: [gone] });
    expect(cache.refuse('me', line())).toMatchObject({ kind: 'duplicate-reservation', reservationId: 'r2' });
  });

  test('a reply that is handled after the news of what became of its hold does not bring it back', () => {
    const news = (sequence: number, hold: { reservationId: string; expiresAtMs: number } | null) => ({
      epoch: 1,
      sequence,
      levels: [],
      buyers: [{ sku: 'A', buyerId: 'me', hold, units: hold ? 1 : 0 }],
    });
    cache.heard(news(10, { reservationId: 'r', expiresAtMs: 9_000 }));
    cache.heard(news(11, null));
    cache.decided(1, [held('r', 'me', 10)], []);
    expect(cache.refuse('me', line())).toBeUndefined();
    cache.decided(1, [held('s', 'me', 12)], []);
    expect(cache.refuse('me', line())).toMatchObject({ reservationId: 's' });
  });

  test('a reply, or news, of an epoch that is over is not believed: sequences begin anew', () => {
    const hold = { reservationId: 'r', expiresAtMs: 9_000 };
    const has = { sku: 'A', buyerId: 'me', hold, units: 1 };
    cache.heard({ epoch: 1, sequence: 900, levels: [level(4, 800)], buyers: [] });
    cache.forget();
    cache.heard({ epoch: 1, sequence: 901, levels: [], buyers: [has] });
    cache.heard({ epoch: 2, sequence: 1, levels: [level(4, 1)], buyers: [] });
    expect(cache.refuse('me', line())).toBeUndefined();
    cache.heard({ epoch: 1, sequence: 902, levels: [], buyers: [has] });
    cache.decided(1, [held('r', 'me', 903)], []);
    expect(cache.refuse('me', line())).toBeUndefined();
  });

  test('a new epoch, or a break in the news, and it asks again', async () => {
    await soldOut();
    cache.forget();
    expect(cache.refuse('me', line())).toBeUndefined();
    // The rebuilt level has a smaller version than what was lost: it counts all the same.
    cache.learnLevel(2, level(0, 3));
    await settled();
    expect(cache.refuse('me', line())).toBeDefined();
    cache.close();
    cache.learnLevel(2, level(0, 4));
    await settled();
    expect(cache.refuse('me', line())).toBeUndefined();
  });

  test('a list of buyers that comes after the break is thrown away', async () => {
    cache.learnLevel(1, level(0, 5));
    cache.close();
    cache.open();
    await settled();
    expect(cache.refuse('me', line())).toBeUndefined();
  });

  test('a hold that another instance has made is known from the news, until it ends', async () => {
    const has = (sequence: number, expiresAtMs: number) => ({
      epoch: 1,
      sequence,
      levels: [],
      buyers: [{ sku: 'A', buyerId: 'me', hold: { reservationId: 'r1', expiresAtMs }, units: 1 }],
    });
    cache.heard(has(3, 9_000));
    expect(cache.refuse('me', line())).toMatchObject({ kind: 'duplicate-reservation', reservationId: 'r1' });
    nowMs = 9_000;
    expect(cache.refuse('me', line())).toBeUndefined();
    nowMs = 1_000;
    // Of an earlier version, whose news says nothing of its end.
    cache.heard(has(4, 0));
    expect(cache.refuse('me', line())).toBeUndefined();
  });

  describe('of two threads', () => {
    let other: StockCache;
    beforeEach(() => {
      other = openCache();
    });

    test('a unit is taken once', async () => {
      await soldOut(other);
      cache.learnLevel(1, level(1, 6));
      expect([other.take('you', line()), cache.take('you', line())]).toEqual([true, false]);
      other.giveBack(line());
      expect([cache.take('you', line()), other.take('you', line())]).toEqual([true, false]);
    });

    test('a level that one has learned is not overwritten by the older one that the other hears late', async () => {
      await soldOut();
      other.learnLevel(1, level(3, 4));
      expect(other.take('you', line())).toBe(false);
      other.learnLevel(1, level(2, 6));
      cache.learnLevel(1, level(0, 5));
      expect(cache.take('you', line('A', 2))).toBe(true);
    });

    test('a level of an earlier epoch does not overwrite one of a later, though its version is larger', async () => {
      await soldOut(other);
      other.learnLevel(2, level(2, 3));
      cache.learnLevel(1, level(0, 900));
      expect(other.take('you', line('A', 2))).toBe(true);
    });

    test('the one that has heard less asks: it may not know yet who has the last unit', async () => {
      await soldOut();
      other.learnLevel(1, level(0, 5));
      await settled();
      expect(other.refuse('me', line())).toBeDefined();
      // The unit came back and "me" had it, on the first thread; the second hears of it a moment later.
      cache.decided(1, [held('r7', 'me', 7)], [level(0, 7)]);
      expect(other.refuse('me', line())).toBeUndefined();
      const hold = { reservationId: 'r7', expiresAtMs: 9_000 };
      const news = [{ sku: 'A', buyerId: 'me', hold, units: 1 }];
      other.heard({ epoch: 1, sequence: 7, levels: [level(0, 7)], buyers: news });
      expect(other.refuse('me', line())).toMatchObject({
        kind: 'duplicate-reservation',
        reservationId: 'r7',
      });
      expect(other.refuse('you', line())).toMatchObject({ kind: 'sold-out' });
    });

    test('what one had taken when it died is asked for again once the cells are cleared', async () => {
      await soldOut(other);
      cache.learnLevel(1, level(1, 6));
      expect(other.take('you', line())).toBe(true);
      expect(cache.refuse('me', line())).toBeDefined();
      cells.clear();
      expect(cache.refuse('me', line())).toBeUndefined();
      cache.decided(1, [], [level(1, 6)]);
      expect(cache.take('you', line())).toBe(true);
    });

    test('what one had taken when it died comes back with the next look at the level', async () => {
      await soldOut(other);
      cache.learnLevel(1, level(1, 6));
      expect(other.take('you', line())).toBe(true);
      cache.refuse('me', line());
      expect(cache.takeRefused()).toMatchObject({ soldOut: ['A'] });
      cache.learnLevel(1, level(1, 6));
      expect(cache.refuse('me', line())).toBeUndefined();
    });
  });
});
