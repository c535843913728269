/** A hold as the model of a partition keeps it. */
import type { Paying, ReservationLine } from '#domain';
import type { PendingDecision } from './stock-store.js';

export const partCheckMs = 10_000;
export const partCheckAgainMs = 1_000;

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

/** Whether a part is to be asked about later than a sweeper that has looked at it would ask. */
export function isAskedAgain({ checkAtMs }: Hold, nowMs: number): boolean {
  return checkAtMs > nowMs + partCheckAgainMs;
}

export function pendingOn({ sequence }: Hold, { paymentId }: Paying): PendingDecision {
  return { kind: 'payment-pending', sequence, paymentId };
}
