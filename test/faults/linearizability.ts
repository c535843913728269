/**
 * One shelf, many processes: is there one order of what the buyers saw, each at one instant between its asking and its
 * answer, in which a single counter would have said the same? Wing and Gong's search with Lowe's memory of what was tried.
 *
 * A hold that was never acknowledged may lapse (docs/specification.md). So a buyer may be refused units that somebody had
 * been asking for who got no answer, though they turn out to be free.
 */

/** Something that takes units off the shelf or gives them back, and what was said of it. */
export type ShelfOperation = {
  readonly kind: 'take' | 'give';
  readonly quantity: number;
  readonly calledMs: number;
  /** Infinity while nobody has heard: it may have happened, or may yet. */
  returnedMs: number;
  /** `refused`: there were fewer than asked for, this many if it was said. */
  outcome: 'done' | 'refused' | 'unknown';
  available?: number;
  /** An attempt at it got no answer: it may have held for a while, and have lapsed, whatever came of it later. */
  lapsed?: boolean;
};

export type Verdict = 'linearizable' | 'not-linearizable' | 'undecided';

/** The search is exponential where many answers are missing. */
const stepsMax = 2_000_000;

type Moment = {
  readonly operation: number;
  readonly isReturn: boolean;
  next: Moment | null;
  before: Moment | null;
};

export function judge(history: readonly ShelfOperation[], units: number): Verdict {
  const operations = history.toSorted((left, right) => left.calledMs - right.calledMs);
  const { head, returnOf } = momentsOf(operations);
  const done = new Uint8Array(operations.length);
  const tried = new Set<string>();
  const path: { moment: Moment; units: number }[] = [];
  let left = units;
  let moment = head.next;
  for (let step = 0; step < stepsMax; step += 1) {
    if (moment === null) return 'linearizable';
    const operation = operations[moment.operation]!;
    if (!moment.isReturn) {
      const after = answeredAs(operation, left, () => lapsedBy(operation, operations, done));
      const memo = after === null ? '' : memoOf(done, moment.operation, after);
      if (after === null || tried.has(memo)) {
        moment = moment.next;
        continue;
      }
      tried.add(memo);
      path.push({ moment, units: left });
      done[moment.operation] = 1;
      left = after;
      lift(moment, returnOf[moment.operation]!);
      moment = head.next;
      continue;
    }
    // Only what nobody has heard of is left: it may never have happened.
    if (operation.returnedMs === Infinity) return 'linearizable';
    const last = path.pop();
    if (!last) return 'not-linearizable';
    left = last.units;
    done[last.moment.operation] = 0;
    unlift(last.moment, returnOf[last.moment.operation]!);
    moment = last.moment.next;
  }
  return 'undecided';
}

/** The units after it; null: with so many, this would not have been said. `away`: how many may not have been there for a while. */
function answeredAs(
  { kind, quantity, outcome, available }: ShelfOperation,
  units: number,
  away: () => number,
): number | null {
  if (kind === 'give') return units + quantity;
  if (outcome !== 'refused') return units >= quantity ? units - quantity : null;
  const seen = available ?? Math.min(units, quantity - 1);
  const isSo = seen < quantity && (seen === units || (seen < units && units - seen <= away()));
  return isSo ? units : null;
}

/** Units that others were asking for by then who got no answer, and that this order has not given to them yet. */
function lapsedBy(
  { returnedMs }: ShelfOperation,
  operations: readonly ShelfOperation[],
  done: Uint8Array,
): number {
  return operations
    .filter(
      ({ kind, lapsed, calledMs }, index) =>
        kind === 'take' && lapsed && calledMs < returnedMs && done[index] === 0,
    )
    .reduce((units, { quantity }) => units + quantity, 0);
}

/** Sorted by call, so what is done is everything before the first gap, and a few beyond. */
function memoOf(done: Uint8Array, now: number, units: number): string {
  done[now] = 1;
  const gap = done.indexOf(0);
  const memo = `${gap}:${gap < 0 ? '' : done.subarray(gap, done.lastIndexOf(1) + 1).join('')}|${units}`;
  done[now] = 0;
  return memo;
}

function momentsOf(operations: readonly ShelfOperation[]): { head: Moment; returnOf: Moment[] } {
  const moments = operations.flatMap(({ calledMs, returnedMs }, operation) => [
    { atMs: calledMs, operation, isReturn: false },
    { atMs: returnedMs, operation, isReturn: true },
  ]);
  moments.sort((a, b) => (a.atMs === b.atMs ? Number(a.isReturn) - Number(b.isReturn) : a.atMs - b.atMs));
  const head: Moment = { operation: -1, isReturn: false, next: null, before: null };
  const returnOf: Moment[] = [];
  let before = head;
  for (const { operation, isReturn } of moments) {
    const moment: Moment = { operation, isReturn, next: null, before };
    before.next = moment;
    before = moment;
    if (isReturn) returnOf[operation] = moment;
  }
  return { head, returnOf };
}

function lift(call: Moment, end: Moment): void {
  for (const moment of [call, end]) {
    moment.before!.next = moment.next;
    if (moment.next !== null) moment.next.before = moment.before;
  }
}

function unlift(call: Moment, end: Moment): void {
  for (const moment of [end, call]) {
    moment.before!.next = moment;
    if (moment.next !== null) moment.next.before = moment;
  }
}
