/**
 * With DURABILITY=redis callers come with ids that the ledger does not have yet: they were answered by what Redis had decided. So what
 * the ledger does not know is looked for again once it has taken all that Redis had decided by then. Where the ledger acknowledges,
 * nobody was told of what it does not have.
 */
import { Batcher, type Timers } from '#platform';
import type { Durability, Finder, Parts } from './ports.js';

export type OnItsWayOptions = {
  readonly durability: Durability;
  readonly store: Pick<Parts['store'], 'state'>;
  readonly commits: Pick<Parts['commits'], 'commit'>;
  readonly timers: Pick<Timers, 'endOfTurn'>;
  readonly partitionCount: number;
};

export class OnItsWay implements Finder {
  private readonly waits: Batcher<null, null>;

  constructor(private readonly options: OnItsWayOptions) {
    // One at a time: who comes meanwhile shares the next one, which begins after they came.
    const limits = { batchSizeMax: 10_000, inFlightMax: 1, waitingMax: 10_000 };
    this.waits = new Batcher({ timers: options.timers, ...limits }, async (callers) => {
      await this.takeAll();
      return callers.map(() => null);
    });
  }

  /**
   * What `look` finds in the ledger, now or once everything that was answered is there. Throws `UnavailableError` when that cannot
   * be seen in time: then nobody knows whether there is such a thing.
   */
  async find<Found>(look: () => Promise<Found | undefined>): Promise<Found | undefined> {
    const found = await look();
    if (found !== undefined || this.options.durability === 'ledger') return found;
    await this.waits.call(null);
    return look();
  }

  private async takeAll(): Promise<void> {
    const { store, commits, partitionCount } = this.options;
    const partitions = Array.from({ length: partitionCount }, (_, partition) => partition);
    const requires = await Promise.all(
      partitions.map(async (partition) => {
        const { epoch, sequence } = await store.state(partition);
        return { partition, epoch, sequence };
      }),
    );
    await commits.commit({ requires, receipt: null });
  }
}
