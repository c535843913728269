/**
 * A sale: carries out a plan through a checkout, at the pace of the plan and not of the answers, and keeps count. The clock and
 * the timers are injected, so a sale is the same in real and in virtual time.
 */
import { arrivalSeconds, type Scenario, type SimulationProgress } from '#contracts';
import type { Clock, Timers } from '#platform';
import type { Checkout } from './checkout.js';
import { Measurement } from './measurement.js';
import type { Plan, PlannedBuyer, PlannedLine, PlannedRequest } from '../scenario/plan.js';
import { Witness } from './witness.js';

export type SaleOptions = {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly checkout: Checkout;
  readonly clock: Clock;
  readonly timers: Timers;
};

export class Sale {
  readonly witness: Witness;
  readonly measurement: Measurement;
  /** Carts of buyers who came and have nothing. */
  private readonly unservedCarts = new Map<string, readonly PlannedLine[]>();
  private readonly served = new Set<string>();
  private readonly stopping = Promise.withResolvers<void>();
  private stopped = false;
  private startedMs: number | null = null;
  private endedMs: number | null = null;
  private sent = 0;
  private skipped = 0;
  private readonly underWay = new Set<Promise<void>>();

  constructor(private readonly options: SaleOptions) {
    const { scenario, plan } = options;
    this.witness = new Witness(scenario.buyerLimit);
    this.measurement = new Measurement(arrivalSeconds(scenario) * 1_000);
    for (const [sku, units] of plan.stock) this.witness.stocked(sku, units);
  }

  /** Settles when every request is answered and every payment made, or it was stopped. */
  async run(): Promise<void> {
    const { plan, clock } = this.options;
    this.startedMs = clock.monotonicMs();
    this.noteUnitsLeft();
    const restocking = this.restock();
    for (const request of plan.requests) {
      await this.until(request.atMs);
      if (this.stopped) break;
      this.send(request);
    }
    await restocking;
    while (this.underWay.size > 0) await Promise.all(this.underWay);
    this.endedMs = clock.monotonicMs();
  }

  /** Sends nothing more; what is under way is still answered. */
  stop(): void {
    this.stopped = true;
    this.stopping.resolve();
  }

  get interrupted(): boolean {
    return this.stopped;
  }

  /** Since the sale began, and until it ended. */
  elapsedMs(): number {
    if (this.startedMs === null) return 0;
    return (this.endedMs ?? this.options.clock.monotonicMs()) - this.startedMs;
  }

  /** Waits for a moment of the sale, or until it is stopped. A moment that has gone by costs no turn. */
  async until(atMs: number): Promise<void> {
    const waitMs = atMs - this.elapsedMs();
    if (waitMs > 0) await this.pause(waitMs);
  }

  undersold(): number {
    return this.witness.undersold(this.options.clock.nowMs(), this.unservedCarts.values());
  }

  progress(): SimulationProgress {
    const { witness, measurement, options } = this;
    const answered = measurement.accepted + measurement.refusals;
    const sold = this.sent + this.skipped === options.plan.requests.length && answered === this.sent;
    return {
      phase: sold ? 'paying' : 'selling',
      elapsedMs: Math.round(this.elapsedMs()),
      requests: this.sent,
      planned: options.plan.requests.length - this.skipped,
      accepted: measurement.accepted,
      confirmed: measurement.funnel.confirmed,
      oversold: witness.oversold(),
      rejected: { ...measurement.rejected },
      unitsLeft: witness.unitsLeft(options.clock.nowMs()),
    };
  }

  private send(request: PlannedRequest): void {
    const { buyer } = request;
    if (buyer.bot && this.served.has(buyer.id)) {
      this.skipped += 1;
      return;
    }
    this.sent += 1;
    this.measurement.arrived(request.atMs);
    this.follow(this.buy(request));
  }

  private follow(work: Promise<void>): void {
    this.underWay.add(work);
    void work.finally(() => this.underWay.delete(work));
  }

  private async buy({ atMs, buyer, key }: PlannedRequest): Promise<void> {
    const { checkout, clock } = this.options;
    const { lines } = buyer;
    const answer = await checkout.reserve({ buyerId: buyer.id, lines, key });
    const at = { arrivedAtMs: atMs, nowMs: this.elapsedMs() };
    if (answer.kind === 'refused') {
      this.measurement.settled({ ...at, ...answer });
      if (answer.because !== 'duplicate' && !this.served.has(buyer.id))
        this.unservedCarts.set(buyer.id, lines);
      return;
    }
    this.measurement.settled({ ...at, kind: 'accepted' });
    this.served.add(buyer.id);
    this.unservedCarts.delete(buyer.id);
    const { id, expiresAtMs, createdAtMs } = answer;
    // The answer was on its way for a while; it is never older than it says.
    const heardAtMs = Math.max(clock.nowMs(), createdAtMs ?? 0);
    this.witness.acknowledged({ id, buyerId: buyer.id, lines, atMs: heardAtMs, expiresAtMs });
    this.noteUnitsLeft();
    await this.decide(buyer, id);
  }

  /** What the buyer does with what is held. */
  private async decide({ intention }: PlannedBuyer, id: string): Promise<void> {
    const { checkout } = this.options;
    const { funnel } = this.measurement;
    if (intention.kind === 'abandon') {
      funnel.abandoned += 1;
      return;
    }
    if (intention.afterMs > 0) await this.pause(intention.afterMs);
    if (this.stopped) return;
    funnel.paymentsStarted += 1;
    if (intention.kind === 'decline') {
      funnel.declined += 1;
      this.witness.givingBack(id);
      await checkout.release(id);
      this.noteUnitsLeft();
      return;
    }
    const paid = await checkout.pay(id);
    if (paid === 'confirmed') {
      this.measurement.confirmed(this.elapsedMs());
      this.witness.confirmed(id);
    } else if (paid === 'too-late') funnel.tooLate += 1;
    else if (paid === 'declined') funnel.declined += 1;
  }

  private async restock(): Promise<void> {
    for (const { atMs, sku, units } of this.options.plan.restocks) {
      await this.until(atMs);
      if (this.stopped) return;
      this.witness.restocking(sku, units);
      this.noteUnitsLeft();
      await this.options.checkout.restock(sku, units);
    }
  }

  private noteUnitsLeft(): void {
    this.measurement.unitsLeft(this.witness.unitsLeft(this.options.clock.nowMs()), this.elapsedMs());
  }

  private async pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.options.timers.after(delayMs, resolve);
    await Promise.race([promise, this.stopping.promise]);
    timer.cancel();
  }
}
