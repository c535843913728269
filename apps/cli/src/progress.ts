/** A bar on standard error for whatever takes longer than two seconds, where somebody is there to see it. */
import { SingleBar } from 'cli-progress';
import type { Clock } from '#platform';

const patienceMs = 2_000;

export class Progress {
  private readonly sinceMs: number;
  private bar: SingleBar | null = null;
  private value = 0;
  private what = 'reading';
  private rows = 0;

  constructor(
    private readonly clock: Clock,
    private readonly total: number,
    private readonly unit: string,
  ) {
    this.sinceMs = clock.monotonicMs();
  }

  /** How much of the total is done. */
  to(value: number): void {
    this.value = value;
    this.draw();
  }

  /** What is being done, and how many rows that are so far. */
  say(what: string, rows: number): void {
    this.what = what;
    this.rows = rows;
    this.draw();
  }

  stop(): void {
    this.bar?.stop();
  }

  private draw(): void {
    if (!process.stderr.isTTY || this.clock.monotonicMs() - this.sinceMs < patienceMs) return;
    const payload = { what: this.what, rows: this.rows.toLocaleString('en') };
    if (this.bar) this.bar.update(this.value, payload);
    else {
      this.bar = new SingleBar({
        stream: process.stderr,
        format: `{what} {bar} {percentage}% of {total} ${this.unit}, {rows} rows, {duration_formatted}`,
        hideCursor: true,
        clearOnComplete: true,
      });
      this.bar.start(this.total, this.value, payload);
    }
  }
}
