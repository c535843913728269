/** The sandbox as a payment provider: what apps/payment-sandbox serves, in the words of the port. */
import { isUuid } from '#contracts';
import { UnavailableError } from '#domain';
import type { z } from 'zod';
import type {
  Charge,
  ChargeRequest,
  PaymentProvider,
  ProviderEvent,
  RefundProgress,
  RefundRequest,
  WebhookVerdict,
} from '../payment-provider.js';
import type { ProviderTransaction } from '../provider-transaction.js';
import { restAskedFor } from '../rest-asked-for.js';
import type { SourcePage, SourceWindow, TransactionSource } from '../transaction-source.js';
import {
  sandboxCharge,
  sandboxCharges,
  sandboxEvent,
  sandboxRefund,
  sandboxTransaction,
  sandboxTransactions,
  type SandboxCharge,
  type SandboxEvent,
  type SandboxRefund,
  type SandboxTransaction,
} from './sandbox-wire.js';
import { signatureHeader, verifySignature } from './signature.js';

export type SandboxAccount = {
  /** Where it is served, without a path. */
  readonly url: string;
  readonly apiKey: string;
  readonly webhookSecret: string;
};

const sandboxName = 'sandbox';
type Request = {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

const timeoutMs = 5_000;
/** Answers that say that the request as such will never be accepted. */
const refusals = new Set([402, 409, 422]);

const chargeStatuses = { pending: 'pending', succeeded: 'captured', failed: 'failed' } as const;
const refundStatuses = { pending: 'pending', succeeded: 'done', failed: 'failed' } as const;

export class SandboxProvider implements PaymentProvider, TransactionSource {
  readonly name = sandboxName;
  readonly provider = sandboxName;
  readonly account = 'default';
  readonly clock = 'time';

  constructor(private readonly options: SandboxAccount) {}

  async createCharge({ paymentId, reservationId, amount }: ChargeRequest): Promise<Charge | 'refused'> {
    const body = { amount, reference: paymentId, description: `reservation ${reservationId}` };
    const charge = await this.post('/charges', paymentId, body, sandboxCharge);
    return charge === 'refused' ? charge : chargeOf(charge);
  }

  async fetchCharge(payment: Parameters<PaymentProvider['fetchCharge']>[0]): Promise<Charge | null> {
    const { paymentId, providerPaymentId } = payment;
    if (providerPaymentId !== null) {
      const charge = await this.get(`/charges/${encodeURIComponent(providerPaymentId)}`, sandboxCharge);
      return charge && chargeOf(charge);
    }
    const found = await this.get(`/charges?reference=${encodeURIComponent(paymentId)}`, sandboxCharges);
    return found?.data[0] ? chargeOf(found.data[0]) : null;
  }

  async cancelCharge(payment: Parameters<PaymentProvider['cancelCharge']>[0]): Promise<Charge | null> {
    const found = await this.fetchCharge(payment);
    if (found?.status !== 'pending') return found;
    const path = `/charges/${encodeURIComponent(found.providerPaymentId)}/cancel`;
    const charge = await this.post(path, `cancel-${payment.paymentId}`, {}, sandboxCharge);
    // It may not, or not any more: what it is then is asked for.
    return charge === 'refused' ? this.fetchCharge(payment) : chargeOf(charge);
  }

  async refund({ refundId, providerPaymentId, amount }: RefundRequest): Promise<RefundProgress | 'refused'> {
    const refund = await this.post(
      '/refunds',
      refundId,
      { charge: providerPaymentId, amount },
      sandboxRefund,
    );
    return refund === 'refused' ? refund : progressOf(refund);
  }

  verifyWebhook({
    headers,
    rawBody,
    nowMs,
  }: Parameters<PaymentProvider['verifyWebhook']>[0]): WebhookVerdict {
    const kind = verifySignature(headers[signatureHeader], rawBody, this.options.webhookSecret, nowMs);
    if (kind !== 'genuine') return { kind };
    const event = sandboxEvent.safeParse(parse(rawBody));
    return event.success ? { kind, event: eventOf(event.data) } : { kind: 'unreadable' };
  }

  async now(): Promise<number> {
    return (await this.page('from=0&until=0&limit=1')).nowMs;
  }

  async listTransactions(window: SourceWindow, after: string | null, limit: number): Promise<SourcePage> {
    const query = new URLSearchParams({
      from: String(window.from),
      until: String(window.until),
      limit: String(limit),
      ...(after !== null && { after }),
    });
    const { data, next, nowMs } = await this.page(query.toString());
    return { transactions: data.map(transactionOf), next, now: nowMs };
  }

  async fetchTransaction(id: string): Promise<ProviderTransaction | null> {
    const found = await this.get(`/transactions/${encodeURIComponent(id)}`, sandboxTransaction);
    return found && transactionOf(found);
  }

  private async page(query: string): Promise<z.output<typeof sandboxTransactions>> {
    const page = await this.get(`/transactions?${query}`, sandboxTransactions);
    if (!page) throw unavailable('it has no list of transactions');
    return page;
  }

  private async get<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema> | null> {
    const response = await this.send(path, { method: 'GET' });
    return response.status === 404 ? null : this.read(response, schema);
  }

  private async post<Schema extends z.ZodType>(
    path: string,
    idempotencyKey: string,
    body: unknown,
    schema: Schema,
  ): Promise<z.output<Schema> | 'refused'> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
    const response = await this.send(path, { method: 'POST', headers, body: JSON.stringify(body) });
    return refusals.has(response.status) ? 'refused' : this.read(response, schema);
  }

  private async send(path: string, request: Request): Promise<Response> {
    const authorization = `Bearer ${this.options.apiKey}`;
    try {
      return await fetch(this.options.url + path, {
        ...request,
        headers: { ...request.headers, authorization },
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      throw unavailable('it did not answer', error);
    }
  }

  private async read<Schema extends z.ZodType>(
    response: Response,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    if (!response.ok) throw refusedNow(response);
    const body = schema.safeParse(await response.json().catch(() => undefined));
    if (!body.success) throw unavailable('it answered in another form than agreed on', body.error);
    return body.data;
  }
}

function refusedNow({ status, headers }: Response): UnavailableError {
  const restMs = restAskedFor(status, { retryAfter: headers.get('retry-after'), date: headers.get('date') });
  return unavailable(`it answered ${status}`, undefined, restMs);
}

function unavailable(what: string, cause?: unknown, restMs?: number): UnavailableError {
  return new UnavailableError('provider-unavailable', `the payment provider ${sandboxName}: ${what}`, true, {
    cause,
    restMs,
  });
}

function chargeOf({ id, status, amount }: SandboxCharge): Charge {
  return { providerPaymentId: id, status: chargeStatuses[status], amount };
}

function progressOf({ id, status }: SandboxRefund): RefundProgress {
  return { providerRefundId: id, status: refundStatuses[status] };
}

function eventOf({ id: eventId, type, charge, refund }: SandboxEvent): ProviderEvent {
  if (type.startsWith('charge.') && charge) {
    const paymentId = isUuid(charge.reference) ? charge.reference : null;
    return { eventId, kind: 'charge', paymentId, charge: chargeOf(charge) };
  }
  if (type.startsWith('refund.') && refund) {
    return { eventId, kind: 'refund', providerPaymentId: refund.charge, refund: progressOf(refund) };
  }
  return { eventId, kind: 'other', name: type };
}

function transactionOf(row: SandboxTransaction): ProviderTransaction {
  const { id, kind, charge, reference, amount, createdAtMs } = row;
  return {
    id,
    kind,
    gross: amount,
    fee: null,
    net: amount,
    paymentReference: charge,
    merchantReference: reference,
    payoutId: null,
    occurredAtMs: createdAtMs,
    raw: JSON.stringify(row),
  };
}

function parse(rawBody: Buffer): unknown {
  try {
    return JSON.parse(rawBody.toString('utf8'));
  } catch {
    return undefined;
  }
}
