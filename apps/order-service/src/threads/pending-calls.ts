/** Calls over a message port: each gets the answer with its number, or none within its time. */
import type { Timers } from '#platform';

export class PendingCalls<Answer> {
  private readonly waiting = new Map<number, (answer: Answer | undefined) => void>();
  private count = 0;

  constructor(private readonly timers: Pick<Timers, 'after'>) {}

  /** @returns undefined when there is no answer within the time */
  ask(send: (call: number) => void, withinMs: number): Promise<Answer | undefined> {
    const call = (this.count += 1);
    return new Promise((resolve) => {
      const timer = this.timers.after(withinMs, () => this.answered(call, undefined));
      this.waiting.set(call, (answer) => {
        timer.cancel();
        resolve(answer);
      });
      send(call);
    });
  }

  answered(call: number, answer: Answer | undefined): void {
    this.waiting.get(call)?.(answer);
    this.waiting.delete(call);
  }
}
