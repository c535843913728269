/**
 * A checkout over HTTP, as a shop's server does it: kept-alive connections, a bound on every wait, and a retry under the same
 * Idempotency-Key, on the next instance, when there was no answer or no final one.
 */
import { Agent, request } from 'node:http';
import { invariantsReport, type WireInvariantsReport } from '#contracts';
import type { Clock, Timers } from '#platform';
import type { Checkout, PayAnswer, ReserveAnswer } from '../sale/checkout.js';
import type { Refusal } from '../sale/measurement.js';

export type HttpCheckoutOptions = {
  /** The instances. Requests go to them in turn. */
  readonly urls: readonly string[];
  readonly keys: { readonly storefront: string; readonly admin: string };
  /** How buyers pay. */
  readonly payVia: 'confirm' | 'sandbox';
  /** How long a buyer waits for a final answer. */
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
};

type Call = {
  readonly method: string;
  readonly path: string;
  readonly secret: string;
  readonly key?: string;
  readonly body?: unknown;
  readonly timeoutMs?: number;
};
type HttpAnswer = { readonly status: number; readonly text: string };

const connectionsPerInstance = 128;
const connectionsOfBackOffice = 4;
const timeoutMs = 10_000;
const retryMsFirst = 50;
const retryMsMax = 1_000;
const auditTimeoutMs = 60_000;
/** Long enough for a provider that is away for a while; meanwhile the reservation keeps its units. */
const paymentPatienceMs = 60_000;
const paymentPollMs = 250;
/** Every order costs the same: what is sold is units. */
const amount = { value: 1_000, currency: 'EUR' };

export class HttpCheckout implements Checkout {
  private readonly agent = new Agent({
    keepAlive: true,
    maxSockets: connectionsPerInstance,
    scheduling: 'fifo',
  });
  /** Separate connections, so that a restock does not queue behind the crowd. */
  private readonly backOffice = new Agent({ keepAlive: true, maxSockets: connectionsOfBackOffice });
  private turn = 0;
  private restocks = 0;

  constructor(private readonly options: HttpCheckoutOptions) {}

  async reserve({ buyerId, lines, key }: Parameters<Checkout['reserve']>[0]): Promise<ReserveAnswer> {
    const { storefront: secret } = this.options.keys;
    const answer = await this.untilFinal({
      method: 'POST',
      path: '/v1/reservations',
      secret,
      key,
      body: { buyerId, lines },
    });
    if (answer?.status !== 201) return { kind: 'refused', because: answer ? refusalOf(answer) : 'error' };
    const { id, createdAt, expiresAt } = JSON.parse(answer.text) as Record<string, string | undefined>;
    const instant = (text: string | undefined) => (text === undefined ? null : Date.parse(text));
    return { kind: 'accepted', id: id!, createdAtMs: instant(createdAt), expiresAtMs: instant(expiresAt) };
  }

  async pay(reservationId: string): Promise<PayAnswer> {
    if (this.options.payVia === 'sandbox') return this.payThroughSandbox(reservationId);
    const answer = await this.change(reservationId, 'confirm');
    if (answer?.status === 200) return 'confirmed';
    return answer?.status === 409 ? 'too-late' : 'unknown';
  }

  async release(reservationId: string): Promise<void> {
    await this.change(reservationId, 'release');
  }

  async restock(sku: string, units: number): Promise<void> {
    const path = `/v1/skus/${sku}/adjustments`;
    const body = { delta: units, reason: 'restock' };
    const answer = await this.untilFinal({
      ...this.asAdmin('POST', path),
      key: `restock-${sku}-${(this.restocks += 1)}`,
      body,
    });
    if (answer?.status !== 200) throw new Error(`the restock of ${sku} failed: ${said(answer)}`);
  }

  /** Puts a SKU on the shelf, on one instance or, where each has its own shelf, on every one. */
  async put(
    sku: string,
    policy: { readonly onHand: number; readonly buyerLimit: number | null; readonly holdTtlSeconds: number },
    urls: readonly string[] = [this.options.urls[0]!],
  ): Promise<void> {
    for (const url of urls) {
      const answer = await this.untilFinal({ ...this.asAdmin('PUT', `/v1/skus/${sku}`), body: policy }, url);
      if (answer?.status !== 201 && answer?.status !== 200)
        throw new Error(`${sku} could not be put on the shelf of ${url}: ${said(answer)}`);
    }
  }

  /** Whether a reservation is on record; undefined: nobody could say. */
  async isKnown(reservationId: string): Promise<boolean | undefined> {
    const answer = await this.untilFinal({
      method: 'GET',
      path: `/v1/reservations/${reservationId}`,
      secret: this.options.keys.storefront,
    });
    if (answer?.status === 200) return true;
    return answer?.status === 404 ? false : undefined;
  }

  /** The invariants as the service itself sees them. */
  async audit(): Promise<WireInvariantsReport> {
    const call = { ...this.asAdmin('GET', '/v1/audit/invariants'), timeoutMs: auditTimeoutMs };
    const answer = await this.untilFinal(call);
    if (answer?.status !== 200) throw new Error(`no audit: ${said(answer)}`);
    return invariantsReport.parse(JSON.parse(answer.text));
  }

  close(): void {
    this.agent.destroy();
    this.backOffice.destroy();
  }

  /** Starts a payment, and looks what the provider's webhook makes of the reservation. */
  private async payThroughSandbox(reservationId: string): Promise<PayAnswer> {
    const { clock, timers, keys } = this.options;
    const path = `/v1/reservations/${reservationId}`;
    const started = await this.untilFinal({
      method: 'POST',
      path: `${path}/pay`,
      secret: keys.storefront,
      key: `pay-${reservationId}`,
      body: { provider: 'sandbox', amount },
    });
    if (started?.status === 409) return 'too-late';
    if (started?.status !== 200) return 'unknown';
    const giveUpAtMs = clock.monotonicMs() + paymentPatienceMs;
    while (clock.monotonicMs() < giveUpAtMs) {
      await timers.sleep(paymentPollMs);
      const answer = await this.untilFinal({ method: 'GET', path, secret: keys.storefront });
      if (answer?.status !== 200) return 'unknown';
      const { status } = JSON.parse(answer.text) as { status: string };
      if (status !== 'paying') return afterPayment(status);
    }
    return 'unknown';
  }

  private change(reservationId: string, what: 'confirm' | 'release'): Promise<HttpAnswer | undefined> {
    return this.untilFinal({
      method: 'POST',
      path: `/v1/reservations/${reservationId}/${what}`,
      secret: this.options.keys.storefront,
      key: `${what}-${reservationId}`,
      body: {},
    });
  }

  private asAdmin(method: string, path: string): Call {
    return { method, path, secret: this.options.keys.admin };
  }

  /** Undefined: none came within the buyer's patience. */
  private async untilFinal(call: Call, only?: string): Promise<HttpAnswer | undefined> {
    const { clock, timers, urls, patienceMs } = this.options;
    const giveUpAtMs = clock.monotonicMs() + Math.max(patienceMs, call.timeoutMs ?? 0);
    let delayMs = retryMsFirst;
    let last: HttpAnswer | undefined;
    for (;;) {
      const url = only ?? urls[(this.turn += 1) % urls.length]!;
      const answer = await this.send(url, call).catch(() => undefined);
      if (answer && isFinal(answer)) return answer;
      last = answer ?? last;
      if (clock.monotonicMs() + delayMs > giveUpAtMs) return last;
      await timers.sleep(delayMs);
      delayMs = Math.min(delayMs * 2, retryMsMax);
    }
  }

  private send(
    url: string,
    { method, path, secret, key, body, timeoutMs: waitMs = timeoutMs }: Call,
  ): Promise<HttpAnswer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, url), {
        agent: secret === this.options.keys.admin ? this.backOffice : this.agent,
        method,
        headers: {
          authorization: `Bearer ${secret}`,
          ...(key !== undefined && { 'idempotency-key': key }),
          ...(text !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
          }),
        },
      });
      sent.setTimeout(waitMs, () => sent.destroy(new Error(`no answer within ${waitMs} ms`)));
      sent.once('error', reject);
      sent.once('response', (response) => {
        let received = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          received += chunk;
        });
        response.once('error', reject);
        response.once('end', () => {
          if (response.complete) resolve({ status: response.statusCode ?? 0, text: received });
          else reject(new Error('the answer broke off'));
        });
      });
      sent.end(text);
    });
  }
}

/** What a reservation's status says of its payment, once it is no longer under way. */
function afterPayment(status: string): PayAnswer {
  if (status === 'confirmed' || status === 'fulfilled') return 'confirmed';
  return status === 'held' ? 'declined' : 'too-late';
}

/** Whether asking again would bring the same. */
function isFinal({ status, text }: HttpAnswer): boolean {
  const later = status === 429 || status === 502 || status === 503 || status === 504;
  return !later && !text.includes('/problems/idempotency-in-progress');
}

const refusals: Readonly<Record<string, Refusal>> = {
  'sold-out': 'soldOut',
  'insufficient-stock': 'insufficient',
  'duplicate-reservation': 'duplicate',
  'buyer-limit-exceeded': 'buyerLimit',
};

function refusalOf({ text }: HttpAnswer): Refusal {
  const slug = /"type":"\/problems\/([a-z-]+)"/.exec(text)?.[1];
  return refusals[slug ?? ''] ?? 'error';
}

function said(answer: HttpAnswer | undefined): string {
  return answer ? `${answer.status} ${answer.text.slice(0, 300)}` : 'no answer';
}
