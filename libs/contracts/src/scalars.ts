/**
 * The small words of the wire: SKUs, ids, quantities, times. Every larger schema is made of these, so that one value
 * is checked in one way wherever it appears. The bounds are those of the domain, stated again because
 * libraries of the lowest layer do not import each other; a spec of the service holds the two together.
 */
import { z } from 'zod';

export const wireLimits = {
  unitsMax: Number.MAX_SAFE_INTEGER,
  minorUnitsMax: 999_999_999_999_999,
  cartLinesMax: 50,
  ttlSecondsMin: 1,
  ttlSecondsMax: 86_400,
  buyerIdLengthMax: 128,
  reasonLengthMax: 500,
  metadataBytesMax: 4_096,
  idempotencyKeyLengthMax: 255,
  pageSizeDefault: 50,
  pageSizeMax: 1_000,
} as const;

/** Text that every store keeps exactly: no NUL, no half of a surrogate pair. */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

const unstorable = 'Text with a NUL or half of a surrogate pair cannot be stored exactly';
export const storable = (lengthMax: number) =>
  z.string().min(1).max(lengthMax).refine(isStorableText, { error: unstorable });

export const sku = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  error: 'A SKU is 1 to 64 letters, digits, dots, underscores or dashes, and starts with a letter or digit',
});

/** Whether a path names a SKU that could exist. */
export function isSku(text: string): boolean {
  return sku.safeParse(text).success;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const uuid = z.string().regex(uuidPattern);

/** Ids of another shape than this were never given out: whoever asks for one gets a 404. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}

export const buyerId = storable(wireLimits.buyerIdLengthMax);
export const reason = storable(wireLimits.reasonLengthMax);
export const paymentId = storable(255).meta({
  description:
    'One of ours, which has to be this reservation’s and captured; or, of a payment taken elsewhere, any name but a UUID of version 8',
});

export const units = z.int().min(0);
export const quantity = z.int().min(1);
export const version = z.int().min(0);
export const ttlSeconds = z.int().min(wireLimits.ttlSecondsMin).max(wireLimits.ttlSecondsMax);

/** An instant as ISO 8601 in UTC with milliseconds. */
export const instant = z.iso.datetime({ precision: 3 });

/** No body, or an object without members. */
export const emptyBody = z.strictObject({});

/** Any JSON object whose text is at most 4 KiB of UTF-8. Kept exactly, but for the order of its members. */
export const metadata = z
  .custom<Record<string, unknown>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    { error: 'Metadata is a JSON object' },
  )
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= wireLimits.metadataBytesMax, {
    error: `The JSON text of metadata is at most ${wireLimits.metadataBytesMax} bytes`,
  })
  .meta({
    type: 'object',
    additionalProperties: true,
    description: 'Any JSON object of at most 4 KiB; it comes back with members named like 1 first',
  });
