/**
 * What a provider's word on a payment means for the reservation: an order, units that are free again, units taken off
 * the shelf once more, or money that goes back. One small step at a time, each decided once by the stock store or in
 * one guarded statement of the ledger, and then looked at again: a process that dies between two of them leaves what
 * the next look goes on from.
 */
import { UnavailableError, type JournalPosition, type Payment, type ReservationLine } from '#domain';
import type { Settlement as View } from '#ledger';
import { EpochPassedError, linesByPartition, type InEpoch } from '#stock';
import { Finality } from '../finality.js';
import { doneWithinMs } from '../ledger-staleness.js';
import type { Parts } from '../ports.js';

/** Far more than any payment needs; beyond it somebody else keeps changing what we look at. */
const stepsMax = 8;
/** How long the parts of a cart wait for the deciding one. */
const partTtlSeconds = 600;

export class Settlement {
  private readonly finality: Finality;

  constructor(private readonly parts: Parts) {
    this.finality = new Finality(parts);
  }

  /**
   * Goes on until nothing is left to do for this payment: then 0, or in how many milliseconds there is. Safe to repeat, and for
   * any number at once.
   */
  async settle(paymentId: string): Promise<number> {
    for (let step = 0; step < stepsMax; step += 1) {
      const view = await this.parts.payments.settlement(paymentId);
      if (!view || view.settled) return 0;
      const waitMs = partsAreBusyForMs(view);
      if (waitMs > 0) return waitMs;
      if (!(await this.step(view))) return 0;
    }
    throw new UnavailableError('stock-not-ready', `payment ${paymentId} is not settled yet`, true);
  }

  /** One step. Answers whether to look again. */
  private async step(view: View): Promise<boolean> {
    const { payment, reservationStatus } = view;
    const { payments } = this.parts;
    const live = reservationStatus === 'held' || reservationStatus === 'paying';
    if (payment.status === 'failed') {
      if (live) await this.letGo(view);
      return false;
    }
    if (payment.status !== 'captured') return false;
    if (!isAsAsked(payment)) {
      if (live) await this.letGo(view);
      await payments.owe(payment.id, 'wrong-amount');
      return false;
    }
    switch (reservationStatus) {
      case 'held':
      case 'paying':
        await this.confirm(view);
        return true;
      case 'released':
      case 'expired':
        await payments.paidLate(payment);
        return true;
      case 'late-paid':
        await this.reacquire(view).catch((error: unknown) => {
          if (!(error instanceof EpochPassedError)) throw error;
        });
        return true;
      case 'confirmed':
      case 'fulfilled':
        if (view.orderPaymentId === null || view.orderPaymentId === payment.id) {
          await payments.belongsToOrder(payment);
          return true;
        }
        await payments.owe(payment.id, 'second-capture');
        return false;
      case 'refund-due':
      case 'refunded':
        await payments.owe(payment.id, view.reservationPaymentId === payment.id ? 'late' : 'second-capture');
        return false;
      case 'cancelled':
        await payments.owe(payment.id, 'order-cancelled');
        return false;
    }
  }

  /** A payment that came to nothing keeps nothing any more. */
  private async letGo({ payment, lines }: View): Promise<void> {
    const [[deciding]] = this.cartOf(lines);
    const { reservationId, id: paymentId } = payment;
    const decision = await this.parts.desk.fail(deciding, { reservationId, paymentId });
    if (decision.kind !== 'unknown') await this.finality.reached(decision);
  }

  private async confirm({ payment, lines }: View): Promise<void> {
    const [[deciding], ...others] = this.cartOf(lines);
    const { reservationId, id: paymentId } = payment;
    const command = { reservationId, paymentId, captured: true };
    const decision = await this.parts.desk.confirm(deciding, command);
    if (decision.kind === 'unknown') {
      throw new UnavailableError(
        'stock-not-ready',
        'the stock store does not know a hold of the ledger',
        false,
      );
    }
    await this.finality.reached(decision);
    if (decision.kind === 'confirmed')
      await this.follow(others.map(([partition]) => this.parts.desk.confirm(partition, command)));
  }

  /**
   * Units for money that came late, all or none. The deciding partition speaks last, and once: what it says stays,
   * whoever asks it and however often. It remembers until Redis is filled from the ledger; then the ledger has its word,
   * and nothing is done on the strength of an earlier look.
   */
  private async reacquire(view: View): Promise<void> {
    const { desk } = this.parts;
    const { payment, reservationPaymentId, buyerId } = view;
    const { reservationId } = payment;
    const [[deciding, own], ...others] = this.cartOf(view.lines);
    const whole = await this.holdParts(view);
    const paymentId = reservationPaymentId ?? payment.id;
    const command = { reservationId, buyerId, paymentId, lines: own, whole };
    const decision = await desk.reacquire(deciding, inEpochOf(view, deciding, command));
    await this.finality.reached(decision);
    if (decision.kind === 'held') return;
    const told = others.map(([partition]) =>
      decision.kind === 'reacquired'
        ? desk.confirm(partition, { reservationId, paymentId, captured: true })
        : desk.release(partition, { reservationId }),
    );
    await this.follow(told);
  }

  /** Holds the parts that the deciding partition does not have. Answers whether it has them all, in the ledger. */
  private async holdParts(view: View): Promise<boolean> {
    const { buyerId, payment } = view;
    const { reservationId } = payment;
    const cart = this.cartOf(view.lines);
    const partitions = cart.map(([partition]) => partition);
    const held: JournalPosition[] = [];
    for (const [partition, lines] of cart.slice(1)) {
      const part = { reservationId, buyerId, lines, partitions, ttlSeconds: partTtlSeconds, metadata: null };
      const decision = await this.parts.desk.revive(partition, inEpochOf(view, partition, part));
      if (decision.kind === 'held') held.push(decision);
      else if (decision.kind !== 'ended') return false;
    }
    await Promise.all(held.map((position) => this.finality.reached(position)));
    return true;
  }

  /** The other parts of a cart follow, here or by the sweeper. */
  private async follow(
    told: readonly Promise<{ readonly kind: string } & Partial<JournalPosition>>[],
  ): Promise<void> {
    for (const result of await Promise.allSettled(told)) {
      if (result.status !== 'fulfilled') continue;
      const { partition, epoch, sequence } = result.value;
      if (partition !== undefined && epoch !== undefined && sequence !== undefined) {
        await this.finality.reached({ partition, epoch, sequence });
      }
    }
  }

  /** The deciding part first. */
  private cartOf(
    lines: readonly ReservationLine[],
  ): [[number, readonly ReservationLine[]], ...[number, readonly ReservationLine[]][]] {
    return [...linesByPartition(lines, this.parts.partitionCount)] as unknown as ReturnType<
      Settlement['cartOf']
    >;
  }
}

/**
 * The parts of a cart that has ended may still be told so by somebody who looked before money came late for it, and who is
 * slow. They are held again once nobody can be. An instance of before does not say since when it is known, and a clock that was
 * set back says that it is not yet: money is not kept waiting for either.
 */
function partsAreBusyForMs({ reservationStatus, payment, lateForMs, epochs }: View): number {
  const isHeldAgain = reservationStatus === 'late-paid' && payment.status === 'captured';
  return isHeldAgain && epochs.size > 1 && lateForMs !== null ? doneWithinMs - Math.abs(lateForMs) : 0;
}

function inEpochOf<Command>({ epochs }: View, partition: number, command: Command): InEpoch<Command> {
  return { epoch: epochs.get(partition)!, command };
}

function isAsAsked({ amount, captured }: Payment): boolean {
  return captured?.value === amount.value && captured.currency === amount.currency;
}
