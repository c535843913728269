/**
 * The Idempotency-Key of something the operator wants. While it is not known whether an attempt was carried out (its
 * answer was lost, or the service failed), the same input goes out under the same key again, so that a second click
 * cannot do it twice. Another input, or another attempt after an answer, is a new intention with a new key.
 */
import type { ProblemError } from './problem.js';

export class Intention {
  private open: { readonly input: string; readonly key: string } | null = null;

  constructor(private readonly newKey: () => string) {}

  /** The key to send this input under. */
  keyFor(input: unknown): string {
    const text = JSON.stringify(input) ?? '';
    if (this.open?.input !== text) this.open = { input: text, key: this.newKey() };
    return this.open.key;
  }

  /** What became of the attempt; none: it was carried out. */
  settle(problem?: ProblemError): void {
    if (problem?.undecided !== true) this.open = null;
  }
}
