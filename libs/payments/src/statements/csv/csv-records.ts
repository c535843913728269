/**
 * Lines as records of a CSV (RFC 4180, and what is written instead of it), a line at a time. A library reads a file or
 * fails; here a broken record costs itself alone: a quote that is never closed must not swallow the rows that follow, and
 * bounds hold whatever is written.
 *
 * A field is quoted when it begins with a quote; a quote inside an unquoted field is a character like any other.
 */
import type { Line } from '../lines.js';

export type CsvRecord = {
  readonly line: number;
  readonly fields: readonly string[];
  /** As in the file. */
  readonly raw: string;
  /** What is wrong with it; null: nothing. */
  readonly broken: string | null;
  /** False: the file ended before the record's line did. It may be whole all the same. */
  readonly ended: boolean;
};

/** A quoted field that goes over more lines or characters than this was never closed. */
const recordLinesMax = 100;
const recordLengthMax = 262_144;

export class CsvRecords {
  private lines: Line[] = [];
  private length = 0;
  private fields: string[] = [];
  private open: string | null = null;

  /** @param width columns of the header: a record of several lines that has not as many was not meant as one */
  constructor(
    private readonly delimiter: string,
    private readonly width: number,
  ) {}

  *push(line: Line): Generator<CsvRecord, void, undefined> {
    if (this.lines.length === 0) {
      if (line.overlong) {
        yield this.record([line], [], 'The line is longer than any row.');
        return;
      }
      if (!line.text.includes('"')) {
        if (line.text.trim() !== '') yield this.record([line], line.text.split(this.delimiter), null);
        return;
      }
    }
    this.lines.push(line);
    this.length += line.text.length;
    const broken = this.split(line.text);
    if (broken !== null) yield* this.giveUp(broken);
    else if (this.open === null) yield* this.complete();
    else if (this.lines.length >= recordLinesMax || this.length >= recordLengthMax || line.overlong) {
      yield* this.giveUp('A quote is never closed.');
    }
  }

  /** The line of a quote that was open when the file ended, if it can only be that the file was cut off there. */
  *end(): Generator<CsvRecord, number | null, undefined> {
    const [first, ...others] = this.lines;
    if (first === undefined) return null;
    const stray = others.length > 0 && others.every((line) => line.ended && this.isRow(line));
    if (!stray) return first.number;
    yield* this.giveUp('A quote is never closed.');
    return null;
  }

  private *complete(): Generator<CsvRecord, void, undefined> {
    const { lines, fields } = this;
    if (lines.length > 1 && fields.length !== this.width) {
      yield* this.giveUp('A quote is never closed.');
      return;
    }
    this.reset();
    yield this.record(lines, fields, null);
  }

  /** Only the first line is broken: the others are read again, each on its own. */
  private *giveUp(reason: string): Generator<CsvRecord, void, undefined> {
    const [first, ...others] = this.lines;
    this.reset();
    if (first === undefined) return;
    yield this.record([first], [], reason);
    for (const line of others) yield* this.push(line);
  }

  private record(lines: readonly Line[], fields: readonly string[], broken: string | null): CsvRecord {
    const first = lines[0] as Line;
    const raw = lines.length === 1 ? first.text : lines.map(({ text }) => text).join('\n');
    return { line: first.number, fields, raw, broken, ended: lines.at(-1)?.ended ?? true };
  }

  private reset(): void {
    this.lines = [];
    this.length = 0;
    this.fields = [];
    this.open = null;
  }

  private isRow({ text }: Line): boolean {
    return text.split(this.delimiter).length === this.width;
  }

  /** Adds the fields of one more line; what is wrong with it, or null. */
  private split(text: string): string | null {
    let at = 0;
    if (this.open !== null) {
      const end = this.quoted(text, 0, `${this.open}\n`);
      if (end === -1) return null;
      if (end < text.length && text[end] !== this.delimiter)
        return 'A quote is closed in the middle of a field.';
      if (end === text.length) return null;
      at = end + 1;
    }
    for (;;) {
      const begin = this.beginOfQuote(text, at);
      if (begin === -1) {
        const end = text.indexOf(this.delimiter, at);
        this.fields.push(end === -1 ? text.slice(at) : text.slice(at, end));
        if (end === -1) return null;
        at = end + 1;
        continue;
      }
      const end = this.quoted(text, begin + 1, '');
      if (end === -1 || end === text.length) return null;
      if (text[end] !== this.delimiter) return 'A quote is closed in the middle of a field.';
      at = end + 1;
    }
  }

  /** Where a field that begins here has its quote, if it has; some providers write a space before it. */
  private beginOfQuote(text: string, at: number): number {
    let begin = at;
    while (text[begin] === ' ') begin += 1;
    return text[begin] === '"' ? begin : -1;
  }

  /** Reads a quoted field on from `at`; where it ended, or -1 when it goes on in the next line. */
  private quoted(text: string, at: number, before: string): number {
    let value = before;
    let from = at;
    for (;;) {
      const quote = text.indexOf('"', from);
      if (quote === -1) {
        this.open = value + text.slice(from);
        return -1;
      }
      value += text.slice(from, quote);
      if (text[quote + 1] !== '"') {
        this.fields.push(value);
        this.open = null;
        let end = quote + 1;
        while (text[end] === ' ') end += 1;
        return end;
      }
      value += '"';
      from = quote + 2;
    }
  }
}

const delimiters = [',', ';', '\t', '|'] as const;

/** The delimiter that a header line has most of; null: it has none, so it is no header. */
export function delimiterOf(header: string): string | null {
  const unquoted = header.replace(/"[^"]*"/g, '');
  const counts = delimiters.map((delimiter) => unquoted.split(delimiter).length - 1);
  const most = Math.max(...counts);
  return most === 0 ? null : (delimiters[counts.indexOf(most)] ?? null);
}
