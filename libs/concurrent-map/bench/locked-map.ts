/**
 * What the shared map is compared with: the same map behind a lock, so that the difference is the lock alone. Futexes
 * after Drepper, "Futexes Are Tricky"; the reader-writer lock prefers readers, as the benchmark of the document does.
 */
import type { SharedConcurrentMap } from '../src/index.js';

const free = 0;
const held = 1;
const contended = 2;

export class Mutex {
  private readonly word: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.word = new Int32Array(buffer);
  }

  read<T>(critical: () => T): T {
    return this.write(critical);
  }

  write<T>(critical: () => T): T {
    if (Atomics.compareExchange(this.word, 0, free, held) !== free) {
      while (Atomics.exchange(this.word, 0, contended) !== free) Atomics.wait(this.word, 0, contended);
    }
    try {
      return critical();
    } finally {
      if (Atomics.exchange(this.word, 0, free) === contended) Atomics.notify(this.word, 0, 1);
    }
  }
}

/** [0]: readers inside, or -1 for a writer. */
export class ReaderWriterLock {
  private readonly word: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.word = new Int32Array(buffer);
  }

  read<T>(critical: () => T): T {
    for (;;) {
      const readers = Atomics.load(this.word, 0);
      if (readers < 0) Atomics.wait(this.word, 0, readers);
      else if (Atomics.compareExchange(this.word, 0, readers, readers + 1) === readers) break;
    }
    try {
      return critical();
    } finally {
      if (Atomics.sub(this.word, 0, 1) === 1) Atomics.notify(this.word, 0);
    }
  }

  write<T>(critical: () => T): T {
    for (;;) {
      const readers = Atomics.compareExchange(this.word, 0, 0, -1);
      if (readers === 0) break;
      Atomics.wait(this.word, 0, readers);
    }
    try {
      return critical();
    } finally {
      Atomics.store(this.word, 0, 0);
      Atomics.notify(this.word, 0);
    }
  }
}

/** The methods that the scenarios use, each under the lock. */
export class LockedMap {
  private readonly map: SharedConcurrentMap;
  private readonly lock: Mutex | ReaderWriterLock;

  constructor(map: SharedConcurrentMap, lock: Mutex | ReaderWriterLock) {
    this.map = map;
    this.lock = lock;
  }

  load(key: string): number | undefined {
    return this.lock.read(() => this.map.load(key));
  }

  store(key: string, value: number): void {
    this.lock.write(() => this.map.store(key, value));
  }

  swap(key: string, value: number): number | undefined {
    return this.lock.write(() => this.map.swap(key, value));
  }

  loadOrStore(key: string, value: number): { value: number; loaded: boolean } {
    return this.lock.write(() => this.map.loadOrStore(key, value));
  }

  loadAndDelete(key: string): number | undefined {
    return this.lock.write(() => this.map.loadAndDelete(key));
  }

  compareAndSwap(key: string, expected: number, next: number): boolean {
    return this.lock.write(() => this.map.compareAndSwap(key, expected, next));
  }

  compareAndDelete(key: string, expected: number): boolean {
    return this.lock.write(() => this.map.compareAndDelete(key, expected));
  }

  takeIfAtLeast(key: string, quantity: number): number | undefined {
    return this.lock.write(() => this.map.takeIfAtLeast(key, quantity));
  }

  range(visit: (key: string, value: number) => boolean | void): void {
    this.lock.read(() => this.map.range(visit));
  }

  clear(): void {
    this.lock.write(() => this.map.clear());
  }
}
