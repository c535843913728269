/** Tells the merchant what happened: signed, retried until it is accepted, with whatever faults are planned. */
import { sign, signatureHeader, type SandboxEvent } from '#payments';
import type { Clock, Timer, Timers } from '#platform';
import type { Book } from './book.js';
import type { Faults } from './faults.js';

export type WebhookOptions = {
  readonly book: Book;
  readonly faults: Faults;
  readonly secret: string;
  readonly clock: Clock;
  readonly timers: Timers;
};

const timeoutMs = 5_000;
const retryMs = { first: 500, most: 60_000 };

export class Webhooks {
  private readonly waiting = new Set<Timer>();
  private readonly underWay = new Set<Promise<void>>();
  private readonly closing = new AbortController();
  /** Null: nobody listens yet. */
  private url: string | null = null;

  constructor(private readonly options: WebhookOptions) {}

  /** From now on events go there, those that nobody has taken yet included. */
  deliverTo(url: string): void {
    this.url = url;
    for (const { event, sent } of this.options.book.events.values()) if (!sent) this.send(event, 0, 0);
  }

  tell(event: SandboxEvent): void {
    const { book, faults } = this.options;
    const copies = faults.sentAfterMs();
    book.write({ event, sent: copies.length === 0 });
    if (this.url !== null) for (const delayMs of copies) this.send(event, delayMs, 0);
  }

  async close(): Promise<void> {
    for (const timer of this.waiting) timer.cancel();
    this.closing.abort();
    await Promise.all(this.underWay);
  }

  private send(event: SandboxEvent, delayMs: number, attempt: number): void {
    const timer = this.options.timers.after(delayMs, () => {
      this.waiting.delete(timer);
      const work: Promise<void> = this.post(event).then((taken) => {
        this.underWay.delete(work);
        if (taken) this.options.book.write({ event, sent: true });
        else if (!this.closing.signal.aborted)
          this.send(event, Math.min(retryMs.first * 2 ** Math.min(attempt, 20), retryMs.most), attempt + 1);
      });
      this.underWay.add(work);
    });
    this.waiting.add(timer);
  }

  private async post(event: SandboxEvent): Promise<boolean> {
    const { secret, clock } = this.options;
    const body = Buffer.from(JSON.stringify(event));
    try {
      const response = await fetch(this.url!, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [signatureHeader]: sign(body, secret, clock.nowMs()) },
        body,
        signal: AbortSignal.any([this.closing.signal, AbortSignal.timeout(timeoutMs)]),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}
