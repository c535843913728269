/**
 * Guards of maps whose values take the whole cell, so that no generation fits beside them.
 *
 * A record is given to another key only when neither of the two latest indexes has it. A thread that slept that long
 * between looking at a cell and swapping it must not swap: an int32 cell knows by its generation. Here the thread says
 * first which cell it is about to write to, in a guard that all can see, and then looks whether the root is still the
 * one under which it found the cell. If it is, whoever wants to give the record away has to come later, looks at the
 * guards last, and passes it by. (Michael, "Hazard Pointers", 2004, but held by operations, not by threads.)
 *
 * A thread that dies inside a write leaves its guard behind for ever, and the record with it: so many may do so.
 */
import { guardWords, limits } from './layout.js';
import type { SharedMemory } from './memory.js';

const down = 0;

export class Guards {
  private readonly memory: SharedMemory;
  private readonly first: number;

  constructor(memory: SharedMemory, turn: number) {
    this.memory = memory;
    this.first = turn % limits.guards;
  }

  /**
   * Guards a cell; returns the guard. Lock-free as long as one guard is down: each thread begins at its own.
   */
  raise(cell: number): number {
    const { words, geometry } = this.memory;
    for (let guard = this.first; ; guard = (guard + 1) % limits.guards) {
      const at = geometry.guardsAt + guard * guardWords;
      if (Atomics.compareExchange(words, at, down, cell) === down) return at;
    }
  }

  lower(guard: number): void {
    Atomics.store(this.memory.words, guard, down);
  }

  /** Whether somebody may be about to write to the cell. */
  cover(cell: number): boolean {
    const { words, geometry } = this.memory;
    for (let guard = 0; guard < limits.guards; guard++) {
      if (Atomics.load(words, geometry.guardsAt + guard * guardWords) === cell) return true;
    }
    return false;
  }
}
