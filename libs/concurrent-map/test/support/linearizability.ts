/**
 * Is there one order of these operations, each at one instant between its call and its return, in which the sequential
 * map would have answered the same? Wing and Gong's search with Lowe's memory of what has been tried.
 */

/** A call and what came of it. `returned` is Infinity when nobody saw the answer, because the thread died. */
export type Operation = {
  readonly called: number;
  readonly returned: number;
  readonly call: Call;
  readonly answer: Answer;
};

export type Answer = number | string | boolean | null;

export type Call =
  | { readonly op: 'load' | 'loadAndDelete' | 'delete'; readonly key: string }
  | { readonly op: 'store' | 'swap' | 'loadOrStore'; readonly key: string; readonly value: number }
  | { readonly op: 'compareAndSwap'; readonly key: string; readonly value: number; readonly next: number }
  | {
      readonly op: 'compareAndDelete' | 'add' | 'takeIfAtLeast';
      readonly key: string;
      readonly value: number;
    }
  | { readonly op: 'clear' }
  | { readonly op: 'compact' }
  | { readonly op: 'compactStep' };

/** Keys and their values: the plain map that the concurrent one is compared with. */
export type State = ReadonlyMap<string, number>;

/** What the plain map answers, and what it looks like afterwards. */
export function applyCall(state: State, call: Call): { answer: Answer; after: State } {
  if (call.op === 'clear') return { answer: null, after: new Map() };
  if (call.op === 'compact' || call.op === 'compactStep') return { answer: null, after: state };
  const { key } = call;
  const current = state.get(key);
  const same = (answer: Answer): { answer: Answer; after: State } => ({ answer, after: state });
  const put = (answer: Answer, value: number): { answer: Answer; after: State } => ({
    answer,
    after: new Map(state).set(key, value),
  });
  const removed = (answer: Answer): { answer: Answer; after: State } => {
    const after = new Map(state);
    after.delete(key);
    return { answer, after };
  };
  switch (call.op) {
    case 'load':
      return same(current ?? null);
    case 'store':
      return put(null, call.value);
    case 'swap':
      return put(current ?? null, call.value);
    case 'loadOrStore':
      return current === undefined ? put(`stored ${call.value}`, call.value) : same(`loaded ${current}`);
    case 'loadAndDelete':
      return removed(current ?? null);
    case 'delete':
      return removed(current !== undefined);
    case 'compareAndSwap':
      return current === call.value ? put(true, call.next) : same(false);
    case 'compareAndDelete':
      return current === call.value ? removed(true) : same(false);
    case 'add':
      return current === undefined ? same(null) : put(current + call.value, current + call.value);
    case 'takeIfAtLeast':
      return current === undefined || current < call.value
        ? same(null)
        : put(current - call.value, current - call.value);
  }
}

type Event = {
  readonly operation: number;
  readonly isReturn: boolean;
  next: Event | null;
  previous: Event | null;
};

/** True when such an order exists. The history may be in any order; time stamps of different operations may not tie. */
export function isLinearizable(unordered: readonly Operation[], initial: State = new Map()): boolean {
  const history = unordered.toSorted((a, b) => a.called - b.called);
  const { head, returnOf } = eventList(history);
  const done = new Uint8Array(history.length);
  const tried = new Set<string>();
  const path: { event: Event; before: State }[] = [];
  let state = initial;
  let event = head.next;
  for (;;) {
    if (event === null) return true;
    if (!event.isReturn) {
      const after = answersAs(history[event.operation]!, state);
      if (after !== undefined) {
        done[event.operation] = 1;
        const memo = memoOf(done, after);
        if (!tried.has(memo)) {
          tried.add(memo);
          path.push({ event, before: state });
          state = after;
          lift(event, returnOf[event.operation]!);
          event = head.next;
          continue;
        }
        done[event.operation] = 0;
      }
      event = event.next;
      continue;
    }
    // Only operations whose answer nobody saw are left: they may have happened, or not.
    if (history[event.operation]!.returned === Infinity) return true;
    const last = path.pop();
    if (last === undefined) return false;
    state = last.before;
    done[last.event.operation] = 0;
    unlift(last.event, returnOf[last.event.operation]!);
    event = last.event.next;
  }
}

function answersAs(operation: Operation, state: State): State | undefined {
  const { answer, after } = applyCall(state, operation.call);
  return operation.returned === Infinity || answer === operation.answer ? after : undefined;
}

/** Histories are sorted by call, so what is done is everything before the first gap, and a few beyond. */
const memoOf = (done: Uint8Array, state: State): string =>
  `${done.indexOf(0)}:${done.subarray(done.indexOf(0), done.lastIndexOf(1) + 1).join('')}|${[...state]
    .map((pair) => pair.join('='))
    .sort()
    .join(',')}`;

function eventList(history: readonly Operation[]): { head: Event; returnOf: Event[] } {
  const moments = history.flatMap(({ called, returned }, operation) => [
    { at: called, operation, isReturn: false },
    { at: returned, operation, isReturn: true },
  ]);
  moments.sort((a, b) => (a.at === b.at ? Number(a.isReturn) - Number(b.isReturn) : a.at - b.at));
  const head: Event = { operation: -1, isReturn: false, next: null, previous: null };
  const returnOf: Event[] = [];
  let previous = head;
  for (const { operation, isReturn } of moments) {
    const event: Event = { operation, isReturn, next: null, previous };
    previous.next = event;
    previous = event;
    if (isReturn) returnOf[operation] = event;
  }
  return { head, returnOf };
}

function lift(call: Event, end: Event): void {
  for (const event of [call, end]) {
    event.previous!.next = event.next;
    if (event.next !== null) event.next.previous = event.previous;
  }
}

function unlift(call: Event, end: Event): void {
  for (const event of [end, call]) {
    event.previous!.next = event;
    if (event.next !== null) event.next.previous = event;
  }
}

/** One history per key: operations on different keys of a map do not constrain each other. Not for `clear`. */
export function perKey(history: readonly Operation[]): Map<string, Operation[]> {
  const parts = new Map<string, Operation[]>();
  for (const operation of history) {
    const { call } = operation;
    if (!('key' in call)) continue;
    const part = parts.get(call.key);
    if (part === undefined) parts.set(call.key, [operation]);
    else part.push(operation);
  }
  return parts;
}
