/** From a query to a page request, and from a page to its JSON, with cursors bound to the list and its filter. */
import { wireLimits } from '#contracts';
import type { CursorList, Cursors } from '#platform';
import type { Page, PageRequest } from '#reservations';

/** @throws Problem `invalid-cursor` when the cursor is not of this list and filter. */
export function pageRequestOf(
  cursors: Cursors,
  list: CursorList,
  query: { readonly limit?: string | undefined; readonly cursor?: string | undefined },
): PageRequest {
  return {
    limit: query.limit === undefined ? wireLimits.pageSizeDefault : Number(query.limit),
    after: query.cursor === undefined ? null : cursors.open(list, query.cursor),
  };
}

/** The body of a page. */
export function presentPage<Row>(
  cursors: Cursors,
  list: CursorList,
  page: Page<Row>,
  presentRow: (row: Row) => unknown,
): string {
  return JSON.stringify({
    data: page.data.map(presentRow),
    nextCursor: page.next === null ? null : cursors.seal(list, page.next),
  });
}
