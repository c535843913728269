/**
 * Whether a row that comes again says what it said before. Another file may have it with other columns, in another order,
 * named in another case: what only one of them says contradicts nothing.
 */
import { plainName } from '#payments';

/** @param known the row as it came first, as JSON @param again as it came later, from the same source */
export function saysTheSame(known: string, again: string): boolean {
  const [before, now] = [columnsOf(known), columnsOf(again)];
  if (before === null || now === null) return known === again;
  return Array.from(now).every(([name, value]) => (before.get(name) ?? value) === value);
}

/** Null: it has none, and is compared to the letter. */
function columnsOf(raw: string): Map<string, string> | null {
  const read = parsed(raw);
  if (typeof read !== 'object' || read === null || Array.isArray(read)) return null;
  return new Map(
    Object.entries(read).map(([name, value]) => [plainName(name) || name, JSON.stringify(value)]),
  );
}

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return null;
  }
}
