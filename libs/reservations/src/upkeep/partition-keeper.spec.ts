import { describe, expect, test } from '@jest/globals';
import { UnavailableError } from '#domain';
import type { EpochPosition, MakeReady, TakenEntry } from '#ledger';
import { InMemoryStockStore, OpensSoonError, type StockStore } from '#stock';
import { PartitionKeeper } from './partition-keeper.js';

async function* nothing(): AsyncGenerator<never[]> {}

/** One partition: a store whose memory can be another one, and a ledger that has what it is told to have. */
function open() {
  const world = {
    memory: 'first',
    nowMs: 0,
    storeIsAway: false,
    hasRoom: true,
    keeps: true,
    begun: [] as string[],
    epochs: 0,
    taken: null as TakenEntry | null,
    warnings: [] as unknown[],
    expected: [] as { fromMs: number; toMs: number }[],
    /** What the clocks say: PostgreSQL's, this machine's. */
    clocks: [1_000, 1_000] as [number, number],
  };
  let position: EpochPosition = { partition: 0, epoch: 0, sequence: 0, incarnation: '' };
  const inMemory = new InMemoryStockStore(() => 1_000);
  const away = new UnavailableError('stock-not-ready', 'away', false);
  // Its own name for the memory is not asked for; the one that it has here is.
  const store = {
    state: async (partition: number) => {
      if (world.storeIsAway) throw away;
      return { ...(await inMemory.state(partition)), incarnation: world.memory };
    },
    hasRoom: async () => world.hasRoom,
    expectTime: (_: number, window: { fromMs: number; toMs: number }) => void world.expected.push(window),
    readJournal: inMemory.readJournal.bind(inMemory),
    restore: async (...of: Parameters<StockStore['restore']>) => {
      world.begun.push('filled');
      await inMemory.restore(...of);
      return world.memory;
    },
    keep: async (...of: Parameters<StockStore['keep']>) => {
      world.begun.push(world.keeps ? 'kept' : 'not kept');
      if (!world.keeps) throw away;
      await inMemory.keep(...of);
      return world.memory;
    },
    admit: async (partition: number, { epoch }: { epoch: number }) =>
      inMemory.admit(partition, { epoch, incarnation: '1' }),
  } as unknown as StockStore;
  const last = () => ({ position, entry: world.taken });
  let next: (() => void) | null = null;
  const keeper = new PartitionKeeper({
    store,
    partitions: {
      positions: async () => [{ ...position, nowMs: world.clocks[0] }],
      lastTaken: async () => last(),
      begin: async (partition: number, epoch: number, makeReady: MakeReady) => {
        const to = { partition, epoch: epoch + 1, attempt: 1 };
        const { sequence, incarnation } = await makeReady(to, last(), nothing());
        return (position = { partition, epoch: to.epoch, sequence, incarnation });
      },
    } as unknown as ConstructorParameters<typeof PartitionKeeper>[0]['partitions'],
    clock: { nowMs: () => world.clocks[1], monotonicMs: () => world.nowMs },
    timers: {
      after: (_delayMs, call) => {
        next = call;
        return { cancel: () => undefined };
      },
      endOfTurn: () => undefined,
      sleep: async () => undefined,
    },
    partitionCount: 1,
    begins: true,
    drain: async ({ sequence }) => void (position = { ...position, sequence }),
    onEpoch: () => void (world.epochs += 1),
    report: () => undefined,
    warn: (_message, { reason }) => void world.warnings.push(reason),
  });
  /** The next look, and what comes of it. */
  const look = async (): Promise<void> => {
    const call = next;
    next = null;
    call?.();
    await new Promise((resolve) => void setImmediate(resolve));
  };
  return { keeper, store: inMemory, world, look, position: () => position };
}

/** Open in epoch 1, with one entry in the journal that the ledger has taken. */
async function opened() {
  const all = open();
  await all.keeper.start();
  await all.store.put({ partition: 0, epoch: 1 }, [
    { sku: 'A', onHand: 1, buyerLimit: null, holdTtlSeconds: 60 },
  ]);
  await all.look();
  all.world.taken = { kind: 'sku-created', atMs: 1_000, reservationId: null };
  all.world.begun = [];
  return all;
}

describe('a store in another memory', () => {
  test.each([
    ['is kept, when the ledger has its last entry', {}, 'kept'],
    ['is filled, when that is of another instant', { atMs: 1_001 }, 'filled'],
    ['is filled, when that is of another kind', { kind: 'adjusted' }, 'filled'],
    ['is filled, when that is of another reservation', { reservationId: 'r1' }, 'filled'],
  ])('%s', async (_, other, expected) => {
    const { keeper, world, look } = await opened();
    world.taken = { ...world.taken!, ...other };
    world.memory = 'second';
    await look();
    await look();
    expect(world.begun).toEqual([expected]);
    expect(keeper.openPartitions()).toEqual([{ partition: 0, epoch: 2 }]);
    expect(world.epochs).toBe(2);
  });

  test('that goes on deciding for others is filled in the end', async () => {
    const { keeper, world, look } = await opened();
    world.memory = 'second';
    world.keeps = false;
    for (let looks = 0; looks < 15; looks += 1) await look();
    expect(new Set(world.begun.slice(0, -1))).toEqual(new Set(['not kept']));
    expect(world.begun.at(-1)).toBe('filled');
    expect(keeper.closed()).toEqual([]);
  });
});

test('a partition that broke is filled once, and is open then', async () => {
  const { keeper, world, look, position } = await opened();
  keeper.broke(0, 'somebody has written into it');
  expect(() => keeper.openingOf(0)).toThrow('somebody has written into it');
  for (let looks = 0; looks < 4; looks += 1) await look();
  expect(world.begun).toEqual(['filled']);
  expect(position().epoch).toBe(2);
  expect(keeper.openingOf(0)).toMatchObject({ epoch: 2, filled: 2 });
});

test('a start that fills the store is nothing to warn of, and what refuses somebody later is', async () => {
  const { keeper, world, look } = await opened();
  expect(world.warnings).toEqual([]);
  keeper.broke(0, 'somebody has written into it');
  for (let looks = 0; looks < 4; looks += 1) await look();
  expect(new Set(world.warnings)).toEqual(new Set(['somebody has written into it']));
});

test('whoever calls waits for a store that was there a second ago, and no longer', async () => {
  const { keeper, world, look } = await opened();
  world.storeIsAway = true;
  const refusal = async (): Promise<unknown> => {
    await look();
    try {
      return keeper.openingOf(0);
    } catch (error) {
      return error;
    }
  };
  world.nowMs = 1_000;
  expect(await refusal()).toBeInstanceOf(OpensSoonError);
  world.nowMs = 1_001;
  const last = await refusal();
  expect(last).toBeInstanceOf(UnavailableError);
  expect(last).not.toBeInstanceOf(OpensSoonError);
  world.storeIsAway = false;
  await look();
  expect(keeper.openingOf(0)).toMatchObject({ epoch: 1 });
});

test('a store that is full is told once, until it has had room for five seconds', async () => {
  const { keeper, world, look } = await opened();
  const seen: [hasRoom: boolean, nowMs: number, full: number[]][] = [
    [false, 1_000, [0]],
    [true, 2_000, [0]],
    [false, 3_000, [0]],
    [true, 7_999, [0]],
    [true, 8_000, []],
    [false, 9_000, [0]],
  ];
  for (const [hasRoom, nowMs, full] of seen) {
    Object.assign(world, { hasRoom, nowMs });
    await look();
    expect(keeper.full()).toEqual(full);
    expect(keeper.closed()).toEqual([]);
  }
  expect(world.warnings).toEqual(['Redis is at its maxmemory', 'Redis is at its maxmemory']);
});

test.each([
  ['between the two others', 500, [1_000, 3_000], [1_000, 3_000]],
  ['whichever of them is ahead', 500, [3_000, 1_000], [1_000, 3_000]],
  ['never before the last decision', 2_000, [3_000, 1_000], [2_000, 3_000]],
  ['nor before that where both others were set back', 5_000, [3_000, 1_000], [5_000, 5_000]],
] as const)('the clock of a partition must be %s', async (_, lastMs, [ledgerMs, oursMs], [fromMs, toMs]) => {
  const { keeper, world } = open();
  world.taken = { kind: 'sku-created', atMs: lastMs, reservationId: null };
  world.clocks = [ledgerMs, oursMs];
  await keeper.start();
  expect(world.expected).toEqual([{ fromMs, toMs }]);
});
