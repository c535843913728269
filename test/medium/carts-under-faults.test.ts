/** Carts over several partitions when what happened to their decision is not known, or a part is lost right after. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { UnavailableError } from '#domain';
import { EpochPassedError, partitionOf, type PartitionEpoch, type StockStore } from '#stock';
import { eventually, openInstance, type Instance } from '../fixtures/holdfast.js';
import { intercept } from '../fixtures/intercept.js';
import { describeWithPostgres, testPostgres, testRedis, type TestDatabase } from '../servers/index.js';

const skus = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'];
const cart = { lines: skus.map((sku) => ({ sku, quantity: 1 })) };

/** How the deciding partition may keep what is to be let go. */
type Release = (
  store: StockStore,
  ...args: Parameters<StockStore['release']>
) => ReturnType<StockStore['release']>;
const notAsked: Release = () => {
  throw new UnavailableError('stock-not-ready', 'not asked', false);
};
const beingPaid: Release = async (store, { partition }, commands) => {
  const { nowMs, incarnation } = await store.state(partition);
  const decisions = commands.map(() => ({ kind: 'payment-pending', sequence: 1, paymentId: 'p' }) as const);
  return { nowMs, incarnation, entries: [], seen: [], decisions };
};

describeWithPostgres('a cart over four partitions', () => {
  let redisDatabase: TestDatabase;
  let ledgerDatabase: TestDatabase;
  let instance: Instance | null = null;

  beforeEach(async () => {
    [redisDatabase, ledgerDatabase] = await Promise.all([testRedis(), testPostgres()]);
  });
  afterEach(async () => {
    await instance?.close();
    await redisDatabase.stop();
    await ledgerDatabase.stop();
  });

  /** An instance whose reservations in the deciding partition go through a fault. */
  const openWith = (fault: Fault, release?: Release): Promise<Instance> =>
    openInstance({
      redisUrl: redisDatabase.url,
      databaseUrl: ledgerDatabase.url,
      partitions: 4,
      wrap: (store) => {
        const faulty = withDecidingFault(store, fault);
        if (!release) return faulty;
        return intercept(faulty, 'release', (at, commands) =>
          at.partition === 0 ? release(store, at, commands) : store.release(at, commands),
        );
      },
    });

  async function open(fault: Fault): Promise<Instance> {
    instance = await openWith(fault);
    for (const sku of skus) await instance.put(sku, 5);
    return instance;
  }

  const held = async (): Promise<number> =>
    (await instance!.services.stock.findMany(skus)).reduce((sum, level) => sum + level.held, 0);

  test('when it is decided, the ledger has its other parts: no rebuild can lose them', async () => {
    const known: number[] = [];
    const one = await open(async (send) => {
      known.push(await held());
      return send();
    });
    await one.hold('', cart);
    const elsewhere = skus.filter((sku) => partitionOf(sku, 4) !== 0);
    expect(known).toEqual([elsewhere.length]);
  });

  test.each(['release', 'confirm'] as const)(
    'when its other parts are told of a %s, the ledger has the word of the one that decides',
    async (event) => {
      const told = new Set<string>();
      let id = '';
      const status = async () => (await instance!.services.reservations.find(id))?.status ?? 'unknown';
      instance = await openInstance({
        redisUrl: redisDatabase.url,
        databaseUrl: ledgerDatabase.url,
        partitions: 4,
        wrap: (store) =>
          intercept(store, event, async (at: PartitionEpoch, commands: readonly never[]) => {
            if (at.partition !== 0) told.add(await status());
            return store[event](at, commands) as never;
          }),
      });
      for (const sku of skus) await instance.put(sku, 5);
      id = await instance.hold('', cart);
      await instance[event](id);
      expect([...told]).toEqual([event === 'release' ? 'released' : 'confirmed']);
      expect(await held()).toBe(0);
      expect(await instance.brokenInvariants()).toEqual([]);
    },
  );

  test('keeps its parts when its decision is unknown, and the same key gets it whole', async () => {
    let failing = true;
    const one = await open(async (send) => {
      const reply = await send();
      if (failing) throw new UnavailableError('stock-not-ready', 'reply lost', true);
      return reply;
    });
    const wanted = { ...cart, key: 'k', buyerId: 'me' };
    await expect(one.reserve('', wanted)).rejects.toThrow(UnavailableError);
    await eventually('the ledger has all of it', async () => (await held()) === skus.length);
    failing = false;
    expect((await one.reserve('', wanted)).kind).toBe('held');
    expect(await held()).toBe(skus.length);
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('of two attempts at once one cannot ask, and the other was not answered: it is whole', async () => {
    const wanted = { ...cart, key: 'k', buyerId: 'me' };
    let second: (() => Promise<unknown>) | null = null;
    const one = await open(async (send) => {
      const reply = await send();
      const race = second;
      second = null;
      await race?.();
      return reply;
    });
    const two = await openWith(() => {
      throw new UnavailableError('stock-not-ready', 'not asked', false);
    });
    try {
      // Begun before the ledger can know what the first one has decided.
      second = () => expect(two.reserve('', wanted)).rejects.toThrow(UnavailableError);
      expect((await one.reserve('', wanted)).kind).toBe('held');
      expect(await held()).toBe(skus.length);
      expect(await one.brokenInvariants()).toEqual([]);
    } finally {
      await two.close();
    }
  });

  test.each([
    ['cannot be', notAsked],
    ['is being paid by who has found it', beingPaid],
  ])('a hold that is to be let go and %s stays whole', async (_, release) => {
    const wanted = { ...cart, key: 'k', buyerId: 'me' };
    const one = await open((send) => send());
    await one.put('Z', 0);
    let refused: Promise<unknown> | null = null;
    const two = await openWith(async (send) => {
      // Another attempt, as the ledger sees it: it was refused before it held anything.
      refused ??= one.reserve('Z', { key: 'k', buyerId: 'me' });
      await refused;
      return send();
    }, release);
    try {
      // The refusal is on record by the time it is held: nobody will hear of it.
      expect((await two.reserve('', wanted)).kind).toBe('sold-out');
      expect(await one.brokenInvariants()).toEqual([]);
    } finally {
      await two.close();
    }
  });

  test('an attempt that comes late to its decision is not granted it: its parts may be gone', async () => {
    let late = true;
    const one = await openInstance({
      redisUrl: redisDatabase.url,
      databaseUrl: ledgerDatabase.url,
      partitions: 4,
      wrap: (store) =>
        intercept(store, 'reserve', async (at, commands) => {
          if (late && at.partition === 1) await new Promise((resolve) => setTimeout(resolve, 4_100));
          return store.reserve(at, commands);
        }),
    });
    instance = one;
    for (const sku of skus) await one.put(sku, 5);
    const wanted = { ...cart, key: 'k', buyerId: 'me' };
    await expect(one.reserve('', wanted)).rejects.toThrow('took too long');
    late = false;
    expect((await one.reserve('', wanted)).kind).toBe('held');
    expect(await held()).toBe(skus.length);
  }, 30_000);

  test('once an attempt was refused and has given its parts back, one still under way gets nothing', async () => {
    const wanted = { ...cart, key: 'k', buyerId: 'me' };
    const soldOut = skus.find((sku) => partitionOf(sku, 4) === 0)!;
    let overtaken: Promise<unknown> | null = null;
    // Nor could it let go what it must not have.
    const one = await openWith(async (send) => {
      overtaken ??= refused();
      await overtaken;
      return send();
    }, notAsked);
    instance = one;
    for (const sku of skus) await one.put(sku, sku === soldOut ? 0 : 5);
    const two = await openWith((send) => send());
    const refused = async (): Promise<void> => {
      expect((await two.reserve('', wanted)).kind).toBe('sold-out');
      await two.once(
        (operation) =>
          two.services.stock.adjust(
            operation,
            { sku: soldOut, delta: 5, reason: 'restock', expectedVersions: null },
            (outcome) => ({ status: 200, body: JSON.stringify(outcome) }),
          ),
        'restock',
      );
    };
    try {
      expect((await one.reserve('', wanted)).kind).toBe('sold-out');
      await eventually('nothing is held', async () => (await held()) === 0);
      expect(await one.brokenInvariants()).toEqual([]);
    } finally {
      await two.close();
    }
  });

  test('… also when Redis has forgotten that it was refused', async () => {
    const wanted = { ...cart, key: 'k', buyerId: 'me' };
    const soldOut = skus.find((sku) => partitionOf(sku, 4) === 0)!;
    let overtaken: Promise<unknown> | null = null;
    // Overtaken when it holds its parts, and is about to ask for the decision.
    const one = await openInstance({
      redisUrl: redisDatabase.url,
      databaseUrl: ledgerDatabase.url,
      partitions: 4,
      wrap: (store) =>
        intercept(store, 'reserve', async (at, commands) => {
          const reply = await store.reserve(at, commands);
          if (at.partition === 1) await (overtaken ??= refused());
          return reply;
        }),
    });
    instance = one;
    for (const sku of skus) await one.put(sku, sku === soldOut ? 0 : 5);
    const two = await openWith((send) => send());
    const refused = async (): Promise<void> => {
      expect((await two.reserve('', wanted)).kind).toBe('sold-out');
      await two.redis.del(...(await two.redis.keys('*:{0}:*')));
      await eventually('both know the next epoch', async () => (await two.store.state(0)).epoch === 2);
      await eventually('it is open', async () =>
        [one, two].every(({ services }) => services.closedPartitions().length === 0),
      );
      await two.store.adjust({ partition: 0, epoch: 2 }, [
        { operationId: 'restock', sku: soldOut, delta: 5, reason: 'restock', expectedVersion: null },
      ]);
    };
    try {
      await expect(one.reserve('', wanted)).rejects.toThrow(EpochPassedError);
      await eventually('nothing is held', async () => (await held()) === 0);
      expect(await one.brokenInvariants()).toEqual([]);
    } finally {
      await two.close();
    }
  }, 30_000);

  test('of two attempts at once one is refused and the other held: both say held, and it is whole', async () => {
    const wanted = { ...cart, key: 'k', buyerId: 'me' };
    let second: (() => Promise<unknown>) | null = null;
    const one = await open(async (send) => {
      const race = second;
      second = null;
      await race?.();
      const reply = await send();
      return race ? { ...reply, decisions: [{ kind: 'sold-out', sku: 'A', available: 0 }] } : reply;
    });
    const two = await openWith((send) => send());
    try {
      second = () => two.reserve('', wanted);
      expect((await one.reserve('', wanted)).kind).toBe('held');
      expect(await held()).toBe(skus.length);
      expect(await one.brokenInvariants()).toEqual([]);
    } finally {
      await two.close();
    }
  });
});

type Reply = Awaited<ReturnType<StockStore['reserve']>>;
type Fault = (send: () => Promise<Reply>) => Promise<Reply>;

function withDecidingFault(store: StockStore, fault: Fault): StockStore {
  const reserve: StockStore['reserve'] = (at, commands) =>
    at.partition === 0 ? fault(() => store.reserve(at, commands)) : store.reserve(at, commands);
  return intercept(store, 'reserve', reserve);
}
