/** Rows as columns, each the text of one array: what a server reads fastest, PGlite takes as well, and needs no library. */
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

function isPlain(text: string): boolean {
  return !text.includes('"') && !text.includes('\\');
}
