/**
 * What one thread remembers of the keys it uses: where the key's cell is, so that a hot key costs one look-up in a
 * built-in Map instead of hashing and comparing its units. A bare position, not an object that holds it: V8 keeps it in
 * the Map's own table, and a load touches one cache line less. Good for one root, which it names, and emptied for another.
 *
 * Two generations bound it: when the young one is full it becomes the old one, and what is used again moves back.
 * Once that has happened there are more keys than fit, and only every sixteenth newcomer is remembered: hot keys
 * get in soon, and a sweep over a million cold ones does not wash them out.
 */

const youngMax = 1 << 16;
const admitEvery = 16;

export class InternCache {
  /** The latest ones, for a load to look into first; only this file writes to it. */
  young = new Map<string, number>();
  /** The root under which the cells were found; only this file writes to it. */
  root = 0;
  private old = new Map<string, number>();
  private newcomers = 0;

  get size(): number {
    return this.young.size + this.old.size;
  }

  get(key: string): number | undefined {
    return this.young.get(key) ?? (this.old.size === 0 ? undefined : this.renew(key));
  }

  add(key: string, cell: number): void {
    if (this.old.size > 0 && ++this.newcomers % admitEvery !== 0) return;
    this.remember(key, cell);
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
    if (this.young.size >= youngMax) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, cell);
  }
}
