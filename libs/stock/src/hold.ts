/** A hold as the model of a partition keeps it. */
import type { Paying, ReservationLine } from '#domain';

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
