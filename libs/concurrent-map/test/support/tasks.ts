/** What the worker threads of the tests do. Each task returns its tally; the test adds them up. */
import { type Answer, type Call, type Operation } from './linearizability.js';
import type { OpenedMap } from './opened.js';

type Context<O> = {
  readonly map: OpenedMap;
  readonly signals: Int32Array;
  readonly worker: number;
  readonly options: O;
};

/** A small generator of pseudo-random integers, so that a failing run can be run again. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const keyOf = (index: number): string => `sku-${index}`;

function takeUntilEmpty({ map, options }: Context<{ keys: number }>): number {
  let taken = 0;
  for (let key = 0; key < options.keys; key++) while (map.takeIfAtLeast(keyOf(key), 1) !== undefined) taken++;
  return taken;
}

/** The same by hand: look, compute, swap if nobody was faster. */
function swapUntilEmpty({ map, options }: Context<{ keys: number }>): number {
  let taken = 0;
  for (let key = 0; key < options.keys; key++) {
    for (let left = map.load(keyOf(key)); left !== undefined && left > 0; left = map.load(keyOf(key))) {
      if (map.compareAndSwap(keyOf(key), left, left - 1)) taken++;
    }
  }
  return taken;
}

/** What the source document lists: look, then store. Sells units twice, and a test shows it. */
function loadThenStore({ map, options }: Context<{ keys: number }>): number {
  let taken = 0;
  for (let key = 0; key < options.keys; key++) {
    for (let left = map.load(keyOf(key)); left !== undefined && left > 0; left = map.load(keyOf(key))) {
      map.store(keyOf(key), left - 1);
      taken++;
    }
  }
  return taken;
}

/** All threads offer the same new keys in the same order; returns the keys that this one won. */
function winFirst({ map, worker, options }: Context<{ keys: number }>): number[] {
  const won: number[] = [];
  for (let key = 0; key < options.keys; key++) {
    const { value, loaded } = map.loadOrStore(keyOf(key), worker);
    if (!loaded) won.push(key);
    if (map.load(keyOf(key)) !== value) throw new Error(`key ${key}: ${value} did not stay`);
  }
  return won;
}

/** Looks at every key and deletes it: what it gets, nobody else may get. Returns the sum of the values that it got. */
function loadAndDeleteAll({ map, options }: Context<{ keys: number }>): number {
  let got = 0;
  for (let key = 0; key < options.keys; key++) {
    const seen = map.load(keyOf(key));
    const value = map.loadAndDelete(keyOf(key)) ?? 0;
    if (seen === undefined && value !== 0) throw new Error(`key ${key} came back`);
    got += value;
  }
  return got;
}

/** Offers and deletes the same few keys; returns how many offers were stored less how many values were deleted. */
function offerAndDelete({ map, worker, options }: Context<{ keys: number; rounds: number }>): number {
  const random = randomFrom(worker + 1);
  let left = 0;
  for (let round = 0; round < options.rounds; round++) {
    const key = keyOf(random(options.keys));
    if (random(2) === 0 && !map.loadOrStore(key, round).loaded) left++;
    else if (map.loadAndDelete(key) !== undefined) left--;
  }
  return left;
}

export type TrieOperation = 'Clear' | 'CompareAndDelete' | 'CompareAndSwap' | 'Swap' | 'LoadAndDelete';

/**
 * The concurrent part of one of Go's hash-trie subtests: stores so many keys, its own or those of all, does the operation
 * to each, and says how often it took effect: of a deletion less what was stored, of a swap less what it got back.
 */
function trie({ map, worker, options }: Context<TrieOptions>): number {
  const { operation, keys, shared } = options;
  const name = (key: number): string => (shared ? `key-${key}` : `key-${worker}-${key}`);
  let tally = 0;
  for (let key = 0; key < keys; key++) {
    if (!map.loadOrStore(name(key), key).loaded && operation.endsWith('Delete')) tally--;
  }
  for (let key = 0; key < keys; key++) {
    if (operation === 'Clear') map.clear();
    else if (operation === 'Swap') tally += worker - (map.swap(name(key), worker) ?? 0);
    else if (operation === 'LoadAndDelete') tally += map.loadAndDelete(name(key)) === undefined ? 0 : 1;
    else if (operation === 'CompareAndDelete') tally += map.compareAndDelete(name(key), key) ? 1 : 0;
    else tally += map.compareAndSwap(name(key), key, -1 - worker) ? 1 : 0;
  }
  return tally;
}

export type TrieOptions = {
  readonly operation: TrieOperation;
  readonly keys: number;
  readonly shared: boolean;
};

/** Stores its own keys while others store theirs: the index grows under everybody. */
function storeOwn({ map, worker, options }: Context<{ keys: number }>): number {
  for (let key = 0; key < options.keys; key++) {
    map.store(`${worker}:${key}`, key);
    if (map.load(`${worker}:${key >> 1}`) !== key >> 1) throw new Error(`${worker}:${key >> 1} is lost`);
  }
  return options.keys;
}

/**
 * Does one thing to random keys, where every key's value is its number: whoever finds a key must find that number, and
 * whoever stores while nobody deletes must find what it stored. Returns how often something was found or stored.
 */
function pairs({ map, worker, options }: Context<PairsOptions>): number {
  const random = randomFrom(options.seed + worker);
  let met = 0;
  for (let round = 0; round < options.rounds; round++) {
    const number = random(options.keys);
    const key = keyOf(number);
    const found = {
      load: () => map.load(key),
      store: () => (map.store(key, number), map.load(key) ?? Number.NaN),
      offer: () => map.loadOrStore(key, number).value,
      delete: () => map.loadAndDelete(key),
    }[options.act]();
    if (found === undefined) continue;
    if (found !== number) throw new Error(`${key} has the value ${found}`);
    met++;
  }
  return met;
}

export type PairsOptions = {
  readonly act: 'load' | 'store' | 'offer' | 'delete';
  readonly keys: number;
  readonly rounds: number;
  readonly seed: number;
};

/** Raises every key by one in each round, by `add` and by comparison in turn: computed from what is there, none lost. */
function raise({ map, options }: Context<{ keys: number; rounds: number }>): number {
  for (let round = 0; round < options.rounds; round++) {
    const key = keyOf(round % options.keys);
    if (round % 3 !== 0) map.add(key, 1);
    else for (let seen = map.load(key)!; !map.compareAndSwap(key, seen, seen + 1);) seen = map.load(key)!;
  }
  return options.rounds;
}

/** Stores and deletes keys of its own, all new, for so many rounds: room has to come back. */
function churn({ map, worker, options }: Context<{ rounds: number; compactEvery: number }>): number {
  for (let round = 0; round < options.rounds; round++) {
    const key = `${worker}:${round}`;
    map.store(key, round);
    if (map.loadAndDelete(key) !== round) throw new Error(`${key} is lost`);
    if (round % options.compactEvery === options.compactEvery - 1) map.compact();
  }
  return options.rounds;
}

/** Moves units between keys, so that their sum must stay. Ends only when its thread is terminated, or after `rounds`. */
function moveUnits({
  map,
  worker,
  options,
}: Context<{ keys: number; rounds: number; seed: number }>): number {
  const random = randomFrom(options.seed + worker);
  for (let round = 0; round < options.rounds; round++) {
    const units = 1 + random(3);
    if (map.takeIfAtLeast(keyOf(random(options.keys)), units) !== undefined)
      map.add(keyOf(random(options.keys)), units);
  }
  return options.rounds;
}

/** Everything at once, for threads that are to be killed in the middle of it. */
function anything({ map, worker, options }: Context<{ rounds: number; seed: number }>): number {
  const random = randomFrom(options.seed + worker);
  for (let round = 0; round < options.rounds; round++) {
    const key = `${worker}:${random(40)}`;
    const choice = random(100);
    if (choice < 50) map.store(key, round);
    else if (choice < 90) map.delete(key);
    else if (choice < 97) map.takeIfAtLeast('stock', 1);
    else if (choice < 98) map.compact();
    else map.compactStep();
  }
  return options.rounds;
}

/** Loads one key in a loop until it has its last value, which another thread counts up to. Returns how often. */
function loadUntil({ map, options }: Context<{ last: number }>): number {
  let loads = 0;
  let latest = 0;
  for (let seen = 0; seen !== options.last; loads++) {
    seen = map.load('sku-0') ?? 0;
    if (seen < latest) throw new Error(`${seen} after ${latest}`);
    latest = seen;
  }
  return loads;
}

function countUp({ map, signals, options }: Context<{ last: number }>): number {
  // Until then the other thread's loop has been compiled, with a value that never changed.
  Atomics.wait(signals, 3, 0, 500);
  for (let value = 1; value <= options.last; value++) map.store('sku-0', value);
  return options.last;
}

/** Stores the numbers from 1 on in a key of its own; after each it looks at the other's. Returns what it saw. */
function storeThenLook({ map, worker, options }: Context<{ rounds: number }>): number[] {
  const seen = [0];
  for (let round = 1; round <= options.rounds; round++) {
    map.store(keyOf(worker), round);
    seen.push(map.load(keyOf(1 - worker)) ?? 0);
  }
  return seen;
}

/** Random operations, each with the shared time before and after it: the history that the checker judges. */
function record({ map, signals, worker, options }: Context<RecordOptions>): Operation[] {
  const random = randomFrom(options.seed + worker * 7919);
  const history: Operation[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const call = randomCall(random, options);
    const called = Atomics.add(signals, 2, 1);
    const answer = callOn(map, call);
    history.push({ call, called, returned: Atomics.add(signals, 2, 1), answer });
    if (options.pace > 0) for (let wait = random(options.pace); wait > 0; wait--) Atomics.load(signals, 2);
  }
  return history;
}

export type RecordOptions = {
  readonly rounds: number;
  readonly seed: number;
  readonly keys: number;
  readonly clears: boolean;
  readonly pace: number;
};

export function randomCall(
  random: (below: number) => number,
  options: { keys: number; clears: boolean },
): Call {
  const key = keyOf(random(options.keys));
  const value = random(3);
  const calls: Call[] = [
    { op: 'load', key },
    { op: 'store', key, value },
    { op: 'swap', key, value },
    { op: 'loadOrStore', key, value },
    { op: 'loadAndDelete', key },
    { op: 'delete', key },
    { op: 'compareAndSwap', key, value, next: random(3) },
    { op: 'compareAndDelete', key, value },
    { op: 'add', key, value: 1 },
    { op: 'takeIfAtLeast', key, value: 1 },
    options.clears ? { op: 'clear' } : { op: 'compact' },
    { op: 'compactStep' },
  ];
  return calls[random(calls.length)]!;
}

type AnyMap = {
  load(key: string): number | undefined;
  store(key: string, value: number): void;
  swap(key: string, value: number): number | undefined;
  loadOrStore(key: string, value: number): { value: number; loaded: boolean };
  loadAndDelete(key: string): number | undefined;
  delete(key: string): boolean;
  compareAndSwap(key: string, expected: number, next: number): boolean;
  compareAndDelete(key: string, expected: number): boolean;
  clear(): void;
  add?(key: string, delta: number): number | undefined;
  takeIfAtLeast?(key: string, quantity: number): number | undefined;
  compact?(): void;
  compactStep?(): boolean;
};

/** Makes the call, and puts its answer as {@link applyCall} would. */
export function callOn(map: AnyMap, call: Call): Answer {
  switch (call.op) {
    case 'load':
    case 'loadAndDelete':
    case 'delete':
      return map[call.op](call.key) ?? null;
    case 'store':
      map.store(call.key, call.value);
      return null;
    case 'swap':
      return map.swap(call.key, call.value) ?? null;
    case 'loadOrStore': {
      const { value, loaded } = map.loadOrStore(call.key, call.value);
      return `${loaded ? 'loaded' : 'stored'} ${value}`;
    }
    case 'compareAndSwap':
      return map.compareAndSwap(call.key, call.value, call.next);
    case 'compareAndDelete':
      return map.compareAndDelete(call.key, call.value);
    case 'add':
    case 'takeIfAtLeast':
      return map[call.op]!(call.key, call.value) ?? null;
    case 'clear':
      map.clear();
      return null;
    case 'compact':
    case 'compactStep':
      map[call.op]!();
      return null;
  }
}

export const tasks: Record<string, (context: Context<never>) => unknown> = {
  takeUntilEmpty,
  swapUntilEmpty,
  loadThenStore,
  winFirst,
  loadAndDeleteAll,
  offerAndDelete,
  trie,
  storeOwn,
  pairs,
  raise,
  churn,
  moveUnits,
  anything,
  loadUntil,
  countUp,
  storeThenLook,
  record,
};
