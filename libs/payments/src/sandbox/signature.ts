/**
 * A signature over a message and the second it was sent: `t=<seconds>,v1=<hex>`, an HMAC-SHA-256 of `<seconds>.<body>`.
 * The time is part of what is signed, so that nobody can replay a recorded message later.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const signatureHeader = 'sandbox-signature';
/** How far the two clocks may be apart, and how long a message may travel. */
export const toleranceSeconds = 300;

export function sign(rawBody: Buffer, secret: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  return `t=${seconds},v1=${digestOf(rawBody, secret, seconds).toString('hex')}`;
}

export function verifySignature(
  header: string | readonly string[] | undefined,
  rawBody: Buffer,
  secret: string,
  nowMs: number,
): 'genuine' | 'forged' | 'stale' {
  const [, seconds, hex] =
    /^t=([0-9]{1,12}),v1=([0-9a-f]{64})$/.exec(typeof header === 'string' ? header : '') ?? [];
  if (seconds === undefined || hex === undefined) return 'forged';
  const wanted = digestOf(rawBody, secret, Number(seconds));
  if (!timingSafeEqual(wanted, Buffer.from(hex, 'hex'))) return 'forged';
  return Math.abs(nowMs / 1000 - Number(seconds)) > toleranceSeconds ? 'stale' : 'genuine';
}

function digestOf(rawBody: Buffer, secret: string, seconds: number): Buffer {
  return createHmac('sha256', secret).update(`${seconds}.`).update(rawBody).digest();
}
