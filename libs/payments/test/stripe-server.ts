/**
 * A server that answers in Stripe's shapes, for tests of the connector: payment intents, refunds, balance transactions, and
 * idempotency keys, whose answers are kept and repeated. It keeps what it was asked.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;
export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly parameters: URLSearchParams;
  readonly key: string | null;
};

export const secretKey = 'sk_test_0000000000000000';

export class StripeServer {
  readonly asked: Asked[] = [];
  readonly balanceTransactions: (Json & { id: string; created: number; payout?: string })[] = [];
  readonly intents = new Map<string, Json & { id: string; metadata: Record<string, string> }>();
  readonly refunds = new Map<
    string,
    Json & { id: string; payment_intent: string; metadata: Record<string, string> }
  >();
  /** Payouts that Stripe does not itemise. */
  readonly payoutsByHand = new Set<string>();
  /** Answers that are lost: the request is carried out, the connection breaks. */
  repliesLost = 0;
  /** Refuses everything with this status. */
  refuseWith: { status: number; error: Json } | null = null;
  /** How long it wants to be left alone then. */
  retryAfter: string | null = null;
  private readonly answers = new Map<string, { status: number; body: Json }>();
  private readonly server: Server = createServer((request, response) => void this.handle(request, response));

  async open(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.server.listen(0, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stripe');
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const parameters = request.method === 'GET' ? url.searchParams : new URLSearchParams(body);
    const key = (request.headers['idempotency-key'] as string | undefined) ?? null;
    this.asked.push({ method: request.method ?? '', path: url.pathname, parameters, key });
    const { status, body: answer } = this.answerOnce(request, url.pathname, parameters, key);
    if (this.repliesLost > 0) {
      this.repliesLost -= 1;
      request.socket.destroy();
      return;
    }
    response.writeHead(status, {
      'content-type': 'application/json',
      'request-id': 'req_1',
      ...(status >= 400 && this.retryAfter !== null && { 'retry-after': this.retryAfter }),
    });
    response.end(JSON.stringify(answer));
  }

  private answerOnce(
    request: IncomingMessage,
    path: string,
    parameters: URLSearchParams,
    key: string | null,
  ): { status: number; body: Json } {
    if (request.headers.authorization !== `Bearer ${secretKey}`)
      return failure(401, { type: 'invalid_request_error' });
    if (this.refuseWith !== null) return failure(this.refuseWith.status, this.refuseWith.error);
    const known = key === null ? undefined : this.answers.get(key);
    if (known !== undefined) return known;
    const answer = this.answer(request.method ?? '', path, parameters);
    if (key !== null) this.answers.set(key, answer);
    return answer;
  }

  private answer(method: string, path: string, parameters: URLSearchParams): { status: number; body: Json } {
    const [, , resource = '', id] = path.split('/');
    if (resource === 'balance_transactions') {
      return id === undefined
        ? this.listBalanceTransactions(parameters)
        : found(this.balanceTransactions.find((row) => row.id === id));
    }
    if (resource === 'payment_intents' && id === 'search') {
      const wanted = /'payment_id'\]:'(.*)'/.exec(parameters.get('query') ?? '')?.[1];
      const data = [...this.intents.values()].filter(({ metadata }) => metadata['payment_id'] === wanted);
      return { status: 200, body: { object: 'search_result', data, has_more: false, url: path } };
    }
    if (resource === 'payment_intents' && path.endsWith('/cancel')) return this.cancelIntent(id ?? '');
    if (resource === 'payment_intents')
      return method === 'POST' ? this.createIntent(parameters) : found(this.intents.get(id ?? ''));
    if (resource === 'refunds' && method === 'POST') return this.createRefund(parameters);
    if (resource === 'refunds') {
      const data = [...this.refunds.values()].filter(
        (refund) => refund.payment_intent === parameters.get('payment_intent'),
      );
      return { status: 200, body: { object: 'list', data, has_more: false, url: path } };
    }
    return failure(404, { type: 'invalid_request_error', code: 'resource_missing' });
  }

  private cancelIntent(id: string): { status: number; body: Json } {
    const intent = this.intents.get(id);
    if (intent && (intent['status'] === 'succeeded' || intent['status'] === 'processing'))
      return failure(400, { type: 'invalid_request_error', code: 'payment_intent_unexpected_state' });
    if (intent) intent['status'] = 'canceled';
    return found(intent);
  }

  /** Newest first, as Stripe lists. */
  private listBalanceTransactions(parameters: URLSearchParams): { status: number; body: Json } {
    const from = Number(parameters.get('created[gte]') ?? 0);
    const until = Number(parameters.get('created[lt]') ?? Number.MAX_SAFE_INTEGER);
    const payout = parameters.get('payout');
    if (payout !== null && this.payoutsByHand.has(payout)) {
      const message = 'Balance transaction history can only be filtered on automatic transfers, not manual.';
      return failure(400, { type: 'invalid_request_error', message });
    }
    const rows = this.balanceTransactions
      .filter(
        (row) => row.created >= from && row.created < until && (payout === null || row.payout === payout),
      )
      .toSorted((left, right) => right.created - left.created || (left.id < right.id ? 1 : -1));
    const after = parameters.get('starting_after');
    const begin = after === null ? 0 : rows.findIndex(({ id }) => id === after) + 1;
    const limit = Number(parameters.get('limit') ?? 10);
    if (limit > 100) return failure(400, { type: 'invalid_request_error', param: 'limit' });
    const data = rows.slice(begin, begin + limit);
    return {
      status: 200,
      body: { object: 'list', data, has_more: rows.length > begin + limit, url: '/v1/balance_transactions' },
    };
  }

  private createIntent(parameters: URLSearchParams): { status: number; body: Json } {
    const amount = Number(parameters.get('amount'));
    if (amount < 50) return failure(400, { type: 'invalid_request_error', code: 'amount_too_small' });
    const intent = {
      id: `pi_${this.intents.size + 1}`,
      object: 'payment_intent',
      amount,
      amount_received: 0,
      currency: parameters.get('currency'),
      status: 'requires_payment_method',
      metadata: metadataIn(parameters),
      latest_charge: null,
    };
    this.intents.set(intent.id, intent);
    return { status: 200, body: intent };
  }

  private createRefund(parameters: URLSearchParams): { status: number; body: Json } {
    const payment = parameters.get('payment_intent') ?? '';
    if (!this.intents.has(payment))
      return failure(404, { type: 'invalid_request_error', code: 'resource_missing' });
    const refund = {
      id: `re_${this.refunds.size + 1}`,
      object: 'refund',
      amount: Number(parameters.get('amount')),
      payment_intent: payment,
      charge: `ch_${payment}`,
      status: 'pending',
      metadata: metadataIn(parameters),
      balance_transaction: null,
    };
    this.refunds.set(refund.id, refund);
    return { status: 200, body: refund };
  }
}

const found = (row: Json | undefined): { status: number; body: Json } =>
  row === undefined
    ? failure(404, { type: 'invalid_request_error', code: 'resource_missing' })
    : { status: 200, body: row };

const failure = (status: number, error: Json): { status: number; body: Json } => ({
  status,
  body: { error: { message: 'no', ...error } },
});

const metadataIn = (parameters: URLSearchParams): Record<string, string> =>
  Object.fromEntries(
    [...parameters].flatMap(([name, value]) => {
      const key = /^metadata\[(.+)\]$/.exec(name)?.[1];
      return key === undefined ? [] : [[key, value]];
    }),
  );
