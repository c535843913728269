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

const entityTag = String.raw`(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"`;
const entityTags = new RegExp(`^[ \\t,]*${entityTag}(?:[ \\t]*,[ \\t,]*${entityTag})*[ \\t,]*$`);

/**
 * `"7"` (a strong entity tag of ours) asks for that version, a list for any one of several, `*` and no field for any at all.
 * @returns the versions asked for, null for any, or `invalid`. A tag that is weak or none of ours, which is the tag of no
 * level, counts as version 0, which no level has.
 */
export function parseIfMatch(field: string | undefined): readonly number[] | null | 'invalid' {
  if (field === undefined || field === '*') return null;
  if (!entityTags.test(field)) return 'invalid';
  return field.match(new RegExp(entityTag, 'g'))!.map(versionOf);
}

function versionOf(tag: string): number {
  const version = Number(/^"([1-9][0-9]{0,15})"$/.exec(tag)?.[1] ?? 0);
  return Number.isSafeInteger(version) ? version : 0;
}

/** The strong entity tag of a version. */
export function etagOf(version: number): string {
  return `"${version}"`;
}
