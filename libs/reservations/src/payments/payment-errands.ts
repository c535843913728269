/**
 * Carries out what the ledger has decided about payments: asks providers for money and to give it back, asks again
 * what they have not said, and settles what they have. Any number of instances may work at once: an errand is leased to
 * one, and whatever is done twice is done once by its id, here and at the provider.
 */
import type { Payment } from '#domain';
import type { Errand, ErrandRepository, PaymentRepository, RefundRepository } from '#ledger';
import type { PaymentProvider } from '#payments';
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
/** A provider that has not decided by then will tell by a webhook, or reconciliation will. */
const askedForMs = 7 * 86_400_000;

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
      const done = await this.work(errand);
      if (done) await errands.finish(errand);
      else await errands.postpone(errand, delayOf(errand));
      if (done) this.nudge();
    } catch (error) {
      const { kind, paymentId, attempts } = errand;
      report('an errand failed and is tried again', { kind, paymentId, attempts, error: String(error) });
      // When the ledger cannot be told, the lease runs out by itself.
      await errands.postpone(errand, delayOf(errand)).catch(() => undefined);
    }
  }

  /** Answers whether the errand is done. */
  private async work({ kind, paymentId, attempts }: Errand): Promise<boolean> {
    switch (kind) {
      case 'charge':
        return this.charge(paymentId, attempts);
      case 'settle':
        await this.options.settlement.settle(paymentId);
        return true;
      case 'refund':
        return this.refund(paymentId);
    }
  }

  private async charge(paymentId: string, attempts: number): Promise<boolean> {
    const { payments, clock } = this.options;
    const payment = await payments.find(paymentId);
    if (!payment || (payment.status !== 'created' && payment.status !== 'pending')) return true;
    const charge =
      payment.status === 'created' ? await this.begin(payment, attempts) : await this.ask(payment);
    if (charge === 'refused') {
      await payments.failed(paymentId);
      return true;
    }
    const status = charge ? await payments.heard(paymentId, charge) : payment.status;
    return status !== 'pending' || clock.nowMs() - payment.createdAtMs > askedForMs;
  }

  /**
   * The first question, or one whose answer was lost. Once the reservation has ended nothing new is asked for; but the
   * provider may have heard of an earlier attempt, and then the money is looked after.
   */
  private async begin(payment: Payment, attempts: number): ReturnType<PaymentProvider['createCharge']> {
    const { reservations } = this.options;
    const { id: paymentId, reservationId, amount } = payment;
    const reservation = await reservations.find(reservationId);
    if (reservation?.paying?.paymentId === paymentId) {
      return this.providerOf(payment).createCharge({ paymentId, reservationId, amount });
    }
    return (attempts > 1 ? await this.ask(payment) : null) ?? 'refused';
  }

  private ask(payment: Payment): ReturnType<PaymentProvider['fetchCharge']> {
    const { id: paymentId, providerPaymentId } = payment;
    return this.providerOf(payment).fetchCharge({ paymentId, providerPaymentId });
  }

  private async refund(paymentId: string): Promise<boolean> {
    const { refunds, report } = this.options;
    const refund = await refunds.ofPayment(paymentId);
    if (!refund || refund.status === 'done' || refund.status === 'failed') return true;
    const { id: refundId, amount, providerPaymentId } = refund;
    if (providerPaymentId === null) throw new Error('the provider has not told its id of the payment');
    const progress = await this.providerOf(refund).refund({ refundId, paymentId, providerPaymentId, amount });
    const refused = progress === 'refused' || progress.status === 'failed';
    if (refused) report('a provider refuses a refund: somebody has to see to it', { paymentId, refundId });
    await refunds.heard(
      paymentId,
      progress === 'refused' ? { providerRefundId: null, status: 'failed' } : progress,
    );
    return refused || progress.status === 'done';
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
