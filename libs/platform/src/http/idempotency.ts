/** What identifies a request under an Idempotency-Key. */
import { hash } from 'node:crypto';
import { parseIdempotencyKey } from '#contracts';
import { Problem } from './problem.js';

const noBody = Buffer.from('{}');

/**
 * The key of a request.
 * @throws Problem `idempotency-key-missing` or `idempotency-key-invalid` (400).
 */
export function requireIdempotencyKey(field: string | string[] | undefined): string {
  const parsed = parseIdempotencyKey(field);
  if (parsed === 'missing') {
    throw new Problem('idempotency-key-missing', 'Send an Idempotency-Key, a new one for each new intention');
  }
  if (parsed === 'invalid') {
    throw new Problem(
      'idempotency-key-invalid',
      'An Idempotency-Key is 1 to 255 visible ASCII characters, sent once',
    );
  }
  return parsed.key;
}

/** SHA-256 of what a key belongs to. Written as a JSON list, so that no two different requests read the same. */
export function keyDigestOf(request: {
  readonly apiKeyId: string;
  readonly method: string;
  readonly path: string;
  readonly key: string;
}): Buffer {
  const { apiKeyId, method, path, key } = request;
  return sha256(JSON.stringify([apiKeyId, method, path, key]));
}

/** SHA-256 of the body as it was sent. No body is the same as an object without members. */
export function fingerprintOf(body: Buffer | null): Buffer {
  return sha256(body === null || body.length === 0 ? noBody : body);
}

/** Asked for as text and read back: half of what it costs Node to make a buffer for the digest. */
function sha256(data: string | Buffer): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'binary');
}
