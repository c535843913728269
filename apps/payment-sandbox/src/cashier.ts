/** Charges and refunds: made once per idempotency key, decided a little later, told by webhook, listed as movements. */
import type { Money } from '#domain';
import type { SandboxCharge, SandboxEvent, SandboxRefund } from '#payments';
import type { Clock, Random, Timer, Timers } from '#platform';
import type { Book, BookedCharge, BookedRefund } from './book.js';
import type { Faults } from './faults.js';
import type { Webhooks } from './webhooks.js';

export type CashierOptions = {
  readonly book: Book;
  readonly faults: Faults;
  readonly webhooks: Webhooks;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
};

export class Cashier {
  private readonly deciding = new Set<Timer>();

  constructor(private readonly options: CashierOptions) {}

  /** What was under way when the process ended goes on. */
  resume(): void {
    const { charges, refunds } = this.options.book;
    for (const charge of charges.values())
      if (charge.status === 'pending') this.later(() => this.decideCharge(charge));
    for (const refund of refunds.values())
      if (refund.status === 'pending') this.later(() => this.decideRefund(refund));
  }

  /** Undefined: the key was used for something else. */
  charge(
    key: string,
    request: { readonly amount: Money; readonly reference: string },
  ): SandboxCharge | undefined {
    const { book, webhooks } = this.options;
    const { charge: earlier, refund } = book.madeUnder(key);
    if (earlier) return sameMoney(earlier.amount, request.amount) ? earlier : undefined;
    if (refund) return undefined;
    const { amount, reference } = request;
    const made = {
      id: this.id('ch'),
      reference,
      amount,
      status: 'pending',
      createdAtMs: this.nowMs(),
    } as const;
    const charge: BookedCharge = { ...made, key };
    book.write({ charge });
    webhooks.tell(this.event('charge.created', { charge }));
    this.later(() => this.decideCharge(charge));
    return charge;
  }

  /** Undefined: there is no such charge, or it cannot be cancelled. One that has been decided stays as it is. */
  cancel(id: string): SandboxCharge | undefined {
    const { book, faults } = this.options;
    const charge = book.charges.get(id);
    if (charge?.status !== 'pending') return charge;
    return faults.refusesToCancel() ? undefined : this.fail(charge);
  }

  /** Undefined: there is no such charge, or less of it is left than that. */
  refund(
    key: string,
    request: { readonly charge: string; readonly amount: Money },
  ): SandboxRefund | undefined {
    const { book } = this.options;
    const earlier = book.madeUnder(key).refund;
    if (earlier) return earlier;
    const charge = book.charges.get(request.charge);
    const { amount } = request;
    if (!charge || charge.amount.currency !== amount.currency || book.refundable(charge) < amount.value)
      return undefined;
    const made = {
      id: this.id('re'),
      charge: charge.id,
      amount,
      status: 'pending',
      createdAtMs: this.nowMs(),
    } as const;
    const refund: BookedRefund = { ...made, key };
    book.write({ refund });
    this.later(() => this.decideRefund(refund));
    return refund;
  }

  close(): void {
    for (const timer of this.deciding) timer.cancel();
  }

  private decideCharge(pending: BookedCharge): void {
    const { book, webhooks, faults } = this.options;
    if (book.charges.get(pending.id)?.status !== 'pending') return; // It was cancelled meanwhile.
    if (faults.declines()) return void this.fail(pending);
    const charge: BookedCharge = { ...pending, status: 'succeeded' };
    book.write({ charge });
    this.move('charge', charge, charge.amount.value);
    webhooks.tell(this.event('charge.succeeded', { charge }));
  }

  private fail(pending: BookedCharge): BookedCharge {
    const { book, webhooks } = this.options;
    const charge: BookedCharge = { ...pending, status: 'failed' };
    book.write({ charge });
    webhooks.tell(this.event('charge.failed', { charge }));
    return charge;
  }

  private decideRefund(pending: BookedRefund): void {
    const { book, webhooks } = this.options;
    const refund: BookedRefund = { ...pending, status: 'succeeded' };
    book.write({ refund });
    this.move('refund', book.charges.get(refund.charge)!, -refund.amount.value);
    webhooks.tell(this.event('refund.succeeded', { refund }));
  }

  private move(
    kind: 'charge' | 'refund',
    { id: charge, reference, amount }: BookedCharge,
    value: number,
  ): void {
    const { book, faults } = this.options;
    const moved = { id: this.id('txn'), kind, charge, reference, createdAtMs: this.nowMs() };
    const transaction = { ...moved, amount: { value, currency: amount.currency } };
    book.write({ transaction, visibleAtMs: moved.createdAtMs + faults.visibleAfterMs() });
  }

  private event(type: string, about: Pick<SandboxEvent, 'charge' | 'refund'>): SandboxEvent {
    return { id: this.id('evt'), type, createdAtMs: this.nowMs(), ...about };
  }

  private later(decide: () => void): void {
    const timer = this.options.timers.after(this.options.faults.decidedAfterMs(), () => {
      this.deciding.delete(timer);
      decide();
    });
    this.deciding.add(timer);
  }

  private id(prefix: string): string {
    return `${prefix}_${this.options.random.bytes(12).toString('hex')}`;
  }

  private nowMs(): number {
    return this.options.clock.nowMs();
  }
}

function sameMoney(left: Money, right: Money): boolean {
  return left.value === right.value && left.currency === right.currency;
}
