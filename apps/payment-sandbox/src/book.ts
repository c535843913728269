/**
 * The sandbox's records: charges, refunds and events, each with its latest state, kept as lines of JSON that are only ever
 * appended. Everything is read from memory; the file restores it after a restart.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { SandboxCharge, SandboxEvent, SandboxRefund, SandboxTransaction } from '#payments';

export type BookedCharge = SandboxCharge & { readonly key: string };
export type BookedRefund = SandboxRefund & { readonly key: string };
export type BookedEvent = { readonly event: SandboxEvent; readonly sent: boolean };

type Line =
  | { readonly charge: BookedCharge }
  | { readonly refund: BookedRefund }
  | { readonly event: SandboxEvent; readonly sent: boolean }
  /** Listings show it from `visibleAtMs` on; a line without it, at once. */
  | { readonly transaction: SandboxTransaction; readonly visibleAtMs?: number };

type Movement = {
  readonly row: SandboxTransaction;
  readonly visibleAtMs: number;
  readonly position: string;
};

export class Book {
  readonly charges = new Map<string, BookedCharge>();
  readonly refunds = new Map<string, BookedRefund>();
  readonly events = new Map<string, BookedEvent>();
  private readonly movements: Movement[] = [];
  /** The same in the order of time and id: whoever lists begins in its middle. */
  private readonly inOrder: Movement[] = [];
  private readonly byKey = new Map<string, string>();
  private readonly byReference = new Map<string, string>();

  /** @param file null: nothing outlives the process. */
  constructor(private readonly file: string | null) {
    if (file === null || !existsSync(file)) return;
    for (const text of readFileSync(file, 'utf8').split('\n')) {
      const line = parse(text);
      if (line) this.learn(line);
    }
  }

  write(line: Line): void {
    if (this.file !== null) appendFileSync(this.file, `${JSON.stringify(line)}\n`);
    this.learn(line);
  }

  /** What was made under an idempotency key. */
  madeUnder(key: string): { readonly charge?: BookedCharge; readonly refund?: BookedRefund } {
    const id = this.byKey.get(key) ?? '';
    const [charge, refund] = [this.charges.get(id), this.refunds.get(id)];
    return { ...(charge && { charge }), ...(refund && { refund }) };
  }

  chargeFor(reference: string): BookedCharge | undefined {
    return this.charges.get(this.byReference.get(reference) ?? '');
  }

  /** What is left of a charge to give back. */
  refundable(charge: SandboxCharge): number {
    let left = charge.status === 'succeeded' ? charge.amount.value : 0;
    for (const refund of this.refunds.values()) {
      if (refund.charge === charge.id && refund.status !== 'failed') left -= refund.amount.value;
    }
    return left;
  }

  transaction(id: string): SandboxTransaction | undefined {
    return this.movements.find(({ row }) => row.id === id)?.row;
  }

  /** Movements that can be seen at that time, as they were booked. */
  seenAt(nowMs: number): SandboxTransaction[] {
    return this.movements.filter(({ visibleAtMs }) => visibleAtMs <= nowMs).map(({ row }) => row);
  }

  /** Those of a half-open window, by time and id, after a position; at most so many. */
  list(
    window: { readonly from: number; readonly until: number },
    {
      after,
      nowMs,
      limit,
    }: { readonly after: string | null; readonly nowMs: number; readonly limit: number },
  ): SandboxTransaction[] {
    const rows: SandboxTransaction[] = [];
    const begin = placeOf(this.inOrder, momentOf(window.from));
    const next = after === null ? 0 : placeOf(this.inOrder, `${after}\0`);
    for (let place = Math.max(begin, next); place < this.inOrder.length && rows.length < limit; place += 1) {
      const { row, visibleAtMs } = this.inOrder[place]!;
      if (row.createdAtMs >= window.until) break;
      if (visibleAtMs <= nowMs) rows.push(row);
    }
    return rows;
  }

  private learn(line: Line): void {
    if ('charge' in line) {
      const { charge } = line;
      this.charges.set(charge.id, charge);
      this.byKey.set(charge.key, charge.id);
      this.byReference.set(charge.reference, charge.id);
    } else if ('refund' in line) {
      this.refunds.set(line.refund.id, line.refund);
      this.byKey.set(line.refund.key, line.refund.id);
    } else if ('transaction' in line) {
      const { transaction: row, visibleAtMs = 0 } = line;
      const movement = { row, visibleAtMs, position: positionOf(row) };
      this.movements.push(movement);
      this.inOrder.splice(placeOf(this.inOrder, movement.position), 0, movement);
    } else this.events.set(line.event.id, line);
  }
}

/** Sorts as text in the order of time and id. */
export function positionOf({ createdAtMs, id }: SandboxTransaction): string {
  return `${momentOf(createdAtMs)}.${id}`;
}

const momentOf = (ms: number): string => String(ms).padStart(15, '0');

/** Where the first movement at or after the position is; movements mostly come at the end. */
function placeOf(inOrder: readonly Movement[], position: string): number {
  let [low, high] = [0, inOrder.length];
  if (high > 0 && inOrder[high - 1]!.position < position) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (inOrder[middle]!.position < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The last line may have been cut off by a crash. */
function parse(text: string): Line | undefined {
  try {
    return text === '' ? undefined : (JSON.parse(text) as Line);
  } catch {
    return undefined;
  }
}
