/** What the sandbox does wrong on purpose, as providers do by accident: a plan of chances, set over HTTP. */
import { z } from 'zod';
import type { Random } from '#platform';

const chance = z.number().min(0).max(1).default(0);
const delayMs = z.int().min(0).max(3_600_000);

const span = z.tuple([delayMs, delayMs]).refine(([from, to]) => from <= to, { error: 'from, to' });

export const faultPlan = z.strictObject({
  /** Charges that come to nothing. */
  decline: chance,
  /** Charges that are too far under way to be cancelled. */
  refuseCancel: chance,
  /** How long a charge or a refund takes to be decided: from, to. */
  delayMs: span.default([100, 300]),
  /** Webhooks that are never sent. */
  lose: chance,
  /** Webhooks that are sent twice. */
  duplicate: chance,
  /** Webhooks that later ones overtake. */
  reorder: chance,
  /** Requests that are carried out and answered with 500. */
  loseReply: chance,
  /** How long after it was booked a listing shows a movement: from, to. */
  visibleAfterMs: span.default([0, 0]),
  /** How far a replica that answers a page may be behind. */
  replicaLagMs: delayMs.default(0),
});
export type FaultPlan = z.output<typeof faultPlan>;

/** How long a webhook is kept back to be overtaken. */
const keptBackMs = 1_500;

export class Faults {
  plan: FaultPlan = faultPlan.parse({});

  constructor(private readonly random: Random) {}

  declines(): boolean {
    return this.happens(this.plan.decline);
  }

  refusesToCancel(): boolean {
    return this.happens(this.plan.refuseCancel);
  }

  losesReply(): boolean {
    return this.happens(this.plan.loseReply);
  }

  decidedAfterMs(): number {
    return this.within(this.plan.delayMs);
  }

  visibleAfterMs(): number {
    return this.within(this.plan.visibleAfterMs);
  }

  /** When each copy of a webhook goes out, from now; none: it is lost. */
  sentAfterMs(): number[] {
    if (this.happens(this.plan.lose)) return [];
    const sent = this.happens(this.plan.reorder) ? keptBackMs : 0;
    return this.happens(this.plan.duplicate) ? [sent, sent + Math.floor(keptBackMs / 2)] : [sent];
  }

  private within([from, to]: readonly [number, number]): number {
    return from + Math.floor(this.random.fraction() * (to - from + 1));
  }

  private happens(chanceOfIt: number): boolean {
    return this.random.fraction() < chanceOfIt;
  }
}
