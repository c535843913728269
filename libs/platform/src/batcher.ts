/**
 * Joins the calls of one turn of the event loop into one batch. While a batch is in flight the next one fills, so batches
 * grow with the load and a lone call waits for nothing. Bounded: beyond `waitingMax` calls are refused.
 *
 * Calls may wait in lanes, which take turns: a crowd in one lane delays nobody in another, and takes no more room than it
 * leaves free (the dynamic threshold of Choudhury and Hahne, 1998), so the other lanes always find some.
 */
import { UnavailableError } from '#domain';
import type { Timers } from './ports.js';

type Waiting<Item, Result> = {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

export type BatcherOptions<Item> = {
  readonly timers: Pick<Timers, 'endOfTurn'>;
  readonly batchSizeMax: number;
  /** Batches under way at once. */
  readonly inFlightMax: number;
  readonly waitingMax: number;
  /** The lane that an item waits in; undefined: there is one. */
  readonly laneOf?: (item: Item) => string;
};

export class Batcher<Item, Result> {
  /** A new map with every batch: one that lives on makes garbage live on with it (docs/decisions, 63). */
  private lanes = new Map<string, Waiting<Item, Result>[]>();
  private waitingCount = 0;
  private inFlight = 0;
  private scheduled = false;

  constructor(
    private readonly options: BatcherOptions<Item>,
    /** Returns one result per item, in order; a rejection reaches every caller of the batch. */
    private readonly work: (items: readonly Item[]) => Promise<readonly Result[]>,
  ) {}

  /** Throws `UnavailableError` `overloaded` when too many calls wait already. */
  call(item: Item): Promise<Result> {
    const { laneOf } = this.options;
    const name = laneOf ? laneOf(item) : '';
    const lane = this.lanes.get(name) ?? [];
    const free = this.options.waitingMax - this.waitingCount;
    if (free <= (laneOf ? lane.length : 0)) {
      return Promise.reject(new UnavailableError('overloaded', 'too many requests are waiting', false));
    }
    return new Promise((resolve, reject) => {
      if (lane.length === 0) this.lanes.set(name, lane);
      lane.push({ item, resolve, reject });
      this.waitingCount += 1;
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || this.waitingCount === 0 || this.inFlight >= this.options.inFlightMax) return;
    this.scheduled = true;
    this.options.timers.endOfTurn(() => {
      this.scheduled = false;
      void this.send();
    });
  }

  private async send(): Promise<void> {
    const batch = this.take(this.options.batchSizeMax);
    this.inFlight += 1;
    this.schedule();
    try {
      const results = await this.work(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.inFlight -= 1;
      this.schedule();
    }
  }

  /** An equal share for every lane, and the rest for those with more; lanes that were served move to the end. */
  private take(sizeMax: number): Waiting<Item, Result>[] {
    const taken: Waiting<Item, Result>[] = [];
    while (taken.length < sizeMax && this.lanes.size > 0) {
      const share = Math.max(1, Math.floor((sizeMax - taken.length) / this.lanes.size));
      const lanes = [...this.lanes];
      const served = lanes.splice(0, sizeMax - taken.length);
      for (const [, lane] of served) taken.push(...lane.splice(0, share));
      this.lanes = new Map([...lanes, ...served.filter(([, lane]) => lane.length > 0)]);
    }
    this.waitingCount -= taken.length;
    return taken;
  }
}
