/** What the Redis functions decided, from what they reply (see the header of each in functions/). */
import { InvariantError } from '#domain';
import type { AdjustDecision, HoldDecision, PendingDecision } from '../stock-store.js';
import { decodeLevel, type RawDecision } from './journal-codec.js';

/** What kept a command from being done: a payment under way, the end of the hold, or that there is none. */
export function notDone(raw: RawDecision): PendingDecision | EndedRaw | { kind: 'unknown' } {
  const [kind, sequence, paymentId] = raw;
  if (kind !== 'payment-pending') return endedDecision(raw);
  return { kind, sequence: Number(sequence), paymentId: String(paymentId) };
}

export function endedDecision(raw: RawDecision): { kind: 'unknown' } | EndedRaw {
  const [kind, outcome, sequence] = raw;
  if (kind === 'unknown') return { kind };
  return { kind: 'ended', outcome: outcome as EndedRaw['outcome'], sequence: Number(sequence) };
}
type EndedRaw = Extract<HoldDecision, { kind: 'ended' }>;

export function holdDecision(raw: RawDecision): HoldDecision {
  const [kind, first, second, third, again] = raw;
  const sku = String(first);
  switch (kind) {
    case 'held':
      return {
        kind,
        sequence: Number(first),
        createdAtMs: Number(second),
        expiresAtMs: Number(third),
        again: again === 'again',
      };
    case 'ended':
      return endedDecision(raw) as EndedRaw;
    case 'unknown-sku':
      return { kind, sku };
    case 'duplicate-reservation':
      return { kind, sku, reservationId: String(second) };
    case 'buyer-limit-exceeded':
      return { kind, sku, buyerLimit: Number(second) };
    case 'sold-out':
    case 'insufficient-stock':
      return { kind, sku, available: Number(second) };
    default:
      throw new InvariantError('the stock store decided what is no decision', { kind });
  }
}

export function adjustDecision(raw: RawDecision, sku: string): AdjustDecision {
  const [kind, first, second] = raw;
  switch (kind) {
    case 'adjusted':
      return { kind, sequence: Number(first), level: decodeLevel(sku, String(second)) };
    case 'unknown-sku':
    case 'too-much-stock':
      return { kind, sku };
    case 'version-mismatch':
      return { kind, sku, version: Number(second) };
    case 'insufficient-stock':
      return { kind, sku, available: Number(second) };
    default:
      throw new InvariantError('the stock store decided what is no decision', { kind });
  }
}
