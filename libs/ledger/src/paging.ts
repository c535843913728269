/** Lists by keyset: a page names the last row it gave, so rows that come and go meanwhile shift nothing. */
export type ListPosition = readonly (string | number)[];
export type KeysetPage = { readonly limit: number; readonly after: ListPosition | null };
export type ListPage<Row> = { readonly data: readonly Row[]; readonly next: ListPosition | null };

/** Of `limit + 1` rows asked for, those of the page, and where the next one begins when there is one. */
export function nextPosition<Raw, Row>(
  rows: readonly Raw[],
  limit: number,
  convert: (raw: Raw) => Row,
  keyOf: (raw: Raw) => ListPosition,
): ListPage<Row> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { data: page.map(convert), next: rows.length > limit && last !== undefined ? keyOf(last) : null };
}
