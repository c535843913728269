/** A hold as the model of a partition keeps it. */
import type { Paying, ReservationLine } from '#domain';
import type { PendingDecision } from '../stock-store.js';

/** When to ask what became of a part: see `PART_CHECK_MS` and those beside it in functions/_partition.lua. */
export const checkMs = 10_000;
export const checkAgainMs = 1_000;
const checkHeldMs = 60_000;
const checkEndingMs = 200;

export type Hold = {
  id: string;
  buyerId: string;
  lines: readonly ReservationLine[];
  partitions: readonly number[];
  sequence: number;
  createdAtMs: number;
  expiresAtMs: number;
  /** The payment under way, with the deadline that is in force for it. */
  paying: Paying | null;
  /** For a part: when to ask the deciding partition what became of it. */
  checkAtMs: number;
};

/** The deadline in force; never before the promised end. */
export function deadlineOf({ paying, expiresAtMs }: Hold): number {
  return paying?.deadlineMs ?? expiresAtMs;
}

/** When to ask about a part that is held, as far as the ledger knows: at its end, or soon when that has passed. */
export function checkOfHeld({ expiresAtMs }: Hold, nowMs: number): number {
  const leftMs = expiresAtMs - nowMs;
  return nowMs + (leftMs > 0 ? Math.min(leftMs, checkHeldMs) : checkEndingMs);
}

/** Whether an attempt may still be about to decide the cart: it has asked for the part not long ago. */
export function isUndecided({ checkAtMs, createdAtMs }: Hold, nowMs: number): boolean {
  return createdAtMs + checkMs > nowMs || checkAtMs > nowMs + checkAgainMs;
}

export function pendingOn({ sequence }: Hold, { paymentId }: Paying): PendingDecision {
  return { kind: 'payment-pending', sequence, paymentId };
}
