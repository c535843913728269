/**
 * A stricter reading of JSON than the language's own. A reservation is money, so anything that two programs could read in two
 * ways is refused. `JSON.parse` makes the value; a walk over the same text then finds what it lets pass: a member named twice
 * (it keeps the last one), numbers that would be written differently when serialised again, and text that no database
 * keeps.
 */
import { isStorableText } from '#contracts';
import { Problem } from './problem.js';

/** Deep enough for anything that fits into 4 KiB of metadata; the walk keeps its own stack, so depth costs no calls. */
const depthMax = 4_096;
const faultsMax = 20;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The value of a body.
 * @throws Problem `invalid-json` (400) when it is no UTF-8, no JSON, or names a member twice; `invalid-request` (422)
 * naming the paths of numbers and text that cannot be kept exactly.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  let text: string;
  let value: unknown;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new Problem('invalid-json', 'The body is not UTF-8');
  }
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem('invalid-json', 'The body is not JSON');
  }
  const faults = new JsonWalk(text).faults();
  if (faults.length > 0) {
    throw new Problem('invalid-request', 'The body has values that cannot be stored exactly', {
      errors: faults,
    });
  }
  return value;
}

type JsonFault = { readonly path: string; readonly message: string };

/** An object or list that the walk is inside of. */
type Container = { readonly members: Set<string> | null; at: string | number };

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;

/** One pass over a text that is known to be JSON. */
class JsonWalk {
  private at = 0;
  private readonly containers: Container[] = [];
  private readonly found: JsonFault[] = [];

  constructor(private readonly text: string) {}

  faults(): readonly JsonFault[] {
    const { text } = this;
    while (this.at < text.length) {
      const code = text.charCodeAt(this.at);
      if (code === quote) this.readString();
      else if (code === 0x7b) this.open({ members: new Set(), at: '' });
      else if (code === 0x5b) this.open({ members: null, at: 0 });
      else if (code === 0x7d || code === 0x5d) this.close();
      else if (code === comma) this.next();
      else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) this.readNumber();
      // White space, colons and the letters of true, false and null.
      else this.at += 1;
    }
    return this.found;
  }

  private open(container: Container): void {
    if (this.containers.length >= depthMax)
      throw new Problem('invalid-json', 'The body is nested too deeply');
    this.containers.push(container);
    this.at += 1;
  }

  private close(): void {
    this.containers.pop();
    this.at += 1;
  }

  private next(): void {
    const container = this.containers.at(-1);
    if (typeof container?.at === 'number') container.at += 1;
    this.at += 1;
  }

  private readString(): void {
    const start = this.at;
    let escaped = false;
    let end = start + 1;
    for (let code = this.text.charCodeAt(end); code !== quote; code = this.text.charCodeAt(end)) {
      if (code === backslash) escaped = true;
      end += code === backslash ? 2 : 1;
    }
    this.at = end + 1;
    // Text that was UTF-8 can only hold a NUL or half a surrogate pair by way of an escape.
    const value = escaped
      ? (JSON.parse(this.text.slice(start, this.at)) as string)
      : this.text.slice(start + 1, end);
    const container = this.containers.at(-1);
    if (container?.members && this.isName()) this.enterMember(container, container.members, value);
    if (escaped && !isStorableText(value)) this.fault('Text with a NUL or half of a surrogate pair');
  }

  /** In JSON only a name is followed by a colon. */
  private isName(): boolean {
    let at = this.at;
    while (isWhiteSpace(this.text.charCodeAt(at))) at += 1;
    return this.text.charCodeAt(at) === colon;
  }

  private enterMember(container: Container, members: Set<string>, name: string): void {
    container.at = name;
    if (members.has(name)) {
      throw new Problem('invalid-json', `The body names ${JSON.stringify(this.path())} twice`);
    }
    members.add(name);
  }

  private readNumber(): void {
    const start = this.at;
    while (isNumberPart(this.text.charCodeAt(this.at))) this.at += 1;
    const source = this.text.slice(start, this.at);
    if (String(Number(source)) !== source) this.fault('A number that is not written in its plain form');
  }

  private fault(message: string): void {
    if (this.found.length < faultsMax) this.found.push({ path: this.path(), message });
  }

  private path(): string {
    const path = this.containers.map(({ at }) => at).join('.');
    return (path.length > 200 ? `${path.slice(0, 200)}…` : path).toWellFormed();
  }
}

function isWhiteSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isNumberPart(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2d ||
    code === 0x2b ||
    code === 0x2e ||
    (code | 0x20) === 0x65
  );
}
