/**
 * What one thread remembers of the keys it uses: where the key's cell is, so that a hot key costs one look-up in a
 * built-in Map instead of hashing and comparing its units. A bare position, not an object that holds it: V8 keeps it in
 * the Map's own table, and a load touches one cache line less. Good for one root, which it names, and emptied for another.
 *
 * Two generations bound it: when the young one is full it becomes the old one, and what is used again moves back.
 * Once that has happened there are more keys than fit, and only every sixteenth newcomer is remembered: hot keys
 * get in soon, and a sweep over a million cold ones does not wash them out. Where hardly any look-up finds what it asks
 * for, the keys are used too evenly for this: then it rests, empty, for a while, and costs nothing.
 */

const youngMax = 1 << 16;
const admitEvery = 16;
/** After so many newcomers to a full cache it is looked at whether it is of use. */
const trial = 1 << 16;
/** It is when there were at least so many look-ups for each newcomer. */
const worth = 4 / 3;
/** Newcomers that pass by while it rests. */
const rest = 1 << 20;

export class InternCache {
  /** The latest ones, for a load to look into first; only this file writes to it. */
  young = new Map<string, number>();
  /** The root under which the cells were found; only this file writes to it. */
  root = 0;
  /** Loads of the map, counted by it. */
  loads = 0;
  /** Other look-ups of keys, counted by the directory. */
  finds = 0;
  private old = new Map<string, number>();
  private newcomers = 0;
  private askedBefore = 0;
  private resting = 0;

  get size(): number {
    return this.young.size + this.old.size;
  }

  get(key: string): number | undefined {
    return this.young.get(key) ?? (this.old.size === 0 ? undefined : this.renew(key));
  }

  add(key: string, cell: number): void {
    if (this.resting > 0) this.resting--;
    else if (this.old.size === 0) this.remember(key, cell);
    else this.consider(key, cell);
  }

  delete(key: string): void {
    this.young.delete(key);
    this.old.delete(key);
  }

  /** What was found under another root is forgotten. */
  moveTo(root: number): void {
    if (this.root === root) return;
    this.clear();
    this.root = root;
  }

  private clear(): void {
    if (this.young.size > 0) this.young = new Map();
    if (this.old.size > 0) this.old = new Map();
  }

  private renew(key: string): number | undefined {
    const cell = this.old.get(key);
    if (cell !== undefined) {
      this.old.delete(key);
      this.remember(key, cell);
    }
    return cell;
  }

  private remember(key: string, cell: number): void {
    if (this.young.size >= youngMax) this.grow();
    this.young.set(key, cell);
  }

  private grow(): void {
    if (this.old.size === 0) this.beginTrial();
    this.old = this.young;
    this.young = new Map();
  }

  /** A newcomer when there are more keys than fit. */
  private consider(key: string, cell: number): void {
    this.newcomers++;
    if (this.newcomers === trial) {
      if (this.loads + this.finds - this.askedBefore < trial * worth) {
        this.clear();
        this.resting = rest;
        return;
      }
      this.beginTrial();
    }
    if (this.newcomers % admitEvery === 0) this.remember(key, cell);
  }

  private beginTrial(): void {
    this.newcomers = 0;
    this.askedBefore = this.loads + this.finds;
  }
}
