/**
 * Keeping to `entriesMax`. A counter of the keys present answers at once while there is room. It is a hint: it drifts
 * when a thread dies between a write and its count, so only an actual count may refuse, and it sets the counter right.
 *
 * The key that asks is left out of the count. Otherwise two threads that store the same last key at once could refuse
 * each other. Counter and count must both say full: a key that was there when the count began and one that came
 * before it ended are both counted, but the second had then asked before this one, so the order in which it was
 * stored, this one refused and the first deleted is a possible one.
 */
import { MapFullError } from '../errors.js';
import type { IndexTable } from './index-table.js';
import { header } from './layout.js';
import type { SharedMemory } from './memory.js';
import type { Rebuilder } from './rebuild.js';

/** How often a count is begun again because the index was replaced. Under unceasing change the last one has to do. */
const recountsMax = 3;

export class Capacity {
  private readonly memory: SharedMemory;
  private readonly index: IndexTable;
  private readonly rebuilder: Rebuilder;

  constructor(memory: SharedMemory, index: IndexTable, rebuilder: Rebuilder) {
    this.memory = memory;
    this.index = index;
    this.rebuilder = rebuilder;
  }

  /** Counts one more key as present, before it is. O(1) while there is room. @throws {MapFullError} */
  reserve(key: string, hash: number): void {
    const { words, geometry } = this.memory;
    const before = Atomics.add(words, header.live, 1);
    if (before < geometry.entriesMax) return;
    const others = this.countExcept(key, hash);
    if (others < geometry.entriesMax) {
      Atomics.compareExchange(words, header.live, before + 1, others + 1);
      return;
    }
    this.release();
    throw new MapFullError(geometry.entriesMax);
  }

  /** Counts one key less as present, after it is gone, or when the room was not used. */
  release(): void {
    Atomics.sub(this.memory.words, header.live, 1);
  }

  /** How many keys are present: exact while nobody writes. O(slots). */
  count(): number {
    return this.countExcept(undefined, 0);
  }

  private countExcept(key: string | undefined, hash: number): number {
    let tally = this.index.tally(this.rebuilder.settle(), key, hash);
    for (let recounts = 0; recounts < recountsMax && !tally.settled; recounts++) {
      tally = this.index.tally(this.rebuilder.settle(), key, hash);
    }
    return tally.live;
  }
}
