/**
 * Joins the calls of one turn of the event loop into one batch. While a batch is under way the next one fills, so
 * batches grow with the load and a lone call waits for nothing. Bounded: beyond `waitingMax` calls are refused.
 */
import { UnavailableError } from '#domain';
import type { Timers } from './ports.js';

type Waiting<Item, Result> = {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

export type BatcherOptions = {
  readonly timers: Pick<Timers, 'endOfTurn'>;
  readonly batchSizeMax: number;
  /** Batches under way at once. */
  readonly inFlightMax: number;
  readonly waitingMax: number;
};

export class Batcher<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private inFlight = 0;
  private scheduled = false;

  constructor(
    private readonly options: BatcherOptions,
    /** Answers one result per item, in order; a rejection reaches every caller of the batch. */
    private readonly work: (items: readonly Item[]) => Promise<readonly Result[]>,
  ) {}

  /** Throws `UnavailableError` `overloaded` when too many calls wait already. */
  call(item: Item): Promise<Result> {
    if (this.waiting.length >= this.options.waitingMax) {
      return Promise.reject(new UnavailableError('overloaded', 'too many requests are waiting', false));
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || this.waiting.length === 0 || this.inFlight >= this.options.inFlightMax) return;
    this.scheduled = true;
    this.options.timers.endOfTurn(() => {
      this.scheduled = false;
      void this.send();
    });
  }

  private async send(): Promise<void> {
    const batch = this.waiting.splice(0, this.options.batchSizeMax);
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
}
