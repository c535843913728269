/**
 * Where everything lies in the buffer of a SharedConcurrentMap, in 32-bit words.
 *
 *     header │ guards │ owners │ records │ tails │ index area 0 │ index area 1
 *
 * - header: constants that `attach` checks, then the few words that change, each alone on its cache line;
 * - guards: of maps with int64 values, which records are being written to (guards.ts);
 * - owners: one word per record, FREE, CLAIMED or the root under which the record was last linked (records.ts);
 * - records: of one size, so that any key fits into any free record and nothing ever fragments or moves. A record is
 *   [value, generation, hash, key length, key units two to a word …]; value and generation change together, as one
 *   64-bit cell;
 * - tails: what does not fit of longer keys, one tail per record. So a record is no longer than a cache line, and a map
 *   of short keys never touches the memory that longer ones would take;
 * - two index areas that take turns, slots of two words [reference and flags, tag] (index-table.ts).
 *
 * A root is one word: 27 bits of era, which grows with every new index, and 5 bits for the size of that index (log2).
 * It names an index, tags its slots, and its era's lowest bit says in which area the index lies.
 */
import { InvalidOptionsError, NotAMapBufferError } from '../errors.js';

/** Header words. Those up to `checksum` never change after `create`. */
export const header = {
  magic: 0,
  version: 1,
  entriesMax: 2,
  keyLengthMax: 3,
  recordsMax: 4,
  indexLog2Max: 5,
  indexLog2Min: 6,
  byteLength: 7,
  /** Whether values are int64 (1) or int32 (0). */
  wide: 8,
  /** Over all constants, so that a buffer of something else is not taken for a map. */
  checksum: 9,
  /** The current index. Every operation looks at it, so nothing else shares its cache line. */
  root: 16,
  /** The index that is to follow, once someone has asked for it. */
  next: 32,
  /** How many keys are present: a hint, verified by a count before a refusal. */
  live: 48,
  /** How many slots of the newest index are taken: a hint, in its low 24 bits, tagged with its era's low 8. */
  used: 64,
  /** How many maps have been opened on the buffer. */
  turns: 80,
  /** How often the map has been cleared. */
  clears: 96,
  /** [count, root]: how many batches of slots of this index have been taken to be moved to the next one. */
  batchesTaken: 112,
  /** [count, root]: how many of them are moved. */
  batchesMoved: 128,
  /** [count, root]: how many records the replacement of this index has dropped: a hint. */
  dropped: 144,
  /** How many writes to int64 cells are under way, or have died, without a guard because all were up. */
  unguarded: 160,
  words: 176,
} as const;

/** Words of a record before its key. In a map of int64 values, value and generation are the two halves of the value. */
export const record = { value: 0, generation: 1, hash: 2, keyLength: 3, key: 4 } as const;

/** A guard has a cache line to itself: threads that write to different cells shall not wait for each other's guards. */
export const guardWords = 16;

export const magic = 0x686c_6466;
export const layoutVersion = 4;

export const limits = {
  entriesMax: 10_000_000,
  keyLengthMax: 4_096,
  keyLengthDefault: 64,
  /** A cache line. */
  recordWordsMax: 16,
  /** Word positions stay below 2^30, where V8 keeps integers without a box. */
  bufferBytesMax: 2 ** 32,
  indexLog2Min: 6,
  /** A new map's index has the largest index's size, divided by two so many times: that often it doubles at most. */
  indexDoublingsMax: 6,
  /**
   * Records beyond `entriesMax`: an eighth, so that a full map under churn rebuilds its index once in entriesMax/8
   * inserts, and 256 more, because a thread that dies while it writes a new key leaves its record claimed for ever.
   */
  sparesMin: 256,
  sparesShare: 1 / 8,
  /** Share of an index that may be taken. */
  loadMax: 0.6,
  /** Slots that an insert moves when it meets an index that is being replaced. */
  batchSlots: 128,
  /** Writes to int64 cells under way at once, or dead, that hold up one record each; more hold up all (guards.ts). */
  guards: 128,
} as const;

export type Geometry = {
  /** Values are int64. */
  readonly wide: boolean;
  readonly entriesMax: number;
  readonly keyLengthMax: number;
  readonly recordsMax: number;
  readonly recordWords: number;
  /** Units of a key that are in its record. */
  readonly unitsInRecord: number;
  readonly tailWords: number;
  readonly indexLog2Min: number;
  readonly indexLog2Max: number;
  /** In maps of int64 values only: guards, see guards.ts. */
  readonly guardsAt: number;
  readonly ownersAt: number;
  readonly recordsAt: number;
  readonly tailsAt: number;
  readonly indexAt: number;
  readonly byteLength: number;
};

/** `sparesMin` and `indexLog2Min` are for tests, which want maps so small that everything happens at once. */
export type GeometryOptions = {
  readonly wide?: boolean;
  readonly entriesMax: number;
  readonly keyLengthMax: number;
  readonly sparesMin?: number;
  readonly indexLog2Min?: number;
};

/** @throws {InvalidOptionsError} when a number is no integer or beyond {@link limits}. */
export function geometryOf(options: GeometryOptions): Geometry {
  const { wide = false, entriesMax, keyLengthMax, sparesMin = limits.sparesMin } = options;
  requireInteger('entriesMax', entriesMax, limits.entriesMax);
  requireInteger('keyLengthMax', keyLengthMax, limits.keyLengthMax);
  const recordsMax = entriesMax + sparesMin + Math.ceil(entriesMax * limits.sparesShare);
  const indexLog2Min =
    options.indexLog2Min ??
    Math.max(limits.indexLog2Min, indexLog2MaxOf(recordsMax) - limits.indexDoublingsMax);
  return place({ wide, entriesMax, keyLengthMax, recordsMax, indexLog2Min });
}

/**
 * Reads the geometry back from a buffer.
 * @throws {NotAMapBufferError} when this is no fixed-length SharedArrayBuffer that `create` laid out.
 */
export function geometryIn(buffer: SharedArrayBuffer): Geometry {
  // By its tag, because a buffer may come from another realm.
  if (Object.prototype.toString.call(buffer) !== '[object SharedArrayBuffer]')
    throw new NotAMapBufferError('no SharedArrayBuffer');
  if (buffer.growable) throw new NotAMapBufferError('its length can change');
  if (buffer.byteLength < header.words * 4) throw new NotAMapBufferError('too short for a header');
  const words = new Int32Array(buffer, 0, header.words);
  const read = (at: number): number => Atomics.load(words, at);
  if (read(header.magic) !== magic) throw new NotAMapBufferError('no magic number');
  if (read(header.version) !== layoutVersion) {
    throw new NotAMapBufferError(`layout version ${read(header.version)}, this code knows ${layoutVersion}`);
  }
  if (read(header.checksum) !== checksumOf(words)) throw new NotAMapBufferError('its header is damaged');
  const geometry = place({
    wide: read(header.wide) === 1,
    entriesMax: read(header.entriesMax),
    keyLengthMax: read(header.keyLengthMax),
    recordsMax: read(header.recordsMax),
    indexLog2Min: read(header.indexLog2Min),
  });
  if (geometry.byteLength !== buffer.byteLength) throw new NotAMapBufferError('it has another length');
  return geometry;
}

/** @throws {NotAMapBufferError} when the map's values are of another width than its class. */
export function requireWidth({ wide }: Geometry, wanted: boolean): void {
  if (wide === wanted) return;
  const [values, name] = wide ? ['int64', 'SharedConcurrentInt64Map'] : ['int32', 'SharedConcurrentMap'];
  throw new NotAMapBufferError(`its values are ${values}; open it with ${name}.attach`);
}

/** Makes a buffer of zeros and writes the header; the magic number comes last. */
export function layOut(geometry: Geometry): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(geometry.byteLength);
  const words = new Int32Array(buffer, 0, header.words);
  Atomics.store(words, header.version, layoutVersion);
  Atomics.store(words, header.entriesMax, geometry.entriesMax);
  Atomics.store(words, header.keyLengthMax, geometry.keyLengthMax);
  Atomics.store(words, header.recordsMax, geometry.recordsMax);
  Atomics.store(words, header.indexLog2Max, geometry.indexLog2Max);
  Atomics.store(words, header.indexLog2Min, geometry.indexLog2Min);
  Atomics.store(words, header.wide, geometry.wide ? 1 : 0);
  Atomics.store(words, header.byteLength, geometry.byteLength | 0);
  Atomics.store(words, header.checksum, checksumOf(words));
  Atomics.store(words, header.root, rootOf(2, geometry.indexLog2Min));
  Atomics.store(words, header.magic, magic);
  return buffer;
}

/** A number of its own for everyone who opens the buffer: threads that begin apart meet less often. */
export function takeTurn(words: Int32Array): number {
  return Atomics.add(words, header.turns, 1);
}

const sizeBits = 5;
const sizeMask = (1 << sizeBits) - 1;
/** Eras go round after this many: no thread may sleep inside one operation for as long. */
export const eraMask = (1 << (32 - sizeBits)) - 1;

export const rootOf = (era: number, indexLog2: number): number => ((era & eraMask) << sizeBits) | indexLog2;
export const eraOf = (root: number): number => root >>> sizeBits;
export const indexLog2Of = (root: number): number => root & sizeMask;

const indexLog2MaxOf = (recordsMax: number): number => Math.ceil(Math.log2(recordsMax / limits.loadMax));

/** The root that a rebuild of the index `root` leads to has this era. */
export const eraAfter = (root: number): number => (eraOf(root) + 1) & eraMask;

/** Whether the index `root` is of a later era than the index `other`. */
export const isPast = (root: number, other: number): boolean => {
  const age = (eraOf(root) - eraOf(other)) & eraMask;
  return age !== 0 && age <= eraMask >>> 1;
};

function checksumOf(words: Int32Array): number {
  let sum = 0;
  for (let at = header.version; at < header.checksum; at++)
    sum = Math.imul(sum ^ words[at]!, 0x0100_0193) + at;
  return sum | 0;
}

function requireInteger(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new InvalidOptionsError(`${name} is ${String(value)}; an integer from 1 to ${max} was wanted`);
  }
}

function place(sizes: {
  wide: boolean;
  entriesMax: number;
  keyLengthMax: number;
  recordsMax: number;
  indexLog2Min: number;
}): Geometry {
  const { recordsMax, keyLengthMax } = sizes;
  const even = (words: number): number => words + (words & 1);
  const recordWords = Math.min(even(record.key + Math.ceil(keyLengthMax / 2)), limits.recordWordsMax);
  const unitsInRecord = Math.min((recordWords - record.key) * 2, keyLengthMax);
  const tailWords = even(Math.ceil((keyLengthMax - unitsInRecord) / 2));
  const indexLog2Max = Math.max(sizes.indexLog2Min, indexLog2MaxOf(recordsMax));
  const guardsAt = header.words;
  const ownersAt = guardsAt + (sizes.wide ? limits.guards * guardWords : 0);
  const recordsAt = Math.ceil((ownersAt + recordsMax) / limits.recordWordsMax) * limits.recordWordsMax;
  const tailsAt = recordsAt + recordsMax * recordWords;
  const indexAt = tailsAt + recordsMax * tailWords;
  const byteLength = (indexAt + 2 * 2 ** indexLog2Max * 2) * 4;
  if (byteLength > limits.bufferBytesMax) {
    throw new InvalidOptionsError(`the map would take ${byteLength} bytes of ${limits.bufferBytesMax}`);
  }
  const parts = { recordWords, unitsInRecord, tailWords, guardsAt, ownersAt, recordsAt, tailsAt, indexAt };
  return { ...sizes, ...parts, indexLog2Max, byteLength };
}
