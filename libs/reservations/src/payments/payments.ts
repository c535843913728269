/**
 * Payments: started here, kept by the stock store until their own deadline, decided by the provider. Starting one asks
 * nobody outside: the ledger takes it on record together with the errand to ask the provider, so that neither a crash
 * nor a slow provider stands between the two.
 */
import {
  exponentOf,
  reservationTransitions,
  UnavailableError,
  type Payment,
  type Reservation,
} from '#domain';
import type { InboxEvent } from '#ledger';
import type { PaymentProvider, ProviderEvent } from '#payments';
import { linesByPartition, type Made, type PayDecision } from '#stock';
import { Finality, KeyReused } from '../finality.js';
import type { Parts } from '../ports.js';
import type {
  Answer,
  Operation,
  Page,
  PageRequest,
  PayCommand,
  PayOutcome,
  PaymentFilter,
  PaymentUseCases,
  Present,
  Webhook,
  WebhookOutcome,
} from '../use-cases.js';

export type PaymentOptions = {
  readonly providers: ReadonlyMap<string, PaymentProvider>;
  /** How long a payment keeps the units, at least. */
  readonly paymentTtlSeconds: number;
  /** Has the errands looked at without waiting for their next round. */
  readonly nudge: () => void;
};

export class Payments implements PaymentUseCases {
  private readonly finality: Finality;

  constructor(
    private readonly parts: Parts,
    private readonly options: PaymentOptions,
  ) {
    this.finality = new Finality(parts);
  }

  async pay(operation: Operation, command: PayCommand, present: Present<PayOutcome>): Promise<Answer> {
    const { reservationId, provider, amount } = command;
    const answer = (outcome: PayOutcome) => this.finality.conclude(operation, present(outcome), []);
    const { onItsWay, payments, reservations } = this.parts;
    const { providers } = this.options;
    if (!providers.has(provider))
      return answer({ kind: 'unknown-provider', provider, known: [...providers.keys()] });
    const { currency } = amount;
    if (exponentOf(currency) === undefined) return answer({ kind: 'unknown-currency', currency });
    const [reservation, earlier] = await Promise.all([
      onItsWay.find(() => reservations.find(reservationId)),
      // The operation's id is the payment's: every attempt at one request starts the same payment. Asked also when the
      // key looks new: it may have been forgotten (retention.ts), and the payment has not.
      payments.find(operation.id),
    ]);
    if (!reservation) return answer({ kind: 'unknown-reservation' });
    if (earlier) return answer(asFirstGiven(earlier, command, reservation));
    if (reservation.status !== 'held') return answer(asItIs(reservation));
    const [partition] = linesByPartition(reservation.lines, this.parts.partitionCount).keys();
    const decision = await this.parts.desk.pay(partition!, {
      reservationId,
      paymentId: operation.id,
      provider,
      amount,
      ttlSeconds: this.options.paymentTtlSeconds,
    });
    if (decision.kind !== 'paying')
      return answer(await this.refusal(operation, command, reservation, decision));
    const started = startedNow(operation.id, reservation, command, decision);
    const given = await this.finality.conclude(operation, present(started), [decision]);
    this.options.nudge();
    return given;
  }

  find(paymentId: string): Promise<Payment | undefined> {
    const { onItsWay, payments } = this.parts;
    return onItsWay.find(() => payments.find(paymentId));
  }

  list(filter: PaymentFilter, page: PageRequest): Promise<Page<Payment>> {
    return this.parts.payments.list(filter, page);
  }

  async receive({ provider: name, headers, rawBody }: Webhook): Promise<WebhookOutcome> {
    const provider = this.options.providers.get(name);
    if (!provider) return 'unknown-provider';
    const verdict = provider.verifyWebhook({ headers, rawBody, nowMs: this.parts.clock.nowMs() });
    if (verdict.kind !== 'genuine') return verdict.kind;
    await this.parts.payments.take(inboxEventOf(name, verdict.event, rawBody));
    this.options.nudge();
    return 'taken';
  }

  private async refusal(
    operation: Operation,
    command: PayCommand,
    before: Reservation,
    decision: Exclude<Made<PayDecision>, { kind: 'paying' }>,
  ): Promise<PayOutcome> {
    if (decision.kind !== 'unknown') await this.finality.reached(decision);
    const reservation = (await this.parts.reservations.find(before.id)) ?? before;
    const earlier = await this.parts.payments.find(operation.id);
    if (earlier) return asFirstGiven(earlier, command, reservation);
    if (reservation.status === 'held') {
      throw new UnavailableError(
        'stock-not-ready',
        'the stock store does not know a hold of the ledger',
        false,
      );
    }
    return asItIs(reservation);
  }
}

function asItIs(reservation: Reservation): PayOutcome {
  const next = reservationTransitions[reservation.status].pay;
  // Only under another payment: this one's own would have been found.
  return { kind: next === 'same' ? 'payment-pending' : 'too-late', reservation };
}

function startedNow(
  id: string,
  reservation: Reservation,
  { provider, amount }: PayCommand,
  { nowMs, deadlineMs }: { readonly nowMs: number; readonly deadlineMs: number },
): PayOutcome {
  const { id: reservationId } = reservation;
  return {
    kind: 'paying',
    reservation: { ...reservation, status: 'paying', paying: { paymentId: id, deadlineMs } },
    payment: {
      id,
      reservationId,
      provider,
      providerPaymentId: null,
      amount,
      status: 'created',
      createdAtMs: nowMs,
      deadlineMs,
      captured: null,
    },
  };
}

/**
 * As it was answered when it was started, whatever has become of it since.
 * @throws KeyReused when the key had started another one.
 */
function asFirstGiven(
  payment: Payment,
  { provider, amount }: PayCommand,
  reservation: Reservation,
): PayOutcome {
  const asked = [reservation.id, provider, amount.value, amount.currency];
  const known = [payment.reservationId, payment.provider, payment.amount.value, payment.amount.currency];
  if (asked.some((value, index) => value !== known[index])) throw new KeyReused();
  const deadlineMs = payment.deadlineMs ?? reservation.expiresAtMs;
  const paying = { paymentId: payment.id, deadlineMs };
  return {
    kind: 'paying',
    reservation: { ...reservation, status: 'paying', orderId: null, paying },
    payment: { ...payment, providerPaymentId: null, status: 'created', captured: null },
  };
}

function inboxEventOf(provider: string, event: ProviderEvent, rawBody: Buffer): InboxEvent {
  const { eventId } = event;
  const body = rawBody.toString('utf8').replaceAll('\0', '');
  const known = { provider, eventId, body };
  switch (event.kind) {
    case 'charge':
      return { ...known, kind: event.kind, paymentId: event.paymentId, charge: event.charge };
    case 'refund': {
      const { providerPaymentId, refund } = event;
      return { ...known, kind: event.kind, providerPaymentId, refund };
    }
    case 'other':
      return { ...known, kind: event.kind, name: event.name };
  }
}
