/** For how long a provider wants to be left alone: the Retry-After of RFC 9110, in seconds or as a date. */

/** Answers that say so: asked too often, and down for a while. */
const statuses = new Set([429, 503]);
/** Where it says so without saying for how long. */
const limitedMs = 1_000;

/** @returns milliseconds; undefined: it did not ask for that */
export function restAskedFor(
  status: number,
  headers: { readonly retryAfter: string | null; readonly date: string | null },
): number | undefined {
  if (!statuses.has(status)) return undefined;
  const { retryAfter, date } = headers;
  const seconds = /^\s*\d{1,6}\s*$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
  // By the provider's own clock, which may be another than ours.
  const untilMs = Date.parse(retryAfter ?? '') - Date.parse(date ?? '');
  const asked = seconds === undefined ? untilMs : seconds * 1_000;
  if (Number.isFinite(asked) && asked >= 0) return asked;
  return status === 429 ? limitedMs : undefined;
}
