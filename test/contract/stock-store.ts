/** A stock store to be tried, and what it is tried with. */
import type { PartitionRecord } from '#domain';
import type { HoldCommand, PartitionEpoch, StockStore } from '#stock';

export type StoreUnderTest = {
  readonly store: StockStore;
  /** Lets the store's clock go on. */
  readonly elapse: (ms: number) => Promise<void>;
};

export async function* records(...list: PartitionRecord[]): AsyncGenerator<PartitionRecord[]> {
  yield list;
}

/** Fills a partition with that, and opens it. */
export async function begin(
  store: StockStore,
  of: PartitionEpoch,
  ...list: PartitionRecord[]
): Promise<void> {
  const incarnation = await store.restore({ ...of, attempt: 1 }, records(...list));
  await store.admit(of.partition, { ...of, incarnation });
}

export const command = (reservationId: string, over: Partial<HoldCommand> = {}): HoldCommand => ({
  reservationId,
  buyerId: `buyer of ${reservationId}`,
  ttlSeconds: undefined,
  metadata: null,
  lines: [{ sku: 'A', quantity: 1 }],
  partitions: [0],
  ...over,
});
