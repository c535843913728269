/**
 * Forgets what nobody will ask for again: answers under Idempotency-Keys, events of providers. A little at a time, in every
 * instance; forgetting twice does no harm. What a key has made (a reservation, an adjustment, a payment) stays in the ledger under
 * the id that followed from the key, so a key that comes again finds it, forgotten or not.
 */
import type { Timer, Timers } from '#platform';
import type { IdempotencyLedger, PaymentLedger } from '../ports.js';

export type RetentionOptions = {
  readonly idempotency: Pick<IdempotencyLedger, 'pages' | 'forget'>;
  readonly payments: Pick<PaymentLedger, 'forgetEvents'>;
  readonly timers: Timers;
  readonly idempotencyKeyDays: number;
  readonly report: (message: string, facts: Record<string, unknown>) => void;
};

/** Against replays. */
const inboxDays = 30;
const eventsAtOnce = 1_000;
/** Two megabytes of the table. */
const pagesAtOnce = 256;
const stepEveryMs = 1_000;
/** Between two rounds through all of it. */
const roundEveryMs = 3_600_000;

export class Retention {
  private timer: Timer | null = null;
  private working: Promise<void> = Promise.resolve();
  private stopped = false;
  /** Where the round under way is, and where it ends. */
  private page = 0;
  private pages = 0;

  constructor(private readonly options: RetentionOptions) {}

  start(delayMs = stepEveryMs): void {
    this.timer = this.options.timers.after(delayMs, () => {
      this.working = this.step().then((nextMs) => {
        if (!this.stopped) this.start(nextMs);
      });
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.working;
  }

  /** @returns after how many milliseconds the next one is due. What fails is reported and left to the next. */
  async step(): Promise<number> {
    try {
      return (await this.forgetSome()) ? stepEveryMs : roundEveryMs;
    } catch (error) {
      this.options.report('what is too old was not forgotten, and will be', { error: String(error) });
      return roundEveryMs;
    }
  }

  /** @returns whether the round goes on. */
  private async forgetSome(): Promise<boolean> {
    const { idempotency, payments, idempotencyKeyDays: days } = this.options;
    if (this.page === 0) {
      if ((await payments.forgetEvents(inboxDays, eventsAtOnce)) === eventsAtOnce) return true;
      this.pages = await idempotency.pages();
    }
    if (this.page >= this.pages) {
      this.page = 0;
      return false;
    }
    await idempotency.forget({ days, page: this.page, pages: pagesAtOnce });
    this.page += pagesAtOnce;
    return true;
  }
}
