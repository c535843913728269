/**
 * The units left of each SKU, in memory that every HTTP thread of the process shares: what one thread has taken or learned
 * the others know at once. A cell is one word, so that the units and the level that they belong to only change together:
 *
 *     epoch (9 bits) · version (34 bits) · units left (20 bits)
 *
 * Older levels never overwrite newer ones, whichever thread is slower. Epoch and version are counted modulo their bits and
 * compared as serial numbers (RFC 1982). A thread that dies between taking and asking Redis leaves a cell too low; whoever
 * notices its death clears them all.
 */
import { MapFullError, SharedConcurrentInt64Map } from '#concurrent-map';

/** Which level of a SKU: its epoch and version. */
export type Stamp = bigint;

const skusMax = 100_000;
const skuLengthMax = 64;
/** A full map counts itself to refuse a key, so it is asked again only after so many SKUs that there was no room for. */
const turnedAwayMax = 10_000;
const epochBits = 9;
const versionBits = 34;
const unitsBits = 20;
const [versionShift, unitsShift] = [BigInt(versionBits), BigInt(unitsBits)];
/** More than this counts as so many: asking Redis in vain is all that can come of it. */
const unitsKnownMax = 2 ** unitsBits - 1;

export class StockCells {
  private turnAway = 0;

  private constructor(private readonly words: SharedConcurrentInt64Map) {}

  static create(): StockCells {
    return new StockCells(
      SharedConcurrentInt64Map.create({ entriesMax: skusMax, keyLengthMax: skuLengthMax }),
    );
  }

  /** The cells of another thread, by their buffer alone. */
  static attach(buffer: SharedArrayBuffer): StockCells {
    return new StockCells(SharedConcurrentInt64Map.attach(buffer));
  }

  get buffer(): SharedArrayBuffer {
    return this.words.buffer;
  }

  /** The units left of a SKU as long as its newest level is this one; undefined: another is known, or none. */
  unitsAt(sku: string, stamp: Stamp): number | undefined {
    const word = this.words.load(sku);
    return word !== undefined && word >> unitsShift === stamp ? unitsOf(word) : undefined;
  }

  /** Takes units where so many are known to be left: the explicit load, then conditional store. */
  take(sku: string, quantity: number): boolean {
    for (;;) {
      const word = this.words.load(sku);
      if (word === undefined || unitsOf(word) < quantity) return false;
      if (this.words.compareAndSwap(sku, word, word - BigInt(quantity))) return true;
    }
  }

  giveBack(sku: string, quantity: number): void {
    for (;;) {
      const word = this.words.load(sku);
      if (word === undefined) return;
      const units = Math.min(unitsOf(word) + quantity, unitsKnownMax);
      if (this.words.compareAndSwap(sku, word, wordOf(word >> unitsShift, units))) return;
    }
  }

  /** A level, unless a newer one is known. False: there is no room for one more SKU. */
  learn(sku: string, stamp: Stamp, available: number): boolean {
    if (this.turnAway > 0 && this.words.load(sku) === undefined) {
      this.turnAway -= 1;
      return false;
    }
    const word = wordOf(stamp, Math.min(available, unitsKnownMax));
    try {
      for (;;) {
        const { value, loaded } = this.words.loadOrStore(sku, word);
        if (!loaded || isNewer(value >> unitsShift, stamp)) return true;
        if (this.words.compareAndSwap(sku, value, word)) return true;
      }
    } catch (error) {
      if (!(error instanceof MapFullError)) throw error;
      this.turnAway = turnedAwayMax;
      return false;
    }
  }

  /** Forgets all of them: Redis is asked, and its answers are learned. */
  clear(): void {
    this.words.clear();
    this.turnAway = 0;
  }
}

export function stampOf(epoch: number, version: number): Stamp {
  return (
    (BigInt.asUintN(epochBits, BigInt(epoch)) << versionShift) | BigInt.asUintN(versionBits, BigInt(version))
  );
}

function wordOf(stamp: Stamp, units: number): bigint {
  return (stamp << unitsShift) | BigInt(units);
}

function unitsOf(word: bigint): number {
  return Number(BigInt.asUintN(unitsBits, word));
}

/** Whether `one` comes after `other`: less than half of all epochs later, or of all versions in the same epoch. */
function isNewer(one: Stamp, other: Stamp): boolean {
  const epochs = BigInt.asIntN(epochBits, (one >> versionShift) - (other >> versionShift));
  return epochs === 0n ? BigInt.asIntN(versionBits, one - other) > 0n : epochs > 0n;
}
