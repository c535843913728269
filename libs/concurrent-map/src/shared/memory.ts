/**
 * The buffer as typed arrays, and the two things that the other files do with single words: a compare-and-swap over
 * two neighbouring words at once, and a cheap look at the root.
 *
 * Two words that must change together (a value and its generation, a reference and its tag) lie in one aligned 64-bit
 * cell. They are read as two 32-bit loads and written as one 64-bit compare-and-swap, which fails when either half
 * was read too early; only a record that no other thread knows of is written a word at a time. The expected and the
 * new pair are put together in private memory of the same byte order.
 */
import { header, type Geometry } from './layout.js';

/**
 * Whether a plain read of a typed array is, on this machine, the instruction that an atomic read is. `Atomics.load` is a
 * call in V8, of 7 to 9 ns, as long as a look-up in a Map. What it does on x64 is one `mov`. A plain read is the same
 * `mov`: aligned, so never torn; in program order; and after a locked swap, which is how V8 writes atomically, it sees all
 * that was written before. What is left is the compiler, which the language allows to merge plain reads or to move them
 * out of loops. V8 does neither with those of array buffers, it marks them as not to be eliminated. That was read in
 * its source, is watched by test/plain-reads.spec.ts, and is taken on trust nowhere else: another processor, a
 * V8 that was not looked at or another engine gets `Atomics.load`. (docs/decisions, 9)
 *
 * The same holds for plain writes among each other, which the processor keeps in order; but a read may overtake them. So
 * they are for what a thread alone knows of until its next swap, which is locked, shows it to others. (76)
 */
const plainAccessIsAtomic = isTrusted();

type Process = { readonly arch?: string; readonly versions?: { readonly v8?: string } };

function isTrusted(): boolean {
  const process = Reflect.get(globalThis, 'process') as Process | undefined;
  return process?.arch === 'x64' && process.versions?.v8?.startsWith('13.') === true;
}

// Imported constants are looked up at every use, those of the module itself are not: a nanosecond of each load.
const rootAt: number = header.root;

/**
 * A plain read of a shared word. Ordered after every atomic read that precedes it in the program: whoever has read
 * a word that was written after a change of the root, and because of it, also sees that change.
 */
const peek = (words: Int32Array<SharedArrayBuffer>, at: number): number => words[at]!;

export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly geometry: Geometry;
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly units: Uint16Array<SharedArrayBuffer>;
  readonly pairs: BigInt64Array<SharedArrayBuffer>;
  private readonly halves = new Int32Array(4);
  private readonly wholes = new BigInt64Array(this.halves.buffer);

  constructor(buffer: SharedArrayBuffer, geometry: Geometry) {
    this.buffer = buffer;
    this.geometry = geometry;
    this.words = new Int32Array(buffer);
    this.units = new Uint16Array(buffer);
    this.pairs = new BigInt64Array(buffer);
  }

  /** The current root, as the total order of all atomics has it. */
  root(): number {
    return this.read(rootAt);
  }

  /** The root as it was at the last atomic read, or later. */
  peekRoot(): number {
    return peek(this.words, rootAt);
  }

  /** A word as the total order of all atomics has it, as cheaply as the machine allows. */
  read(at: number): number {
    return plainAccessIsAtomic ? this.words[at]! : Atomics.load(this.words, at);
  }

  /** The same for a cell that is one int64. */
  readWhole(at: number): bigint {
    return plainAccessIsAtomic ? this.pairs[at >> 1]! : Atomics.load(this.pairs, at >> 1);
  }

  /** Replaces two words at once when both are as expected. `at` is the even position of the first. */
  replacePair(at: number, first: number, second: number, nextFirst: number, nextSecond: number): boolean {
    const { halves, wholes } = this;
    halves[0] = first;
    halves[1] = second;
    halves[2] = nextFirst;
    halves[3] = nextSecond;
    const expected = wholes[0]!;
    return Atomics.compareExchange(this.pairs, at >> 1, expected, wholes[1]!) === expected;
  }

  /**
   * Writes a word after all that this thread has written before, as others see it. It may be seen late, but not later
   * than the next swap of this thread.
   */
  write(at: number, word: number): void {
    if (plainAccessIsAtomic) this.words[at] = word;
    else Atomics.store(this.words, at, word);
  }

  /** The same for a cell that is one int64. */
  replaceWhole(at: number, whole: bigint, next: bigint): boolean {
    return Atomics.compareExchange(this.pairs, at >> 1, whole, next) === whole;
  }

  /** {@link write} for a cell that is one int64. */
  writeWhole(at: number, whole: bigint): void {
    if (plainAccessIsAtomic) this.pairs[at >> 1] = whole;
    else Atomics.store(this.pairs, at >> 1, whole);
  }

  /**
   * Counts in the pair at `at`, [count, root], from 0 under each root.
   * @returns the count before, or -1 when `root` is not the current one.
   */
  countUnder(root: number, at: number): number {
    for (;;) {
      const count = this.read(at);
      const under = this.read(at + 1);
      const before = under === root ? count : 0;
      // Once the root is confirmed, `under` is known to be of an earlier era.
      if (under !== root && this.root() !== root) return -1;
      if (this.replacePair(at, count, under, before + 1, root)) return before;
    }
  }
}
