/**
 * Who holds what, the newest as far as there is room: for recognising duplicates. There are as many as a sale has buyers, so they are
 * kept in one buffer, which the garbage collector does not scan, and not as objects.
 *
 * The buffer is a ring of records. A new one is appended; what is in its way is forgotten, oldest first. An index of slots finds
 * them, by open addressing with linear probing; when one is removed, those behind it move up.
 *
 *     size (int32) · hash (int32) · expiresAtMs (float64) · sequence (float64)
 *     length of the id (byte 24) · length of the name (uint16, byte 26) · id (byte 28) · name
 *
 * A negative size marks a removed record, which is skipped when its turn comes to be forgotten.
 */
import { systemRandom } from '#platform';

export type LiveHold = {
  readonly reservationId: string;
  readonly expiresAtMs: number;
  /** When it was made; older news does not concern it. */
  readonly sequence: number;
};

/** Half a million holds with names of 60 bytes. The machine gives pages only as they are written. */
const ringBytesDefault = 2 ** 26;
const alignment = 8;
const [expiresAt, sequenceAt, idLengthAt, nameLengthAt, idAt] = [8, 16, 24, 26, 28];
/** A record has 72 bytes or more with the ids that reservations have, so the index is never more than half full. */
const ringBytesPerSlot = 32;
/** Of a SKU, a space and a buyer's name, in UTF-8; what is cut off there is longer than any that is let in. */
const nameBytesMax = 1_020;

export class LiveHolds {
  private readonly bytes: Buffer;
  private readonly int32s: Int32Array;
  private readonly float64s: Float64Array;
  /** Where the records are, in units of the alignment, counted from 1; 0: free. */
  private readonly slots: Int32Array;
  private head = 0;
  private tail = 0;
  private used = 0;
  /** The name that is looked for, and its hash. */
  private readonly name = Buffer.alloc(nameBytesMax + alignment);
  private nameLength = 0;
  private hash = 0;
  /** Names that a stranger has chosen to be in one row of slots are not, here. */
  private readonly seed = systemRandom.bytes(4).readInt32LE();

  /** @param ringBytes a power of two, of at least a few records */
  constructor(private readonly ringBytes = ringBytesDefault) {
    const ring = new ArrayBuffer(ringBytes);
    this.bytes = Buffer.from(ring);
    this.int32s = new Int32Array(ring);
    this.float64s = new Float64Array(ring);
    this.slots = new Int32Array(ringBytes / ringBytesPerSlot);
  }

  find(sku: string, buyerId: string): LiveHold | undefined {
    const record = this.recordIn(this.slotOf(sku, buyerId));
    if (record < 0) return undefined;
    const idEnd = record + idAt + this.bytes[record + idLengthAt]!;
    return {
      reservationId: this.bytes.toString('latin1', record + idAt, idEnd),
      expiresAtMs: this.float64s[(record + expiresAt) / 8]!,
      sequence: this.sequenceOf(record),
    };
  }

  /** Keeps the hold, unless a later word is known: as the newest, or in its place if it is known. Names that are too long are not kept. */
  put(sku: string, buyerId: string, { reservationId, expiresAtMs, sequence }: LiveHold): void {
    const slot = this.slotOf(sku, buyerId);
    let record = this.recordIn(slot);
    if (record >= 0 && this.sequenceOf(record) > sequence) return;
    if (record < 0 || !this.isOf(record, reservationId)) {
      if (record >= 0) this.removeAt(slot);
      record = this.append(reservationId);
    }
    if (record < 0) return;
    this.float64s[(record + expiresAt) / 8] = expiresAtMs;
    this.float64s[(record + sequenceAt) / 8] = sequence;
  }

  /** The hold has ended, or there was none, at this sequence; a later one stays. */
  remove(sku: string, buyerId: string, sequence: number): void {
    const slot = this.slotOf(sku, buyerId);
    const record = this.recordIn(slot);
    if (record >= 0 && this.sequenceOf(record) <= sequence) this.removeAt(slot);
  }

  clear(): void {
    if (this.used > 0) this.slots.fill(0);
    this.head = this.tail = this.used = 0;
  }

  /** The slot where such a name is, or would be. */
  private slotOf(sku: string, buyerId: string): number {
    this.nameLength = this.name.write(`${sku} ${buyerId}`, 'utf8');
    this.hash = hashOf(this.seed, this.name, this.nameLength);
    const mask = this.slots.length - 1;
    let slot = this.hash & mask;
    for (let record = this.recordIn(slot); record >= 0; record = this.recordIn(slot)) {
      if (this.int32s[record / 4 + 1] === this.hash && this.isNamed(record)) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Negative: the slot is free. */
  private recordIn(slot: number): number {
    return (this.slots[slot]! - 1) * alignment;
  }

  private sequenceOf(record: number): number {
    return this.float64s[(record + sequenceAt) / 8]!;
  }

  private isNamed(record: number): boolean {
    const { bytes, name, nameLength } = this;
    if (this.int32s[(record + idLengthAt) / 4]! >>> 16 !== nameLength) return false;
    const from = record + idAt + bytes[record + idLengthAt]!;
    for (let at = 0; at < nameLength; at += 1) if (bytes[from + at] !== name[at]) return false;
    return true;
  }

  private isOf(record: number, reservationId: string): boolean {
    const { length } = reservationId;
    if (this.bytes[record + idLengthAt] !== length) return false;
    return this.bytes.toString('latin1', record + idAt, record + idAt + length) === reservationId;
  }

  /** A record of the name that was looked for last. Negative: it cannot be kept. */
  private append(reservationId: string): number {
    const { bytes, nameLength, ringBytes } = this;
    const idLength = reservationId.length;
    const size = Math.ceil((idAt + idLength + nameLength) / alignment) * alignment;
    if (idLength > 0xff || nameLength > nameBytesMax || size > ringBytes / 4) return -1;
    // A record lies in one piece: what is left before the end of the ring is passed over.
    const rest = ringBytes - this.head;
    if (size > rest) this.takeRoom(-rest);
    const record = this.takeRoom(size);
    this.int32s[record / 4 + 1] = this.hash;
    bytes[record + idLengthAt] = idLength;
    bytes.writeUInt16LE(nameLength, record + nameLengthAt);
    bytes.write(reservationId, record + idAt, 'latin1');
    bytes.set(this.name.subarray(0, nameLength), record + idAt + idLength);
    // The room may have been that of others in the same row of slots.
    let slot = this.hash & (this.slots.length - 1);
    while (this.recordIn(slot) >= 0) slot = (slot + 1) & (this.slots.length - 1);
    this.slots[slot] = record / alignment + 1;
    return record;
  }

  /** The next bytes of the ring, with their size written; a negative size: nothing will be in them. */
  private takeRoom(size: number): number {
    const length = Math.abs(size);
    while (this.used + length > this.ringBytes) this.forgetOldest();
    const at = this.head;
    this.int32s[at / 4] = size;
    this.head = (at + length) % this.ringBytes;
    this.used += length;
    return at;
  }

  private forgetOldest(): void {
    const size = this.int32s[this.tail / 4]!;
    if (size > 0) {
      const mask = this.slots.length - 1;
      let slot = this.int32s[this.tail / 4 + 1]! & mask;
      while (this.recordIn(slot) !== this.tail) slot = (slot + 1) & mask;
      this.removeAt(slot);
    }
    this.tail = (this.tail + Math.abs(size)) % this.ringBytes;
    this.used -= Math.abs(size);
  }

  /** Takes a record out of the index; those that it had pushed on move up. */
  private removeAt(slot: number): void {
    const { slots, int32s } = this;
    const mask = slots.length - 1;
    const removed = this.recordIn(slot);
    int32s[removed / 4] = -int32s[removed / 4]!;
    let hole = slot;
    for (let next = (hole + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const home = int32s[this.recordIn(next) / 4 + 1]! & mask;
      // Whoever would be looked for from behind the hole stays.
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      slots[hole] = slots[next]!;
      hole = next;
    }
    slots[hole] = 0;
  }
}

/** FNV-1a, its high bits mixed into the low ones, which choose the slot. */
function hashOf(seed: number, bytes: Uint8Array, length: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < length; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
