/** The statuses that a reservation may have, by what was said of it, what is asked for it, and what its payments came to. */
import type { Acknowledged, Status } from './intent.js';

/** How the provider has decided a payment; undefined: it has not been asked yet. */
export type ChargeOf = (paymentId: string) => 'pending' | 'succeeded' | 'failed' | undefined;

type Circumstances = {
  readonly of: Acknowledged;
  readonly nowMs: number;
  readonly captured: boolean;
  readonly failed: boolean;
};

/** All that it may have become since it was what was last said of it, and that itself. */
export function legalStatuses(of: Acknowledged, nowMs: number, chargeOf: ChargeOf): ReadonlySet<Status> {
  const charges = of.payments.map(chargeOf);
  // Of a payment that was not acknowledged nobody here knows the id: it may have gone either way.
  const unknown = of.open.has('pay');
  const captured = unknown || charges.includes('succeeded');
  const failed = unknown || charges.at(-1) === 'failed';
  const legal = new Set<Status>([of.status]);
  // The set grows while it is gone through: what follows from what follows is there as well.
  for (const status of legal)
    for (const next of nextOf(status, { of, nowMs, captured, failed })) legal.add(next);
  return legal;
}

function nextOf(status: Status, { of, nowMs, captured, failed }: Circumstances): Status[] {
  const { open, expiresAtMs } = of;
  const when = (may: boolean, ...next: Status[]): Status[] => (may ? next : []);
  switch (status) {
    case 'held':
      return [
        ...when(nowMs >= expiresAtMs, 'expired'),
        ...when(open.has('release'), 'released'),
        ...when(open.has('confirm'), 'confirmed'),
        ...when(open.has('pay'), 'paying'),
      ];
    case 'paying':
      return [
        ...when(captured, 'confirmed'),
        ...when(failed, 'held'),
        ...when(nowMs >= (open.has('pay') ? expiresAtMs : of.payingUntilMs), 'expired'),
      ];
    case 'released':
    case 'expired':
      return when(captured, 'late-paid');
    case 'late-paid':
      return ['confirmed', 'refund-due'];
    case 'refund-due':
      return ['refunded'];
    case 'confirmed':
      return when(open.has('cancel'), 'cancelled');
    case 'refunded':
    case 'cancelled':
      return [];
  }
}
