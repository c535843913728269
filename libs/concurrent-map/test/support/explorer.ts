/**
 * Runs small programs of a few threads over the stepped map in every order that can matter.
 *
 * Two orders differ only if two steps that touch the same bytes, one of them to write, come the other way round, or a
 * return and a call do. Dynamic partial-order reduction (Flanagan and Godefroid 2005) with sleep sets finds one
 * schedule for each such class: run one, look for the latest step that raced with a later one, run again with the two
 * exchanged, until no exchange is left. Every history must be linearizable, up to a last
 * load of every key, and what is inside must fit together.
 */
import { isLinearizable, type Answer, type Call, type Operation } from './linearizability.js';
import type { Step, Stepped, SteppedLibrary, SteppedMap } from './stepped-source.js';

/**
 * `range` is no operation of a plain map at one instant. What it promises is judged as a load of every key during the
 * call: a key that was visited had that value then, one that was not was absent then.
 */
export type ProgramCall = Call | { readonly op: 'range' };

export type Program = {
  /** Done by the first thread before the others begin; all threads then look at every key once. */
  readonly setup: readonly Call[];
  readonly threads: readonly (readonly ProgramCall[])[];
  /** All keys share the hash 0 unless it is given. */
  readonly hash?: (key: string) => number;
  readonly entriesMax?: number;
  readonly sparesMin?: number;
  /** A call may be refused because the map is full: it has then not taken place. */
  readonly mayFill?: true;
};

export type Exploration = {
  readonly schedules: number;
  /** Whether all schedules were run, or the limit was met. */
  readonly exhaustive: boolean;
  /** The first history that no sequential map could have. */
  readonly violation?: string;
};

type Access = {
  readonly kind: 'call' | 'return' | 'read' | 'write';
  readonly at: number;
  readonly bytes: number;
};
type Thread = {
  readonly map: SteppedMap;
  readonly calls: readonly ProgramCall[];
  /** What the range under way has visited. */
  visited: Map<string, Answer>;
  next: number;
  running: Stepped<unknown> | undefined;
  called: number;
  pending: Access | undefined;
};
/** The state before one step of the current schedule. */
type Choice = {
  chosen: number;
  access: Access;
  /** How many steps of each thread happen before this one is over. */
  clock: number[];
  readonly backtrack: Set<number>;
  readonly done: Set<number>;
  readonly sleeping: Map<number, Access>;
};

const keys = ['A', 'B', 'C', 'D'];
const reads = new Set(['load', 'peek']);
/** The answer to a call that found no room. */
const refused = Symbol('refused');

export function explore(library: SteppedLibrary, program: Program, schedulesMax: number): Exploration {
  const stack: Choice[] = [];
  for (let schedules = 1; ; schedules++) {
    const violation = runOnce(library, program, stack);
    if (violation !== undefined) return { schedules, exhaustive: false, violation };
    if (!backUp(stack)) return { schedules, exhaustive: true };
    if (schedules >= schedulesMax) return { schedules, exhaustive: false };
  }
}

/**
 * All schedules with at most so many preemptions, whatever they touch: cheap for long operations, and most bugs need
 * only one or two (Musuvathi and Qadeer 2007).
 */
export function explorePreemptions(
  library: SteppedLibrary,
  program: Program,
  options: { preemptionsMax: number; schedulesMax: number },
): Exploration {
  /** At each step, which of the possible threads was taken; the first is the one that was running. */
  const path: { taken: number; possible: number }[] = [];
  for (let schedules = 1; ; schedules++) {
    const world = new World(library, program);
    let running = -1;
    let preemptions = 0;
    for (let depth = 0, alive = world.alive(); alive.length > 0; depth++, alive = world.alive()) {
      const goesOn = alive.includes(running);
      const choices = goesOn ? [running, ...alive.filter((thread) => thread !== running)] : alive;
      const possible = goesOn && preemptions === options.preemptionsMax ? 1 : choices.length;
      path[depth] ??= { taken: 0, possible };
      const { taken } = path[depth]!;
      if (goesOn && taken > 0) preemptions++;
      running = choices[taken]!;
      world.step(running);
    }
    const violation = world.verdict();
    if (violation !== undefined) return { schedules, exhaustive: false, violation };
    while (path.length > 0 && path.at(-1)!.taken + 1 >= path.at(-1)!.possible) path.pop();
    if (path.length === 0) return { schedules, exhaustive: true };
    if (schedules >= options.schedulesMax) return { schedules, exhaustive: false };
    path.at(-1)!.taken++;
  }
}

/**
 * One run under the choices of `choose`, which is told how many threads could go on and picks one of them. Below 0 it
 * ends the run: whatever was under way then died with its thread. Returns the violation, if any.
 */
export function sample(
  library: SteppedLibrary,
  program: Program,
  choose: (alive: number) => number,
): string | undefined {
  const world = new World(library, program);
  for (let alive = world.alive(); alive.length > 0; alive = world.alive()) {
    const chosen = choose(alive.length);
    if (chosen < 0) break;
    world.step(alive[chosen]!);
  }
  world.bury();
  return world.verdict();
}

/** Leaves the stack at the deepest choice that has an untried alternative. */
function backUp(stack: Choice[]): boolean {
  for (; stack.length > 0; stack.pop()) {
    const top = stack.at(-1)!;
    top.done.add(top.chosen);
    top.sleeping.set(top.chosen, top.access);
    const untried = [...top.backtrack].find((thread) => !top.done.has(thread) && !top.sleeping.has(thread));
    if (untried !== undefined) {
      top.chosen = untried;
      return true;
    }
  }
  return false;
}

function runOnce(library: SteppedLibrary, program: Program, stack: Choice[]): string | undefined {
  const world = new World(library, program);
  const replayed = stack.length;
  let sleeping = new Map<number, Access>();
  for (let depth = 0; ; depth++) {
    const alive = world.alive();
    if (alive.length === 0) return world.verdict();
    if (depth >= replayed) {
      const awake = alive.filter((thread) => !sleeping.has(thread));
      // Every thread sleeps: what would follow has been run in another order.
      if (awake.length === 0) return undefined;
      const chosen = awake[0]!;
      stack.push({
        chosen,
        access: world.threads[chosen]!.pending!,
        clock: [],
        backtrack: new Set([chosen]),
        done: new Set(),
        sleeping,
      });
    }
    const choice = stack[depth]!;
    choice.access = world.threads[choice.chosen]!.pending!;
    if (depth >= replayed - 1)
      for (const thread of alive) noteRace(stack, depth, thread, world.threads[thread]!.pending!);
    choice.clock = clockAfter(stack, depth);
    sleeping = new Map(
      [...choice.sleeping].filter(
        ([thread, access]) => thread !== choice.chosen && !dependent(access, choice.access),
      ),
    );
    world.step(choice.chosen);
  }
}

/** Marks where the latest step that races with `access` of `thread` could have been exchanged with it. */
function noteRace(stack: readonly Choice[], depth: number, thread: number, access: Access): void {
  const own = lastOf(stack, depth, thread);
  const clock = own === undefined ? [] : own.clock;
  for (let at = depth - 1; at >= 0; at--) {
    const earlier = stack[at]!;
    if (earlier.chosen === thread || !dependent(earlier.access, access)) continue;
    if ((clock[earlier.chosen] ?? -1) >= at) return;
    earlier.backtrack.add(thread);
    return;
  }
}

function lastOf(stack: readonly Choice[], depth: number, thread: number): Choice | undefined {
  for (let at = depth - 1; at >= 0; at--) if (stack[at]!.chosen === thread) return stack[at];
  return undefined;
}

/** For each thread, the depth of its latest step that happens before the end of the step at `depth`. */
function clockAfter(stack: readonly Choice[], depth: number): number[] {
  const { chosen, access } = stack[depth]!;
  const clock: number[] = [];
  for (let at = depth - 1; at >= 0; at--) {
    const earlier = stack[at]!;
    if (earlier.chosen !== chosen && !dependent(earlier.access, access)) continue;
    for (const [thread, seen] of earlier.clock.entries())
      clock[thread] = Math.max(clock[thread] ?? -1, seen ?? -1);
  }
  clock[chosen] = depth;
  return clock;
}

function dependent(a: Access, b: Access): boolean {
  if (a.kind === 'call' || a.kind === 'return') return (a.kind === 'call' ? 'return' : 'call') === b.kind;
  if (b.kind === 'call' || b.kind === 'return') return false;
  return (a.kind === 'write' || b.kind === 'write') && a.at < b.at + b.bytes && b.at < a.at + a.bytes;
}

type Inside = {
  readonly directory: {
    readonly memory: {
      readonly words: Int32Array;
      readonly geometry: { readonly ownersAt: number };
      root(): Stepped<number>;
    };
    readonly index: {
      successor(root: number): Stepped<number>;
      eachReference(root: number, visit: (reference: number) => Stepped<void>): Stepped<boolean>;
    };
  };
};

/** One run: the buffer, the threads, and what has been called and answered. */
class World {
  readonly threads: Thread[];
  private readonly history: Operation[] = [];
  private readonly size: () => unknown;
  private readonly wide: boolean;
  private readonly mayFill: boolean;
  private wrong: string | undefined;
  private time = 0;

  constructor(library: SteppedLibrary, program: Program) {
    this.wide = library.wide;
    this.mayFill = program.mayFill ?? false;
    const geometry = {
      wide: library.wide,
      entriesMax: program.entriesMax ?? 3,
      keyLengthMax: 2,
      sparesMin: program.sparesMin ?? 2,
      indexLog2Min: 2,
    };
    const buffer = library.layOut(library.geometryOf(geometry));
    const open = (): SteppedMap => new library.Map(buffer, program.hash ?? (() => 0));
    this.threads = program.threads.map((calls) => ({
      map: open(),
      calls,
      visited: new Map(),
      next: 0,
      running: undefined,
      called: 0,
      pending: calls.length > 0 ? { kind: 'call', at: 0, bytes: 0 } : undefined,
    }));
    const first = this.threads[0]!.map;
    for (const call of program.setup)
      this.record(call, this.time++, answerOf(call, finish(this.begin(first, call))));
    for (const { map } of this.threads) for (const key of keys) finish(this.begin(map, { op: 'load', key }));
    this.size = () => finish((open()['size'] as () => Stepped<unknown>)());
  }

  alive(): number[] {
    return [...this.threads.keys()].filter((thread) => this.threads[thread]!.pending !== undefined);
  }

  /** Does what the thread is about to do, and finds out what comes next. */
  step(index: number): void {
    const thread = this.threads[index]!;
    const call = thread.calls[thread.next]!;
    if (thread.pending!.kind === 'return') {
      thread.next++;
      if (call.op === 'range') this.recordRange(thread);
      else if ((thread.running as unknown) !== refused)
        this.record(call, thread.called, thread.running as unknown as Answer);
      thread.pending = thread.next < thread.calls.length ? { kind: 'call', at: 0, bytes: 0 } : undefined;
      return;
    }
    if (thread.pending!.kind === 'call') {
      thread.called = this.time++;
      thread.running = call.op === 'range' ? this.beginRange(thread) : this.begin(thread.map, call);
    }
    const result = this.advance(thread);
    if (result.done === true) {
      const whole = call.op === 'range' || result.value === refused;
      thread.running = (whole ? result.value : answerOf(call, result.value)) as never;
      thread.pending = { kind: 'return', at: 0, bytes: 0 };
    } else thread.pending = accessOf(result.value);
  }

  private advance(thread: Thread): IteratorResult<Step, unknown> {
    try {
      return thread.running!.next();
    } catch (error) {
      if (!this.mayFill || (error as { code?: string }).code !== 'full') throw error;
      return { done: true, value: refused };
    }
  }

  /** Operations that are not over will never be: nobody knows whether they took place. */
  bury(): void {
    for (const { pending, calls, next, called } of this.threads) {
      const call = calls[next];
      if (pending === undefined || pending.kind === 'call' || call!.op === 'range') continue;
      this.history.push({ call: call!, called, returned: Infinity, answer: null });
    }
  }

  /** Loads every key once more, then judges. Returns what is wrong, if anything. */
  verdict(): string | undefined {
    const { map } = this.threads[0]!;
    let present = 0;
    for (const key of keys) {
      const called = this.time++;
      const value = finish(this.begin(map, { op: 'load', key }));
      this.record({ op: 'load', key }, called, answerOf({ op: 'load', key }, value));
      if (value !== undefined) present++;
    }
    if (this.wrong !== undefined) return this.story(this.wrong);
    if (!isLinearizable(this.history)) return this.story('no plain map answers like that');
    if (this.size() !== present) return this.story(`size is ${String(this.size())}`);
    return this.linkedAreOwned() ? undefined : this.story('a record of the current index is free');
  }

  private story(verdict: string): string {
    const ordered = this.history.toSorted((a, b) => a.called - b.called);
    const told = ordered.map(
      (o) => `${o.called}-${o.returned} ${JSON.stringify(o.call)} -> ${String(o.answer)}`,
    );
    return [...told, verdict].join('\n');
  }

  /** Looks inside: what the current index and its successor refer to must not be there for the taking. */
  private linkedAreOwned(): boolean {
    const { memory, index } = (this.threads[0]!.map as unknown as Inside).directory;
    const root = finish(memory.root()) as number;
    const successor = finish(index.successor(root)) as number;
    let owned = true;
    // eslint-disable-next-line eslint/require-yield -- the stepped code delegates to it
    const visit = function* (reference: number): Stepped<void> {
      const owner = memory.words[memory.geometry.ownersAt + reference - 1];
      owned &&= owner === root || (owner === successor && successor !== 0);
    };
    finish(index.eachReference(root, visit));
    if (successor !== 0) finish(index.eachReference(successor, visit));
    return owned;
  }

  private begin(map: SteppedMap, call: Call): Stepped<unknown> {
    const { op, key, value, next } = call as { op: string; key?: string; value?: number; next?: number };
    const numbers = [value, next].filter((number) => number !== undefined);
    const values = this.wide ? numbers.map(BigInt) : numbers;
    return map[op]!(...([...(key === undefined ? [] : [key]), ...values] as never[]));
  }

  private beginRange(thread: Thread): Stepped<unknown> {
    thread.visited = new Map();
    const visit = (key: string, value: unknown): void => {
      if (thread.visited.has(key)) this.wrong = `range visits ${key} twice`;
      thread.visited.set(key, Number(value));
    };
    return thread.map['range']!(visit as never);
  }

  /** As loads at once: their times lie within the call's, and no two are the same. */
  private recordRange({ called, visited }: Thread): void {
    const returned = this.time++;
    for (const [at, key] of keys.entries()) {
      const shift = at / keys.length;
      const answer = visited.get(key) ?? null;
      this.history.push({
        call: { op: 'load', key },
        called: called + shift,
        returned: returned + shift,
        answer,
      });
    }
  }

  private record(call: Call, called: number, answer: Answer): void {
    this.history.push({ call, called, returned: this.time++, answer });
  }
}

function finish(stepped: Stepped<unknown>): unknown {
  for (;;) {
    const result = stepped.next();
    if (result.done === true) return result.value;
  }
}

function answerOf(call: Call, result: unknown): Answer {
  if (call.op === 'loadOrStore') {
    const { value, loaded } = result as { value: number; loaded: boolean };
    return `${loaded ? 'loaded' : 'stored'} ${value}`;
  }
  if (call.op === 'compactStep') return null;
  if (typeof result === 'bigint') return Number(result);
  return (result as Answer | undefined) ?? null;
}

function accessOf({ operation, at, bytes }: Step): Access {
  return { kind: reads.has(operation) ? 'read' : 'write', at, bytes };
}
