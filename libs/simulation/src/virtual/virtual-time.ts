/**
 * Time that goes when told to: a clock and timers over a queue of what is due. Between two moments everything that can go
 * on without time passing does, so a day is as long as what happens in it; and what happens at one moment happens in the
 * order in which it was asked for, so a run repeats itself exactly.
 */
import { type Clock, systemTimers, type Timer, type Timers } from '#platform';

type Due = { readonly atMs: number; readonly order: number; readonly call: () => void; cancelled: boolean };

export class VirtualTime implements Clock, Timers {
  /** A binary heap by time, then by order. */
  private readonly heap: Due[] = [];
  private asked = 0;
  private elapsedMs = 0;

  /** @param beganMs the date on which it begins, in milliseconds since 1970 */
  constructor(private readonly beganMs: number) {}

  nowMs(): number {
    return this.beganMs + Math.floor(this.elapsedMs);
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  after(delayMs: number, call: () => void): Timer {
    this.asked += 1;
    const due: Due = {
      atMs: this.elapsedMs + Math.max(0, delayMs),
      order: this.asked,
      call,
      cancelled: false,
    };
    this.push(due);
    return {
      cancel: () => {
        due.cancelled = true;
      },
    };
  }

  endOfTurn(call: () => void): void {
    this.after(0, call);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  /** Lets time pass until the work is done. @throws when the work waits for something that no time will bring */
  async pass<Result>(work: Promise<Result>): Promise<Result> {
    const state = { done: false };
    const settled = work.finally(() => {
      state.done = true;
    });
    // Its failure is this function's.
    settled.catch(() => undefined);
    for (;;) {
      await turn();
      if (state.done) return settled;
      const next = this.first();
      if (!next) throw new Error('the work waits for something that no time will bring');
      this.elapsedMs = next.atMs;
      // All that is due at this moment, in one turn.
      for (let due: Due | undefined = next; due && due.atMs <= this.elapsedMs; due = this.first()) {
        this.pop();
        due.call();
      }
    }
  }

  private push(due: Due): void {
    const { heap } = this;
    let place = heap.push(due) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(due, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = due;
  }

  /** The next that has not been cancelled; it stays. */
  private first(): Due | undefined {
    while (this.heap[0]?.cancelled) this.pop();
    return this.heap[0];
  }

  private pop(): void {
    const last = this.heap.pop();
    if (last && this.heap.length > 0) this.sink(last);
  }

  private sink(due: Due): void {
    const { heap } = this;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(due, heap[child]!)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = due;
  }
}

function isBefore(left: Due, right: Due): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}

/** Everything that waits for nothing but a promise has gone on when it settles. */
function turn(): Promise<void> {
  return new Promise((resolve) => systemTimers.endOfTurn(resolve));
}
