/**
 * Query strings, read strictly: an invalid `%` escape makes the whole query unreadable, where Fastify's own parser would pass
 * it on. A name given more than once becomes a list, which no schema accepts.
 */
export type Query = Readonly<Record<string, string | string[]>>;

/** Marks a query that cannot be decoded; the request hook refuses it. */
export const unreadableQuery: Query = Object.freeze({});

const parametersMax = 50;

export function parseQueryString(text: string): Query {
  if (text === '') return {};
  const query: Record<string, string | string[]> = Object.create(null);
  const pairs = text.split('&', parametersMax + 1);
  if (pairs.length > parametersMax) return unreadableQuery;
  try {
    for (const pair of pairs) if (pair !== '') add(query, pair);
  } catch {
    return unreadableQuery;
  }
  return query;
}

function add(query: Record<string, string | string[]>, pair: string): void {
  const equals = pair.indexOf('=');
  const name = decode(equals < 0 ? pair : pair.slice(0, equals));
  const value = equals < 0 ? '' : decode(pair.slice(equals + 1));
  const before = query[name];
  query[name] = before === undefined ? value : [before, value].flat();
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}
