/** The machine's own clock, timers and randomness. */
import { randomBytes } from 'node:crypto';
import type { Clock, Ids, Random, Timers } from '../ports.js';

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

export const systemTimers: Timers = {
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  endOfTurn: (call) => void setImmediate(call),
  sleep: (delayMs) => new Promise((resolve) => void setTimeout(resolve, delayMs)),
};

export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  fraction: () => Math.random(),
};

export const systemIds: Ids = {
  uuid() {
    const bytes = randomBytes(16);
    bytes.writeUIntBE(Date.now(), 0, 6);
    bytes[6] = 0x70 | (bytes[6]! & 0x0f);
    bytes[8] = 0x80 | (bytes[8]! & 0x3f);
    return formatUuid(bytes);
  },
};

/** A UUID (version 8) that the first 16 bytes of a digest determine. */
export function uuidOf(digest: Buffer): string {
  const bytes = Buffer.from(digest.subarray(0, 16));
  bytes[6] = 0x80 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return formatUuid(bytes);
}

/** Whether a UUID is of the kind that `uuidOf` makes: hardly anybody else uses version 8. */
export function isUuidOfDigest(uuid: string): boolean {
  return uuid[14] === '8';
}

/** The text of a UUID from its 16 bytes. */
export function formatUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
