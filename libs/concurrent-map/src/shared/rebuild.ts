/**
 * Replacing the index: by a larger one when it is crowded, by one without the deleted keys when records run low or on
 * `compact()`, by an empty one on `clear()`. The root word decides; whoever replaces it has published the new index.
 *
 * A rebuild is common work. The first to want one proposes the root to come; from then on the slots of the old index
 * are evacuated, and the first to see all of them done swaps the root. Nobody owns the work, so nobody can take it to
 * the grave. Records do not move: while it goes on, every operation on a key that has a record goes on as well.
 *
 * The work is spread over the inserts that need it: each moves one batch of slots, and its key's own, and puts its key
 * into the new index. The last batch publishes. Should a thread have died with its batch, as many inserts later
 * somebody goes over all slots. Whoever needs the whole (compact, size, range, an insert without a record) moves the rest;
 * compactStep moves a batch, as an insert does.
 *
 * Proposals only ever replace proposals of earlier eras, so under one root all threads build the same next index.
 * Clearing skips an era. What a rebuild in progress then still writes is tagged with the era that never came.
 */
import { eraAfter, eraOf, header, indexLog2Of, limits, rootOf } from './layout.js';
import type { IndexTable } from './index-table.js';
import type { SharedMemory } from './memory.js';

/**
 * The fullest that a new index starts, as a share of its slots. A crowded one without deleted keys is followed by one of
 * four times its size, also when the estimate is a little off.
 */
const loadFresh = limits.loadMax * 0.45;
/** Slots that are looked at to estimate how many keys a new index has to hold. */
const sampleMax = 2_048;
/** So often, in eras, `clear` rebuilds first, so that no slot keeps a tag until the eras have gone round. */
const refreshEras = 1 << 20;

export class Rebuilder {
  private readonly memory: SharedMemory;
  private readonly index: IndexTable;
  /** Where this thread begins when it goes over all slots. */
  private seed: number;
  /** How many new indexes this thread has published. */
  published = 0;

  constructor(memory: SharedMemory, index: IndexTable, turn: number) {
    this.memory = memory;
    this.index = index;
    this.seed = turn;
  }

  /** Helps until `source` is not the current root. Lock-free; O(slots) for a thread alone. */
  rebuild(source: number): void {
    const target = this.propose(source);
    if (target === 0) return;
    const mask = (1 << indexLog2Of(source)) - 1;
    // Threads start apart, so that two of them halve the work.
    const first = Math.imul(this.seed++, 0x9e37_79b1);
    for (let step = 0; step <= mask; step++) {
      if (!this.index.evacuate(source, target, (first + step) & mask)) return;
    }
    this.publish(source, target);
  }

  /** Moves one batch of slots of the index `source` into the next one, which it proposes if nobody has. O(batch). */
  step(source: number): void {
    const target = this.propose(source);
    if (target !== 0) this.moveBatch(source, target);
  }

  /** The current root, at a moment when no index was being built after it. */
  settle(): number {
    for (;;) {
      const root = this.memory.root();
      if (this.index.successor(root) === 0) return root;
      this.rebuild(root);
    }
  }

  /**
   * Where a new key of this hash has to go: into the index `root`, or into its successor if it is, or has to be,
   * replaced; then this thread does its part of that. 0 when `root` is over. O(batch).
   */
  makeWay(root: number, hash: number): number {
    const { index } = this;
    if (!index.isCrowded(root) && !index.isScarce(root) && index.successor(root) === 0) return root;
    const target = this.propose(root);
    if (target === 0 || !this.index.evacuateChain(root, target, hash)) return 0;
    return this.moveBatch(root, target) ? target : 0;
  }

  /** Publishes an empty index. The swap of the root is the linearization point; operations under way come before it. */
  clear(): void {
    const { words } = this.memory;
    for (;;) {
      const root = this.memory.root();
      if (eraOf(root) % refreshEras < 2) this.rebuild(root);
      const source = this.memory.root();
      const target = rootOf(eraOf(source) + 2, indexLog2Of(source));
      if (Atomics.compareExchange(words, header.root, source, target) === source) break;
    }
    Atomics.store(words, header.live, 0);
    Atomics.add(words, header.clears, 1);
  }

  /** Moves one batch of slots that nobody else has taken, if there is one left. False: `source` is over. */
  private moveBatch(source: number, target: number): boolean {
    const { memory } = this;
    const slots = 1 << indexLog2Of(source);
    const batches = Math.ceil(slots / limits.batchSlots);
    const batch = memory.countUnder(source, header.batchesTaken);
    if (batch < 0) return false;
    if (batch >= batches) {
      // Others are at the last ones. Unless one of them has died.
      if (batch >= 2 * batches) this.rebuild(source);
      return true;
    }
    const from = batch * limits.batchSlots;
    for (let slot = from; slot < Math.min(from + limits.batchSlots, slots); slot++) {
      if (!this.index.evacuate(source, target, slot)) return false;
    }
    if (memory.countUnder(source, header.batchesMoved) === batches - 1) this.publish(source, target);
    return true;
  }

  private publish(source: number, target: number): void {
    if (Atomics.compareExchange(this.memory.words, header.root, source, target) === source) this.published++;
  }

  /** The root that all agree on as the next after `source`, or 0 when `source` is over. */
  private propose(source: number): number {
    const { words } = this.memory;
    const seen = this.memory.read(header.next);
    if (eraOf(seen) === eraAfter(source)) return seen;
    const target = rootOf(eraAfter(source), this.sizeAfter(source));
    // Once the root is confirmed, `seen` is known to be of an earlier era.
    if (this.memory.root() !== source) return 0;
    Atomics.compareExchange(words, header.next, seen, target);
    return this.index.successor(source);
  }

  /** An index never shrinks: the buffer has its room anyway, and each freeze renews the tags of every slot in use. */
  private sizeAfter(source: number): number {
    const { indexLog2Max } = this.memory.geometry;
    const slots = 2 ** indexLog2Of(source);
    const looked = Math.min(slots, sampleMax);
    const live = (this.index.sample(source, looked) / looked) * slots;
    let indexLog2 = indexLog2Of(source);
    while (indexLog2 < indexLog2Max && live >= loadFresh * 2 ** indexLog2) indexLog2++;
    return indexLog2;
  }
}
