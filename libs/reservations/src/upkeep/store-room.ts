/**
 * Which partitions have no room for reservations, as the keeper's looks find them. One that wavers counts as full until it has
 * had room for a while, so that whoever is called is called once.
 */
import type { Clock } from '#platform';

type StoreRoomOptions = {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly report: (message: string, facts: Record<string, unknown>) => void;
  readonly warn: (message: string, facts: Record<string, unknown>) => void;
};

const roomForMs = 5_000;

export class StoreRoom {
  /** When each of them was seen full last. */
  private readonly fullAtMs = new Map<number, number>();

  constructor(private readonly options: StoreRoomOptions) {}

  saw(partition: number, hasRoom: boolean): void {
    const { clock, report, warn } = this.options;
    const nowMs = clock.monotonicMs();
    const lastMs = this.fullAtMs.get(partition);
    if (!hasRoom) {
      this.fullAtMs.set(partition, nowMs);
      if (lastMs === undefined)
        warn('a partition is full', { partition, reason: 'Redis is at its maxmemory' });
    } else if (lastMs !== undefined && nowMs - lastMs >= roomForMs) {
      this.fullAtMs.delete(partition);
      report('a partition has room again', { partition });
    }
  }

  full(): number[] {
    return [...this.fullAtMs.keys()];
  }
}
