/**
 * What a fetch of a window came to: how many rows, what they add up to, and a hash of all they say. The order does not
 * matter and nothing is kept but the sums, so a window of a million rows is compared in flat memory.
 */
import { createHash } from 'node:crypto';
import type { ProviderTransaction } from '#payments';

const modulus = 1n << 128n;

export class WindowDigest {
  private rowCount = 0;
  private readonly nets = new Map<string, bigint>();
  private hash = 0n;

  get rows(): number {
    return this.rowCount;
  }

  add({ id, net, raw }: ProviderTransaction): void {
    this.rowCount += 1;
    this.nets.set(net.currency, (this.nets.get(net.currency) ?? 0n) + BigInt(net.value));
    const row = createHash('sha256').update(id).update('\0').update(raw).digest();
    this.hash = (this.hash + ((row.readBigUInt64BE(0) << 64n) | row.readBigUInt64BE(8))) % modulus;
  }

  /** Equal for equal sets of rows. */
  toString(): string {
    const sums = [...this.nets].map(([currency, sum]) => `${currency}:${sum}`).sort();
    return [this.rowCount, ...sums, this.hash.toString(16).padStart(32, '0')].join(' ');
  }
}
