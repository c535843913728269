/**
 * What one thread remembers of the keys it uses: where the key's cell is, so that a hot key costs one look-up in a
 * built-in Map instead of hashing and comparing its units. Good for one root; the map drops it when the root moves.
 *
 * Two generations bound it: when the young one is full it becomes the old one, and what is used again moves back.
 * Once that has happened there are more keys than fit, and only every sixteenth newcomer is remembered: hot keys
 * get in soon, and a sweep over a million cold ones does not wash them out.
 */

/** The cell of a key and the life of the record that it belongs to. */
export type Handle = { readonly cell: number; readonly generation: number };

const youngMax = 1 << 16;
const admitEvery = 16;

export class InternCache {
  private young = new Map<string, Handle>();
  private old = new Map<string, Handle>();
  private newcomers = 0;

  get size(): number {
    return this.young.size + this.old.size;
  }

  get(key: string): Handle | undefined {
    return this.young.get(key) ?? (this.old.size === 0 ? undefined : this.renew(key));
  }

  add(key: string, handle: Handle): void {
    if (this.old.size > 0 && ++this.newcomers % admitEvery !== 0) return;
    this.remember(key, handle);
  }

  delete(key: string): void {
    this.young.delete(key);
    this.old.delete(key);
  }

  clear(): void {
    if (this.young.size > 0) this.young = new Map();
    if (this.old.size > 0) this.old = new Map();
  }

  private renew(key: string): Handle | undefined {
    const handle = this.old.get(key);
    if (handle !== undefined) {
      this.old.delete(key);
      this.remember(key, handle);
    }
    return handle;
  }

  private remember(key: string, handle: Handle): void {
    if (this.young.size >= youngMax) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, handle);
  }
}
