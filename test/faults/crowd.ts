/**
 * Buyers: each reserves, thinks again, pays, gives back, and asks again under the same key when it got no answer, on
 * whatever instance. They go on whatever dies; only the checks make them pause.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { send, type HttpAnswer } from './http.js';
import type { Random } from './random.js';
import type { Acknowledged, Intent, Line } from './intent.js';
import { isOpen, type Witness } from './witness.js';
import { keys } from './servers/fleet.js';

export type CrowdOptions = {
  readonly witness: Witness;
  readonly random: Random;
  readonly buyers: number;
  readonly patienceMs: number;
  /** The ports of the instances; a request goes to any of them. */
  readonly ports: readonly number[];
};

/** How often a request is asked again before its buyer goes on to something else; it stays on record as unanswered. */
const triesMax = 4;
/** SKUs that the load is on: the last ones that were put there. */
const skusAtOnce = 6;
/** How long a buyer who got no answer rests: while nobody answers, what is left to be asked again must not pile up. */
const restMaxMs = 1_000;
/** Reservations that a buyer may still change its mind about. */
const basketMax = 12;

export class Crowd {
  private paused = false;
  private ended = false;
  private busy = 0;
  private intentsMade = 0;
  private readonly running: Promise<void>[] = [];
  private readonly shelf: string[] = [];
  private contested: string | null = null;

  constructor(private readonly options: CrowdOptions) {}

  start(): void {
    for (let buyer = 0; buyer < this.options.buyers; buyer += 1) this.running.push(this.live());
  }

  /** Puts a SKU on the shelf. */
  async stock(sku: string, onHand: number): Promise<void> {
    await this.put(sku, onHand);
    this.shelf.push(sku);
    if (this.shelf.length > skusAtOnce) this.shelf.shift();
  }

  /** Puts a few units of a SKU there that are fought for, one line at a time. */
  async contend(sku: string, units: number): Promise<void> {
    await this.put(sku, units);
    this.options.witness.contested(sku, units);
    this.contested = sku;
  }

  /** Creates a SKU; tries until an instance says that it is there. Throws when none does within `patienceMs`. */
  async put(sku: string, onHand: number): Promise<void> {
    const body = JSON.stringify({ onHand });
    const giveUpAtMs = performance.now() + this.options.patienceMs;
    for (;;) {
      const put = this.deliver('PUT', `/v1/skus/${sku}`, keys.admin, body);
      const answer = await put.catch((error: unknown) => ({ status: 0, text: String(error) }));
      if (answer.status === 201 || answer.status === 200) break;
      if (performance.now() > giveUpAtMs) throw new Error(`${sku} cannot be put: ${answer.text}`);
      await sleep(20);
    }
    this.options.witness.stocked(sku, onHand);
  }

  /** Settles when nothing is under way. */
  async pause(): Promise<void> {
    this.paused = true;
    while (this.busy > 0) await sleep(2);
  }

  resume(): void {
    this.paused = false;
  }

  async stop(): Promise<void> {
    this.ended = true;
    await Promise.all(this.running);
  }

  /** Sends an intent until it is answered or has been tried often enough. */
  async carryOut(intent: Intent, tries = triesMax, port?: number): Promise<Acknowledged | undefined> {
    const { witness, random } = this.options;
    witness.sending(intent);
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      const answer = await this.ask(intent, port).catch((error: unknown) => String(error));
      if (typeof answer === 'object' && !isOpen(answer)) return witness.answered(intent, answer);
      witness.leftOpen(intent, typeof answer === 'string' ? answer : answer.text);
      if (attempt < tries) await sleep(random.integer(5, 60));
    }
    return undefined;
  }

  /** A key that no other intent has. */
  newKey(): string {
    this.intentsMade += 1;
    return `key-${this.intentsMade}`;
  }

  /** The answer to an intent, whatever it is. */
  ask(intent: Intent, port?: number): Promise<HttpAnswer> {
    const { where, scope, body } = requestOf(intent);
    return this.deliver('POST', where, keys[scope], JSON.stringify(body), intent.key, port);
  }

  private deliver(
    method: string,
    path: string,
    secret: string,
    body: string,
    idempotencyKey?: string,
    port = this.options.random.pick(this.options.ports),
  ): Promise<HttpAnswer> {
    return send({ port, method, path, secret, idempotencyKey, body });
  }

  private async live(): Promise<void> {
    const { random } = this.options;
    const basket: Acknowledged[] = [];
    while (!this.ended) {
      if (this.paused || this.shelf.length === 0) {
        await sleep(5);
        continue;
      }
      this.busy += 1;
      let gotNone = false;
      try {
        const intent = this.nextIntent(basket);
        const acknowledged = await this.carryOut(intent);
        if (acknowledged) basket.push(acknowledged);
        if (basket.length > basketMax) basket.shift();
        gotNone = this.options.witness.unanswered.has(intent.key);
      } finally {
        this.busy -= 1;
      }
      await sleep(random.integer(0, gotNone ? restMaxMs : 12));
    }
  }

  private nextIntent(basket: Acknowledged[]): Intent {
    const { random } = this.options;
    const key = this.newKey();
    const choice = random.fraction();
    const of = basket.length > 0 ? random.pick(basket) : undefined;
    if (choice < 0.02)
      return { kind: 'adjust', key, sku: random.pick(this.shelf), delta: random.integer(1, 3) };
    if (!of || choice < 0.6) return this.reserveIntent(key);
    if (of.status === 'confirmed' && of.orderId) {
      if (choice < 0.75) return { kind: 'cancel', key, of };
    } else if (of.status === 'held') {
      if (choice < 0.7) return { kind: 'release', key, of };
      if (choice < 0.84) return { kind: 'pay', key, of, cents: random.integer(1, 100_000) };
      if (choice < 0.93) return { kind: 'confirm', key, of };
      return { kind: 'extend', key, of, ttlSeconds: random.integer(2, 900) };
    } else if (of.status === 'paying' || of.status === 'late-paid') {
      // Has the money made an order? Or is it not too late to think again, or to pay twice?
      if (choice < 0.85) return { kind: 'confirm', key, of };
      if (choice < 0.87) return { kind: 'release', key, of };
      if (choice < 0.9) return { kind: 'pay', key, of, cents: random.integer(1, 100_000) };
    }
    return this.reserveIntent(key);
  }

  private reserveIntent(key: string): Intent {
    const { random } = this.options;
    if (this.contested && random.chance(0.1)) {
      const line = { sku: this.contested, quantity: random.integer(1, 2) };
      return { kind: 'reserve', key, buyerId: `buyer-${key}`, lines: [line] };
    }
    const skus = random.sample(this.shelf, random.chance(0.3) ? random.integer(2, 3) : 1);
    const lines: Line[] = skus.map((sku) => ({ sku, quantity: random.integer(1, 3) }));
    const ttl = random.chance(0.25) ? { ttlSeconds: random.integer(1, 3) } : {};
    return { kind: 'reserve', key, buyerId: `buyer-${key}`, lines, ...ttl };
  }
}

function requestOf(intent: Intent): { where: string; scope: keyof typeof keys; body: unknown } {
  switch (intent.kind) {
    case 'reserve': {
      const { buyerId, lines, ttlSeconds } = intent;
      return {
        where: '/v1/reservations',
        scope: 'storefront',
        body: { buyerId, lines, ...(ttlSeconds && { ttlSeconds }) },
      };
    }
    case 'extend':
      return {
        where: `/v1/reservations/${intent.of.id}/extend`,
        scope: 'storefront',
        body: { ttlSeconds: intent.ttlSeconds },
      };
    case 'release':
    case 'confirm':
      return { where: `/v1/reservations/${intent.of.id}/${intent.kind}`, scope: 'storefront', body: {} };
    case 'pay':
      return {
        where: `/v1/reservations/${intent.of.id}/pay`,
        scope: 'storefront',
        body: { provider: 'sandbox', amount: { value: intent.cents, currency: 'EUR' } },
      };
    case 'cancel':
      return { where: `/v1/orders/${intent.of.orderId}/cancel`, scope: 'admin', body: {} };
    case 'adjust':
      return {
        where: `/v1/skus/${intent.sku}/adjustments`,
        scope: 'admin',
        body: { delta: intent.delta, reason: 'count' },
      };
  }
}
