/**
 * A CSV as a table: finds the header (after empty lines and what some providers write above it), reads columns by name,
 * whatever their order and set, and gives each row to the format. What does not fit is quarantined here.
 */
import {
  quarantinedRawLengthMax,
  StatementCutOffError,
  StatementFormatError,
  type StatementFormat,
  type StatementItem,
  type StatementReader,
} from '../../statement.js';
import type { DecimalMark } from '../amount.js';
import { Lines, type Line } from '../lines.js';
import { quarantined, readOrQuarantine, RowError } from '../row-error.js';
import { decodeText, describeBinary, textOf } from '../text.js';
import { CsvRecords, delimiterOf, type CsvRecord } from './csv-records.js';

/** A header is among the first lines, or the file is something else. */
const headerLinesMax = 20;

/** Column names, compared without case, spaces and punctuation: `Psp Reference`, `psp_reference`. */
export class Header {
  private readonly columns = new Map<string, number>();

  constructor(
    readonly names: readonly string[],
    private readonly delimiter: string,
  ) {
    for (const [index, name] of names.entries()) {
      const plain = plainName(name);
      if (plain !== '' && !this.columns.has(plain)) this.columns.set(plain, index);
    }
  }

  /** Tables are separated by semicolons where commas separate decimals. */
  get decimalMark(): DecimalMark {
    return this.delimiter === ';' ? 'shown-comma' : 'shown';
  }

  /** The first of these names that the table has; undefined: none. */
  find(...names: readonly string[]): number | undefined {
    for (const name of names) {
      const index = this.columns.get(plainName(name));
      if (index !== undefined) return index;
    }
    return undefined;
  }

  /** Columns whose plain name matches. */
  findAll(pattern: RegExp): number[] {
    return [...this.columns].filter(([name]) => pattern.test(name)).map(([, index]) => index);
  }
}

export const plainName = (name: string): string =>
  name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^\p{Letter}\p{Number}]/gu, '');

export class Row {
  constructor(
    readonly line: number,
    private readonly header: Header,
    private readonly fields: readonly string[],
    /** As in the file, one character a byte. */
    private readonly raw: string,
  ) {}

  get length(): number {
    return this.raw.length;
  }

  /** As in the file, for people. */
  get shown(): string {
    return shown(this.raw);
  }

  /** The column's text without the spaces around it; empty where the table has no such column. */
  text(column: number | undefined): string {
    return column === undefined ? '' : decodeText(this.fields[column] ?? '').trim();
  }

  optional(column: number | undefined): string | null {
    const text = this.text(column);
    return text === '' ? null : text;
  }

  /** The row as JSON: its columns by name, without the empty ones and those in `without`. */
  json(...without: readonly (number | undefined)[]): string {
    const columns: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const [index, name] of this.header.names.entries()) {
      const text = this.text(index);
      if (text !== '' && !without.includes(index)) columns[name] = text;
    }
    return JSON.stringify(columns);
  }
}

const shown = (raw: string): string => decodeText(raw.slice(0, quarantinedRawLengthMax));

/** What a format makes of the rows. */
export interface Table {
  /** May keep rows back and give them later. @throws RowError the row is quarantined */
  row(row: Row): Iterable<StatementItem>;
  end(): Iterable<StatementItem>;
}

export type CsvFormat = {
  readonly format: StatementFormat;
  readonly provider: StatementReader['provider'];
  /** The columns that a table of this format must have, for the person whose file has not. */
  readonly expects: string;
  /** Null: this is not the format's header. */
  open(header: Header): Table | null;
};

export const csvReader = (csv: CsvFormat): StatementReader => ({
  format: csv.format,
  provider: csv.provider,
  read: (bytes) => new CsvFile(csv).read(bytes),
});

class CsvFile {
  private linesBeforeHeader = 0;
  private header: Header | null = null;
  private table: Table | null = null;
  private records: CsvRecords | null = null;
  private lastColumn = new LastColumn();

  constructor(private readonly csv: CsvFormat) {}

  async *read(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<StatementItem, void, undefined> {
    const lines = new Lines();
    let first = true;
    for await (const text of textOf(bytes)) {
      if (first) this.refuseBinary(text);
      first = false;
      for (const line of lines.push(text)) yield* this.line(line);
    }
    for (const line of lines.end()) yield* this.line(line);
    yield* this.end();
  }

  private refuseBinary(text: string): void {
    const binary = describeBinary(text);
    if (binary !== null) throw new StatementFormatError(this.csv.format, binary);
  }

  private *line(line: Line): Iterable<StatementItem> {
    if (this.records === null) {
      this.findHeader(line);
      return;
    }
    for (const record of this.records.push(line)) yield* this.record(record);
  }

  private *end(): Iterable<StatementItem> {
    if (this.records === null || this.table === null) throw this.notOfTheFormat();
    const records = this.records.end();
    let next = records.next();
    for (; next.done !== true; next = records.next()) yield* this.record(next.value);
    if (next.value !== null) {
      yield* this.rowsHeldBack();
      throw new StatementCutOffError(next.value, 'a quoted field has no end.');
    }
    yield* this.table.end();
  }

  /** Preambles are passed over, a line at a time; a header does not go over several lines. */
  private findHeader(line: Line): void {
    if (line.text.trim() === '') return;
    this.linesBeforeHeader += 1;
    if (this.linesBeforeHeader > headerLinesMax || line.overlong) throw this.notOfTheFormat();
    const delimiter = delimiterOf(line.text);
    if (delimiter === null) return;
    const [record] = [...new CsvRecords(delimiter, 0).push(line)];
    if (record === undefined || record.broken !== null) return;
    const names = record.fields.map((name) => decodeText(name).trim());
    while (names.at(-1) === '') names.pop();
    const header = new Header(names, delimiter);
    const table = this.csv.open(header);
    if (table === null) return;
    this.header = header;
    this.table = table;
    this.records = new CsvRecords(delimiter, record.fields.length);
  }

  private notOfTheFormat(): StatementFormatError {
    return new StatementFormatError(this.csv.format, `no line is a header with ${this.csv.expects}.`);
  }

  private *record(record: CsvRecord): Iterable<StatementItem> {
    const { line, fields, raw, broken } = record;
    if (fields.length > 0 && fields.every((field) => field.trim() === '')) return;
    if (!record.ended && this.isCutOff(record)) {
      yield* this.rowsHeldBack();
      throw new StatementCutOffError(line, 'the last row is not whole.');
    }
    if (broken !== null) {
      yield quarantined(line, broken, shown(raw));
      return;
    }
    this.lastColumn.see(fields, this.width);
    const items = readOrQuarantine(
      line,
      () => shown(raw),
      () => {
        this.check(fields, raw);
        return [...(this.table as Table).row(new Row(line, this.header as Header, fields, raw))];
      },
    );
    if (Array.isArray(items)) yield* items;
    else yield items;
  }

  /** Rows that the format has kept to the end, without what they would have to add up to with those that are missing. */
  private *rowsHeldBack(): Iterable<StatementItem> {
    for (const item of this.table?.end() ?? [])
      if (item.kind === 'transaction' || item.kind === 'quarantined') yield item;
  }

  private get width(): number {
    return this.header?.names.length ?? 0;
  }

  private isCutOff({ fields, broken }: CsvRecord): boolean {
    return broken !== null || fields.length < this.width || this.lastColumn.isShortened(fields);
  }

  private check(fields: readonly string[], raw: string): void {
    if (raw.includes('\0')) throw new RowError('The row has NUL characters, which no text has.');
    if (fields.length < this.width)
      throw new RowError(`The row has ${fields.length} of ${this.width} columns.`);
    if (fields.slice(this.width).some((field) => field.trim() !== '')) {
      throw new RowError(`The row has ${fields.length} columns, the header ${this.width}.`);
    }
  }
}

/**
 * Whether the very last field of a file, without an end of line after it, has lost characters. It shows where the last
 * column always had one length (an id, a date, a currency) and now is shorter; elsewhere nobody can tell.
 */
class LastColumn {
  private rows = 0;
  private length: number | null = null;
  private varies = false;

  see(fields: readonly string[], width: number): void {
    if (fields.length < width) return;
    const length = fields.at(-1)?.length ?? 0;
    this.varies ||= this.length !== null && this.length !== length;
    this.length = length;
    this.rows += 1;
  }

  isShortened(fields: readonly string[]): boolean {
    if (this.varies || this.length === null || this.rows < 2) return false;
    return (fields.at(-1)?.length ?? 0) < this.length;
  }
}
