/**
 * Bytes of a file as text, without knowing its encoding yet. Every byte becomes the character of the same number, so that
 * separators, tags and markup (all ASCII) can be found, and any cut of the bytes gives the same text. What a person wrote
 * is decoded field by field: as UTF-8 where it is valid, else as Windows-1252, which is what is meant where it is not.
 */
const utf8 = new TextDecoder('utf-8', { fatal: true });
const windows1252 = new TextDecoder('windows-1252');
// eslint-disable-next-line no-control-regex -- beyond ASCII is what is asked for
const beyondAscii = /[^\x00-\x7f]/u;
const openingLength = 4;

/** A field as it was meant: UTF-8 or Windows-1252. Never fails. */
export function decodeText(field: string): string {
  if (!beyondAscii.test(field)) return field;
  const bytes = Buffer.from(field, 'latin1');
  try {
    return utf8.decode(bytes);
  } catch {
    return windows1252.decode(bytes);
  }
}

/** As PostgreSQL can keep it: it has no text with a zero byte or, as a cut leaves it, with half a character. */
export const storable = (text: string): string => text.replaceAll('\0', '\uFFFD').toWellFormed();

/**
 * A copy that does not hold on to the text it was cut from: what outlives its row must be one, or a few characters keep
 * a whole chunk of the file in memory.
 */
export const detached = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');

/** What the first bytes say about a file that is no text at all, for the person who sent it; null: nothing. */
export function describeBinary(text: string): string | null {
  if (text.startsWith('PK')) return 'it is a ZIP archive or a spreadsheet; unpack it, or export it as CSV.';
  if (text.startsWith('\x1f\x8b')) return 'it is compressed with gzip; unpack it first.';
  if (text.startsWith('%PDF')) return 'it is a PDF; ask for the machine-readable file.';
  return null;
}

/** The file as text of one character a byte. Byte order marks are dropped; UTF-16 is turned into UTF-8 first. */
export async function* textOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let opening: Uint8Array = new Uint8Array();
  let decode: ((chunk: Uint8Array) => string) | null = null;
  for await (const chunk of bytes) {
    if (decode !== null) {
      yield decode(chunk);
      continue;
    }
    opening = Buffer.concat([opening, chunk]);
    if (opening.length < openingLength) continue;
    decode = decoderFor(opening);
    yield decode(opening);
  }
  if (decode === null) yield decoderFor(opening)(opening);
}

function decoderFor(opening: Uint8Array): (chunk: Uint8Array) => string {
  const utf16 = utf16Of(opening);
  if (utf16 !== null) {
    const decoder = new TextDecoder(utf16);
    return (chunk) => Buffer.from(decoder.decode(chunk, { stream: true }), 'utf8').toString('latin1');
  }
  let skip = opening[0] === 0xef && opening[1] === 0xbb && opening[2] === 0xbf ? 3 : 0;
  return (chunk) => {
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1', skip);
    skip = 0;
    return text;
  };
}

function utf16Of([first, second]: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return null;
}
