/**
 * Carries out what the ledger has decided about payments: asks providers for money and to give it back, asks again
 * what they have not said, and settles what they have. Any number of instances may work at once: an errand is leased to
 * one, and whatever is done twice is done once by its id, here and at the provider.
 */
import type { Payment } from '#domain';
import type { Errand, ErrandRepository, PaymentRepository, RefundRepository } from '#ledger';
import type { Charge, PaymentProvider } from '#payments';
import type { Clock, Timer, Timers } from '#platform';
import type { Public, ReservationLedger } from '../ports.js';
import type { Settlement } from './settlement.js';

export type ErrandOptions = {
  readonly errands: Public<ErrandRepository>;
  readonly payments: Public<PaymentRepository>;
  readonly refunds: Public<RefundRepository>;
  readonly reservations: ReservationLedger;
  readonly settlement: Public<Settlement>;
  readonly providers: ReadonlyMap<string, PaymentProvider>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly timers: Timers;
  readonly report: (message: string, facts: Record<string, unknown>) => void;
};

const everyMs = 250;
const underWayMax = 64;
/** Longer than any answer is waited for: a worker that takes longer is thought dead. */
const leaseMs = 10_000;
/** Between two questions about one payment: twice as long each time, up to this. */
const patienceMs = { first: 500, most: { charge: 30_000, settle: 2_000, refund: 30_000 } };
/** After a payment's deadline the sweeper and the ledger get so long to let its units go, and then it is cancelled. */
const lapsesWithinMs = 500;
/** A provider that has not decided by then will tell by a webhook, or reconciliation will. */
const askedForMs = 7 * 86_400_000;

/** Done, or to be looked at again: after a while that grows, and `againInMs` at the latest. */
type Progress = 'done' | { readonly againInMs: number };
const later: Progress = { againInMs: Infinity };

export class PaymentErrands {
  private readonly underWay = new Set<Promise<void>>();
  private timer: Timer | null = null;
  private round: Promise<void> | null = null;
  private again = false;
  private stopped = false;

  constructor(private readonly options: ErrandOptions) {}

  start(): void {
    this.schedule(everyMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.round;
    await Promise.all(this.underWay);
  }

  /** Something has become due: looks at once. */
  nudge(): void {
    if (this.timer === null || this.stopped) return;
    if (this.round) this.again = true;
    else this.schedule(0);
  }

  private schedule(delayMs: number): void {
    this.timer?.cancel();
    if (this.stopped) return;
    this.timer = this.options.timers.after(delayMs, () => {
      this.round = this.look().finally(() => {
        this.round = null;
        this.schedule(this.again ? 0 : everyMs);
        this.again = false;
      });
    });
  }

  /** Takes what is due, as much as there is room for. What fails is reported and left to the next round. */
  private async look(): Promise<void> {
    const { errands, report } = this.options;
    try {
      const claimed = await errands.claim(underWayMax - this.underWay.size, leaseMs);
      for (const errand of claimed) {
        const work: Promise<void> = this.carryOut(errand).finally(() => this.underWay.delete(work));
        this.underWay.add(work);
      }
    } catch (error) {
      report('payments were not looked at and will be again', { error: String(error) });
    }
  }

  private async carryOut(errand: Errand): Promise<void> {
    const { errands, report } = this.options;
    try {
      const progress = await this.work(errand);
      if (progress === 'done') {
        await errands.finish(errand);
        this.nudge();
      } else await errands.postpone(errand, Math.min(delayOf(errand), progress.againInMs));
    } catch (error) {
      const { kind, paymentId, attempts } = errand;
      report('an errand failed and is tried again', { kind, paymentId, attempts, error: String(error) });
      // When the ledger cannot be told, the lease runs out by itself.
      await errands.postpone(errand, delayOf(errand)).catch(() => undefined);
    }
  }

  private async work({ kind, paymentId, attempts }: Errand): Promise<Progress> {
    switch (kind) {
      case 'charge':
        return this.charge(paymentId, attempts);
      case 'settle': {
        const againInMs = await this.options.settlement.settle(paymentId);
        return againInMs > 0 ? { againInMs } : 'done';
      }
      case 'refund':
        return this.refund(paymentId);
    }
  }

  private async charge(paymentId: string, attempts: number): Promise<Progress> {
    const { payments, reservations, clock } = this.options;
    const payment = await payments.find(paymentId);
    if (!payment || (payment.status !== 'created' && payment.status !== 'pending')) return 'done';
    const reservation = await reservations.find(payment.reservationId);
    const wanted = reservation?.paying?.paymentId === paymentId;
    const charge = wanted ? await this.seek(payment) : await this.giveUp(payment, attempts);
    if (charge === 'refused') {
      await payments.failed(paymentId);
      return 'done';
    }
    const status = charge ? await payments.heard(paymentId, charge) : payment.status;
    const nowMs = clock.nowMs();
    if (status !== 'pending' || nowMs - payment.createdAtMs > askedForMs) return 'done';
    const leftMs = (wanted ? (payment.deadlineMs ?? 0) : 0) - nowMs;
    return leftMs > 0 ? { againInMs: leftMs + lapsesWithinMs } : later;
  }

  /** While it keeps units the money is asked for, as often as an answer is lost, and then how far it is. */
  private seek(payment: Payment): Promise<Charge | 'refused' | null> {
    const { id: paymentId, reservationId, amount, status, providerPaymentId } = payment;
    if (status !== 'created') return this.providerOf(payment).fetchCharge({ paymentId, providerPaymentId });
    return this.providerOf(payment).createCharge({ paymentId, reservationId, amount });
  }

  /**
   * Its deadline has passed: nothing new is asked for, and what was is cancelled, so that the buyer does not pay for
   * nothing. What the provider has taken all the same is money that came late.
   */
  private async giveUp(payment: Payment, attempts: number): Promise<Charge | 'refused' | null> {
    const { id: paymentId, providerPaymentId, status } = payment;
    const asked = status === 'pending' || attempts > 1;
    const charge = asked
      ? await this.providerOf(payment).cancelCharge({ paymentId, providerPaymentId })
      : null;
    return charge ?? (status === 'created' ? 'refused' : null);
  }

  private async refund(paymentId: string): Promise<Progress> {
    const { refunds, report } = this.options;
    const refund = await refunds.ofPayment(paymentId);
    if (!refund || refund.status === 'done' || refund.status === 'failed') return 'done';
    const { id: refundId, amount, providerPaymentId } = refund;
    if (providerPaymentId === null) throw new Error('the provider has not told its id of the payment');
    const progress = await this.providerOf(refund).refund({ refundId, paymentId, providerPaymentId, amount });
    const refused = progress === 'refused' || progress.status === 'failed';
    if (refused) report('a provider refuses a refund: somebody has to see to it', { paymentId, refundId });
    await refunds.heard(
      paymentId,
      progress === 'refused' ? { providerRefundId: null, status: 'failed' } : progress,
    );
    return refused || progress.status === 'done' ? 'done' : later;
  }

  private providerOf({ provider }: { readonly provider: string }): PaymentProvider {
    const found = this.options.providers.get(provider);
    if (!found) throw new Error(`the payment provider ${provider} is not configured here`);
    return found;
  }
}

function delayOf({ kind, attempts }: Errand): number {
  return Math.min(patienceMs.first * 2 ** Math.min(attempts, 20), patienceMs.most[kind]);
}
