/** A contended SKU: few units, requests for it alone, and everything that was said about them. */
import { judge, type ShelfOperation, type Verdict } from './linearizability.js';
import type { HttpAnswer } from './http.js';
import type { Intent } from './intent.js';

/** The cache looks again at what it refuses after a second at the latest: a refusal may be as old as that. */
const refusalAgeMaxMs = 1_000;

export class ContendedSku {
  private readonly operations = new Map<string, ShelfOperation>();

  constructor(private readonly units: number) {}

  get size(): number {
    return this.operations.size;
  }

  began(intent: Intent): void {
    if (this.operations.has(intent.key)) return;
    const quantity = quantityOf(intent);
    // A payment keeps the units for as long as the hold would have, here, and then sells them or lets go of nothing.
    const changesTheShelf =
      intent.kind === 'reserve' || intent.kind === 'release' || intent.kind === 'cancel';
    if (!changesTheShelf || quantity === 0) return;
    this.operations.set(intent.key, {
      kind: intent.kind === 'reserve' ? 'take' : 'give',
      quantity,
      calledMs: performance.now(),
      returnedMs: Infinity,
      outcome: 'unknown',
    });
  }

  /** An attempt got no answer. */
  lapsed({ key }: Intent): void {
    const operation = this.operations.get(key);
    if (operation) this.operations.set(key, { ...operation, lapsed: true });
  }

  ended({ kind, key }: Intent, { status, text }: HttpAnswer): void {
    const operation = this.operations.get(key);
    // A cancellation is final before its units are back on the shelf: they come when Redis can take them.
    if (!operation || status >= 500 || (kind === 'cancel' && status < 300)) return;
    const returnedMs = performance.now();
    if (status < 300) this.operations.set(key, { ...operation, returnedMs, outcome: 'done' });
    else if (operation.kind === 'give') this.operations.delete(key);
    else {
      const { available } = JSON.parse(text) as { available?: number };
      const calledMs = operation.calledMs - refusalAgeMaxMs;
      const said = available === undefined ? {} : { available };
      this.operations.set(key, { ...operation, ...said, calledMs, returnedMs, outcome: 'refused' });
    }
  }

  /** A line an operation, in the order of the asking. */
  toString(): string {
    return [...this.operations.values()].map((operation) => JSON.stringify(operation)).join('\n');
  }

  verdict(): Verdict {
    return judge([...this.operations.values()], this.units);
  }
}

function quantityOf(intent: Intent): number {
  const lines = 'of' in intent ? intent.of.lines : 'lines' in intent ? intent.lines : [];
  return lines.length === 1 ? lines[0]!.quantity : 0;
}
