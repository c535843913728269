/**
 * Cursors: where a page ended, sealed so that nobody outside can read, change or invent one. AES-256-GCM over the
 * position, bound (as associated data) to the list and the filter that it was made for.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '../ports.js';
import { Problem } from './problem.js';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
/** Of the text. A position holds a few short values. */
const cursorLengthMax = 2_048;

export type CursorPosition = readonly (string | number)[];

/** What a cursor belongs to. The filter's undefined members count as absent. */
export type CursorList = {
  readonly name: string;
  readonly filter: Readonly<Record<string, string | undefined>>;
};

export class Cursors {
  /** @param secret 32 bytes, the same in every process of the service. */
  constructor(
    private readonly secret: Buffer,
    private readonly random: Random,
  ) {
    if (secret.length !== 32) throw new RangeError('A cursor secret has 32 bytes');
  }

  seal(list: CursorList, position: CursorPosition): string {
    const nonce = this.random.bytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.secret, nonce).setAAD(bindingOf(list));
    const sealed = [cipher.update(JSON.stringify(position), 'utf8'), cipher.final()];
    return Buffer.concat([nonce, ...sealed, cipher.getAuthTag()]).toString('base64url');
  }

  /** @throws Problem `invalid-cursor` (400) for everything that `seal` did not make for this list and filter. */
  open(list: CursorList, cursor: string): CursorPosition {
    const bytes = bytesOf(cursor);
    if (bytes === undefined) throw invalidCursor();
    const decipher = createDecipheriv(algorithm, this.secret, bytes.subarray(0, nonceBytes))
      .setAAD(bindingOf(list))
      .setAuthTag(bytes.subarray(-tagBytes));
    try {
      const text =
        decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8');
      return JSON.parse(text) as CursorPosition;
    } catch {
      throw invalidCursor();
    }
  }
}

/** Only the one spelling that `seal` gives: base64 has spare bits, which would let a changed cursor pass. */
function bytesOf(cursor: string): Buffer | undefined {
  if (cursor.length > cursorLengthMax) return undefined;
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.length < nonceBytes + tagBytes || bytes.toString('base64url') !== cursor) return undefined;
  return bytes;
}

function bindingOf({ name, filter }: CursorList): Buffer {
  const entries = Object.entries(filter).filter(([, value]) => value !== undefined);
  entries.sort(([left], [right]) => (left < right ? -1 : 1));
  return Buffer.from(JSON.stringify([name, entries]));
}

function invalidCursor(): Problem {
  return new Problem('invalid-cursor', 'The cursor was not made for this list and this filter');
}
