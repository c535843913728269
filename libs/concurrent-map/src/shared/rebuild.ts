/**
 * Replacing the index: by a larger one when it is crowded, by one without the deleted keys when records run out or on
 * `compact()`, by an empty one on `clear()`. The root word decides; whoever replaces it has published the new index.
 *
 * A rebuild is common work. The first to want one proposes the root to come; from then on any thread that meets a
 * frozen slot, or wants the same, evacuates slots of the old index, and the first to see all of them done swaps the
 * root. Nobody owns the work, so nobody can take it to the grave. Records do not move: while it goes on, every
 * operation on a key that has a record goes on as well, and only first inserts join in.
 *
 * Proposals only ever replace proposals of earlier eras, so under one root all threads build the same next index.
 * Clearing skips an era. What a rebuild in progress then still writes is tagged with the era that never came.
 */
import { eraMask, eraOf, header, indexLog2Of, limits, rootOf } from './layout.js';
import type { IndexTable } from './index-table.js';
import type { SharedMemory } from './memory.js';

/** The emptiest that a grown index starts with, as a share of its slots: half of what makes it crowded. */
const loadFresh = limits.loadMax / 2;
/** So often, in eras, `clear` rebuilds first, so that no slot keeps a tag until the eras have gone round. */
const refreshEras = 1 << 20;

/**
 * Helps until `source` is not the current root. Lock-free; O(slots) for a thread alone.
 * @returns whether it was this thread that published the new index.
 */
export function rebuild(memory: SharedMemory, index: IndexTable, source: number, seed: number): boolean {
  const target = propose(memory, index, source);
  if (target === 0) return false;
  const mask = (1 << indexLog2Of(source)) - 1;
  // Threads start apart, so that two of them halve the work.
  const first = Math.imul(seed, 0x9e37_79b1);
  for (let step = 0; step <= mask; step++) {
    if (!index.evacuate(source, target, (first + step) & mask)) return false;
  }
  return Atomics.compareExchange(memory.words, header.root, source, target) === source;
}

/** Publishes an empty index. The swap of the root is the linearization point; operations under way come before it. */
export function clear(memory: SharedMemory, index: IndexTable): void {
  for (;;) {
    const root = memory.root();
    if (eraOf(root) % refreshEras < 2) rebuild(memory, index, root, 0);
    const source = memory.root();
    const target = rootOf(eraOf(source) + 2, indexLog2Of(source));
    if (Atomics.compareExchange(memory.words, header.root, source, target) === source) break;
  }
  Atomics.store(memory.words, header.live, 0);
  Atomics.add(memory.words, header.clears, 1);
}

/** The root that all agree on as the next after `source`, or 0 when `source` is over. */
function propose(memory: SharedMemory, index: IndexTable, source: number): number {
  const era = (eraOf(source) + 1) & eraMask;
  const seen = Atomics.load(memory.words, header.next);
  if (eraOf(seen) === era) return seen;
  const target = rootOf(era, sizeFor(index, source, memory.geometry.indexLog2Max));
  // Once the root is confirmed, `seen` is known to be of an earlier era.
  if (memory.root() !== source) return 0;
  Atomics.compareExchange(memory.words, header.next, seen, target);
  const agreed = Atomics.load(memory.words, header.next);
  return eraOf(agreed) === era ? agreed : 0;
}

/** An index never shrinks: the buffer has its room anyway, and each freeze renews the tags of every slot in use. */
function sizeFor(index: IndexTable, source: number, indexLog2Max: number): number {
  const { live } = index.tally(source, undefined, 0);
  let indexLog2 = indexLog2Of(source);
  while (indexLog2 < indexLog2Max && live >= loadFresh * 2 ** indexLog2) indexLog2++;
  return indexLog2;
}
