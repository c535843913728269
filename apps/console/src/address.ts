/** Where the page is: the part of the address after `#`, so that every view has a link and the service needs no routes. */

export type Route = {
  /** `sale`, `reservations` … */
  readonly page: string;
  /** What of it: a SKU, an id; empty: the page itself. */
  readonly subject: string;
  readonly query: Readonly<Record<string, string>>;
};

/** Reads `#/page/subject?name=value`. What cannot be decoded is taken as it is. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  const [page = '', ...rest] = path.split('/');
  return {
    page: page || 'sale',
    subject: decoded(rest.join('/')),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** The address of a view, for links. Empty parameters are left out. */
export function href(page: string, subject = '', query: Readonly<Record<string, string>> = {}): string {
  const set = Object.entries(query).filter(([, value]) => value !== '');
  const path = subject === '' ? page : `${page}/${encodeURIComponent(subject)}`;
  return `#/${path}${set.length === 0 ? '' : `?${new URLSearchParams(set).toString()}`}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
