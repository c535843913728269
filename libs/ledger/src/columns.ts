/** Rows as columns, each the text of one array: the fastest form for a server to read, which PGlite accepts too. No library needed. */
import { sql, type RawBuilder } from 'kysely';

type Cell = string | number | null;

/** The text of an array of PostgreSQL: one cell of every row. */
export function column<Row>(list: readonly Row[], cellOf: (row: Row) => Cell): string {
  let text = '{';
  for (const row of list) {
    if (text.length > 1) text += ',';
    const cell = cellOf(row);
    if (typeof cell === 'string') text += `"${isPlain(cell) ? cell : cell.replace(/["\\]/g, '\\$&')}"`;
    else text += cell === null ? 'NULL' : cell;
  }
  return `${text}}`;
}

/** No JSON has it: control characters are escaped there. */
const separator = '\u0001';

/**
 * A column of long texts: one after the other, where the quotes of an array's text would double every quote of JSON,
 * and cost both sides more than the rest of the row. Texts with the separator in them go as an array.
 */
export function texts<Row>(list: readonly Row[], textOf: (row: Row) => string): RawBuilder<string[]> {
  let all = '';
  for (const row of list) {
    const text = textOf(row);
    if (text.includes(separator)) return sql`${column(list, textOf)}::text::text[]`;
    all += separator + text;
  }
  return sql`(string_to_array(${all}, ${separator}))[2:]`;
}

function isPlain(text: string): boolean {
  return !text.includes('"') && !text.includes('\\');
}
