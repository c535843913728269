/**
 * Ids for rows that have none: what they say, and the how-manieth such row it is. The same row in another file, whole or
 * cut off, on another line, in a table with its columns in another order, has the same id.
 */
import { hash } from 'node:crypto';

const slotsAtFirst = 1024;

/** 128 bits of SHA-256 over the parts, which cannot run into each other. As text of 22 characters. */
export const contentHash = (...parts: readonly string[]): string =>
  hash('sha256', parts.map((part) => `${part.length}:${part}`).join(''), 'base64url').slice(0, 22);

/**
 * Counts equal keys in 12 bytes a key, as a table of hashes with open addressing: a bank statement of a million entries
 * without ids is read in some 24 MB. Two keys with the same 64 bits are taken for equal, once in 10^7 such files.
 */
export class Occurrences {
  private hashes = new Uint32Array(slotsAtFirst * 2);
  private counts = new Uint32Array(slotsAtFirst);
  private used = 0;

  /** How often this key has been counted, this time included. */
  count(key: string): number {
    if (this.used * 2 > this.counts.length) this.grow();
    const digest = hash('sha256', key, 'buffer');
    const slot = this.slotOf(digest.readUInt32LE(0), digest.readUInt32LE(4));
    const count = (this.counts[slot] ?? 0) + 1;
    if (count === 1) this.used += 1;
    this.counts[slot] = count;
    return count;
  }

  clear(): void {
    if (this.used === 0) return;
    this.hashes = new Uint32Array(slotsAtFirst * 2);
    this.counts = new Uint32Array(slotsAtFirst);
    this.used = 0;
  }

  /** The slot of this hash, which is then its own. */
  private slotOf(low: number, high: number): number {
    const mask = this.counts.length - 1;
    let slot = low & mask;
    while (this.counts[slot] !== 0 && (this.hashes[slot * 2] !== low || this.hashes[slot * 2 + 1] !== high)) {
      slot = (slot + 1) & mask;
    }
    this.hashes[slot * 2] = low;
    this.hashes[slot * 2 + 1] = high;
    return slot;
  }

  private grow(): void {
    const { hashes, counts } = this;
    this.hashes = new Uint32Array(hashes.length * 2);
    this.counts = new Uint32Array(counts.length * 2);
    for (let slot = 0; slot < counts.length; slot += 1) {
      const count = counts[slot] ?? 0;
      if (count === 0) continue;
      this.counts[this.slotOf(hashes[slot * 2] ?? 0, hashes[slot * 2 + 1] ?? 0)] = count;
    }
  }
}

/** The first of equal rows has the bare id, the others are numbered. */
export const numbered = (id: string, count: number): string => (count === 1 ? id : `${id}#${count}`);
