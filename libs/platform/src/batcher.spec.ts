import { describe, expect, it } from '@jest/globals';
import { Batcher, type BatcherOptions } from './batcher.js';

type Item = { readonly lane: string; readonly number: number };

const optionsOf = (endOfTurn: (call: () => void) => void = () => undefined): BatcherOptions<Item> => ({
  timers: { endOfTurn },
  batchSizeMax: 4,
  inFlightMax: 1,
  waitingMax: 20,
  laneOf: ({ lane }) => lane,
});

/** Batches as they are sent; each is under way until the next turn. */
function batcherOf(options: Partial<BatcherOptions<Item>> = {}) {
  const turns: (() => void)[] = [];
  const batches: string[][] = [];
  const batcher = new Batcher<Item, string>(
    { ...optionsOf((call) => void turns.push(call)), ...options },
    async (items) => {
      const names = items.map(({ lane, number }) => `${lane}${number}`);
      batches.push(names);
      return names;
    },
  );
  const drain = async (): Promise<string[][]> => {
    while (turns.length > 0) {
      turns.shift()!();
      await new Promise((resolve) => void setImmediate(resolve));
    }
    return batches;
  };
  return { batcher, drain };
}

const items = (lane: string, count: number): Item[] =>
  Array.from({ length: count }, (_, index) => ({ lane, number: index + 1 }));

describe('a batcher', () => {
  it('joins the calls of one turn, and answers each with its own', async () => {
    const { batcher, drain } = batcherOf();
    const answers = Promise.all(items('A', 6).map((item) => batcher.call(item)));
    expect(await drain()).toEqual([
      ['A1', 'A2', 'A3', 'A4'],
      ['A5', 'A6'],
    ]);
    expect(await answers).toEqual(['A1', 'A2', 'A3', 'A4', 'A5', 'A6']);
  });

  it('lets nobody wait for the crowd in another lane', async () => {
    const { batcher, drain } = batcherOf();
    for (const item of [...items('A', 9), ...items('B', 1), ...items('C', 3)]) void batcher.call(item);
    expect(await drain()).toEqual([
      ['A1', 'B1', 'C1', 'A2'],
      ['C2', 'C3', 'A3', 'A4'],
      ['A5', 'A6', 'A7', 'A8'],
      ['A9'],
    ]);
  });

  it('serves every lane in turn when there are more than fit into a batch', async () => {
    const { batcher, drain } = batcherOf({ batchSizeMax: 2 });
    for (const lane of ['A', 'B', 'C']) for (const item of items(lane, 2)) void batcher.call(item);
    expect(await drain()).toEqual([
      ['A1', 'B1'],
      ['C1', 'A2'],
      ['B2', 'C2'],
    ]);
  });

  it('keeps room for others from a crowd, and refuses what does not fit', async () => {
    const { batcher, drain } = batcherOf();
    const crowd = await Promise.allSettled(
      items('A', 15).map((item) => Promise.race([batcher.call(item), Promise.resolve('waits')])),
    );
    expect(crowd.filter(({ status }) => status === 'rejected')).toHaveLength(5);
    const others = items('B', 5).map((item) => batcher.call(item));
    await expect(batcher.call({ lane: 'A', number: 99 })).rejects.toMatchObject({ code: 'overloaded' });
    await drain();
    expect(await Promise.all(others)).toHaveLength(5);
  });

  it('uses all its room where there are no lanes', async () => {
    const { laneOf: _, ...laneless } = optionsOf();
    const batcher = new Batcher<Item, Item>({ ...laneless, waitingMax: 3 }, async (batch) => batch);
    const calls = items('A', 4).map((item) => Promise.race([batcher.call(item), Promise.resolve('waits')]));
    expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
  });
});
