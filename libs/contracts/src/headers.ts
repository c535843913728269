/** Header fields that carry meaning of ours: `Idempotency-Key` and `If-Match`. */
import { wireLimits } from './scalars.js';

const idempotencyKeyPattern = new RegExp(`^[\\x21-\\x7e]{1,${wireLimits.idempotencyKeyLengthMax}}$`);

/**
 * 1 to 255 visible ASCII characters. A field sent twice reaches us joined by `, `, and the space makes it invalid.
 * @returns the key, or what is wrong with it.
 */
export function parseIdempotencyKey(
  field: string | string[] | undefined,
): { readonly key: string } | 'missing' | 'invalid' {
  if (field === undefined) return 'missing';
  if (typeof field !== 'string' || !idempotencyKeyPattern.test(field)) return 'invalid';
  return { key: field };
}

/**
 * `"7"` (a strong entity tag of ours) asks for that version, `*` and no field for any.
 * @returns the version, null for any, or `invalid`.
 */
export function parseIfMatch(field: string | undefined): number | null | 'invalid' {
  if (field === undefined || field === '*') return null;
  const digits = /^"(0|[1-9][0-9]{0,15})"$/.exec(field)?.[1];
  if (digits === undefined || !Number.isSafeInteger(Number(digits))) return 'invalid';
  return Number(digits);
}

/** The strong entity tag of a version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}
