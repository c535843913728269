/**
 * What others offer for the same job: the two packages on npm that put a map into shared memory, and the way without
 * shared memory, a thread that owns a built-in Map and is asked by message. Each does what its documentation says.
 */
import { createRequire } from 'node:module';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { BenchMap } from './scenarios.js';

export type PeerKind = 'sharedmap' | 'shared-memory-datastructures' | 'owner thread';
/** A map that cannot do everything: what is missing is not measured. */
export type PeerMap = Partial<BenchMap> & Pick<BenchMap, 'load' | 'store'>;

/** What one measuring thread gets of a peer. Ports have to be transferred. */
export type Share = { readonly value: unknown; readonly ports: readonly MessagePort[] };

type Peer = {
  /** So many times fewer operations than the scenario asks for: where all of them would take hours. */
  readonly fewer: number;
  /** Whether it can do the scenario at all. */
  does(scenario: string, threads: number): boolean;
  /** One share for each thread. */
  share(entriesMax: number, threads: number): { shares: readonly Share[]; close(): Promise<unknown> };
  open(value: unknown): PeerMap;
};

const require = createRequire(import.meta.url);
const keyUnits = 16;
const valueUnits = 16;

type Locks = { lockWrite: boolean };
type SharedMap = {
  get(key: string, locks?: Locks): string | undefined;
  set(key: string, value: number, locks?: Locks): void;
  delete(key: string): void;
  lockWrite(): void;
  unlockWrite(): void;
};
const locked = { lockWrite: true };

function openSharedMap(value: unknown): PeerMap {
  const { prototype } = require('sharedmap') as { prototype: SharedMap };
  const map = Object.setPrototypeOf(value, prototype) as SharedMap;
  const load = (key: string, locks?: Locks): number | undefined => {
    const text = map.get(key, locks);
    return text === undefined ? undefined : Number(text);
  };
  return {
    load,
    store: (key, value) => map.set(key, value),
    takeIfAtLeast(key, quantity) {
      map.lockWrite();
      try {
        const left = load(key, locked);
        if (left === undefined || left < quantity) return undefined;
        map.set(key, left - quantity, locked);
        return left - quantity;
      } finally {
        map.unlockWrite();
      }
    },
  };
}

type ShareableMap = Map<string, number> & {
  getBuffers(): SharedArrayBuffer[];
  setBuffers(index: SharedArrayBuffer, data: SharedArrayBuffer): void;
};
const bytesPerValue = 64;

function newShareableMap(entriesMax: number): ShareableMap {
  const { ShareableMap: Class } = require('shared-memory-datastructures') as {
    ShareableMap: new (expectedSize: number, bytesPerValue: number) => ShareableMap;
  };
  return new Class(entriesMax, bytesPerValue);
}

/** A key's value is set once and never changes: its writes are of new keys. */
function openShareableMap(value: unknown): PeerMap {
  const [index, data] = value as [SharedArrayBuffer, SharedArrayBuffer];
  const map = newShareableMap(1);
  map.setBuffers(index, data);
  return { load: (key) => map.get(key), store: (key, number) => void map.set(key, number) };
}

type Question = readonly ['load' | 'store' | 'take', string, number];
type Line = { readonly port: MessagePort; readonly answered: Int32Array };

/** Asks, sleeps until the owner has answered, reads the answer: the call is synchronous as those of the others. */
function openOwner(value: unknown): PeerMap {
  const { port, answered } = value as Line;
  const ask = (...question: Question): number | undefined => {
    port.postMessage(question);
    // A wake-up may be a late one, meant for the question before.
    while (Atomics.load(answered, 0) === 0) Atomics.wait(answered, 0, 0);
    Atomics.store(answered, 0, 0);
    return (receiveMessageOnPort(port) as { message: number | undefined }).message;
  };
  return {
    load: (key) => ask('load', key, 0),
    store: (key, number) => void ask('store', key, number),
    takeIfAtLeast: (key, quantity) => ask('take', key, quantity),
  };
}

const owner = `
  const { workerData } = require('node:worker_threads');
  const map = new Map();
  for (const { port, answered } of workerData) {
    port.on('message', ([what, key, value]) => {
      const left = map.get(key);
      if (what === 'store') map.set(key, value);
      if (what === 'take' && left >= value) map.set(key, left - value);
      port.postMessage(left);
      Atomics.store(answered, 0, 1);
      Atomics.notify(answered, 0);
    });
  }`;

function startOwner(threads: number): ReturnType<Peer['share']> {
  const lines = Array.from({ length: threads }, () => ({
    channel: new MessageChannel(),
    answered: new Int32Array(new SharedArrayBuffer(4)),
  }));
  const worker = new Worker(owner, {
    eval: true,
    workerData: lines.map(({ channel, answered }) => ({ port: channel.port2, answered })),
    transferList: lines.map(({ channel }) => channel.port2),
  });
  return {
    shares: lines.map(({ channel: { port1: port }, answered }) => ({
      value: { port, answered },
      ports: [port],
    })),
    close: () => worker.terminate(),
  };
}

/** The same for every thread. */
export const sharedBy = (threads: number, value: unknown): ReturnType<Peer['share']> => ({
  shares: Array.from({ length: threads }, () => ({ value, ports: [] })),
  close: async () => undefined,
});

export const peers: Record<PeerKind, Peer> = {
  sharedmap: {
    fewer: 1,
    does: () => true,
    share(entriesMax, threads) {
      const SharedMap = require('sharedmap') as new (...sizes: number[]) => SharedMap;
      return sharedBy(threads, new SharedMap(entriesMax * 2, keyUnits, valueUnits));
    },
    open: openSharedMap,
  },
  'shared-memory-datastructures': {
    fewer: 1,
    // Values never change, and one thread writes.
    does: (scenario, threads) =>
      scenario.startsWith('load') ||
      scenario.includes('100 % reads') ||
      (scenario === 'store of a new key' && threads === 1),
    share: (entriesMax, threads) => sharedBy(threads, newShareableMap(entriesMax).getBuffers()),
    open: openShareableMap,
  },
  'owner thread': {
    fewer: 100,
    does: () => true,
    share: (_entriesMax, threads) => startOwner(threads),
    open: openOwner,
  },
};

export function isPeer(kind: string): kind is PeerKind {
  return kind in peers;
}
