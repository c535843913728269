/**
 * How much of what the ledger has decided is still to be carried out, counted every ten seconds. Whoever reads the metrics gets the
 * last count: however many ask, and however slow the ledger is, it is asked once in a while.
 */
import type { ErrandRepository, PendingErrands } from '#ledger';
import type { Timer, Timers } from '#platform';

type BacklogOptions = {
  readonly errands: Pick<ErrandRepository, 'pending'>;
  readonly timers: Timers;
  readonly report: (message: string, facts: Record<string, unknown>) => void;
};

const everyMs = 10_000;

export class Backlog {
  private counted: readonly PendingErrands[] | null = null;
  private timer: Timer | null = null;
  private counting: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly options: BacklogOptions) {}

  start(): void {
    this.counting = this.count().finally(() => {
      if (!this.stopped) this.timer = this.options.timers.after(everyMs, () => this.start());
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.counting;
  }

  /** At the last count; null: nobody could count. */
  last(): readonly PendingErrands[] | null {
    return this.counted;
  }

  private async count(): Promise<void> {
    try {
      this.counted = await this.options.errands.pending();
    } catch (error) {
      this.counted = null;
      this.options.report('pending errands were not counted and will be', { error: String(error) });
    }
  }
}
