/**
 * Guards of maps whose values take the whole cell, so that no generation fits beside them.
 *
 * A record is given to another key only when neither of the two latest indexes has it. A thread that slept that long
 * between looking at a cell and swapping it must not swap: an int32 cell knows by its generation. Here the thread says
 * first which cell it is about to write to, in a guard that all can see, and then looks whether the root is still the
 * one under which it found the cell. If it is, whoever wants to give the record away has to come later, looks at the
 * guards last, and passes it by. (Michael, "Hazard Pointers", 2004, but held by operations, not by threads.)
 *
 * A thread that dies inside a write leaves its guard up for ever, and the record with it. When all guards are up, a write
 * counts itself among the unguarded instead, and while there are any, no record is given away at all. So a write
 * never waits, however many have died before it. What the death of an unguarded one costs is room: from then on the
 * records of deleted keys do not come back, and when the last free one is taken, new keys are refused.
 */
import { guardWords, header, limits } from './layout.js';
import type { SharedMemory } from './memory.js';

const down = 0;
const unguardedAt: number = header.unguarded;

export class Guards {
  private readonly memory: SharedMemory;
  /** The one that was down last time. */
  private latest: number;

  constructor(memory: SharedMemory, turn: number) {
    this.memory = memory;
    this.latest = turn % limits.guards;
  }

  /** Guards a cell; returns what to lower. Wait-free; each thread begins at a guard of its own. */
  raise(cell: number): number {
    const { words, geometry } = this.memory;
    for (let step = 0; step < limits.guards; step++) {
      const at = geometry.guardsAt + this.latest * guardWords;
      if (Atomics.compareExchange(words, at, down, cell) === down) return at;
      this.latest = (this.latest + 1) % limits.guards;
    }
    Atomics.add(words, unguardedAt, 1);
    return unguardedAt;
  }

  lower(guard: number): void {
    if (guard === unguardedAt) Atomics.sub(this.memory.words, unguardedAt, 1);
    else Atomics.store(this.memory.words, guard, down);
  }

  /** Whether somebody may be about to write to the cell. */
  cover(cell: number): boolean {
    const { geometry } = this.memory;
    if (this.memory.read(unguardedAt) !== 0) return true;
    for (let guard = 0; guard < limits.guards; guard++) {
      if (this.memory.read(geometry.guardsAt + guard * guardWords) === cell) return true;
    }
    return false;
  }
}
