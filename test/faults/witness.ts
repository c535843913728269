/**
 * What the service has said, kept by those it said it to: every acknowledgement, and every request that got none. The
 * harness believes this record and nothing else; whatever contradicts it is a finding.
 */
import { ContendedSku } from './contended-sku.js';
import type { HttpAnswer } from './http.js';
import type { Acknowledged, Change, Intent, Status } from './intent.js';
import { legalStatuses, type ChargeOf } from './legal-statuses.js';

export type Finding = {
  readonly kind:
    | 'lost'
    | 'oversold'
    | 'illegal-status'
    | 'early-expiry'
    | 'double-answer'
    | 'own-hold'
    | 'error'
    | 'units'
    | 'money'
    | 'invariant'
    | 'drift'
    | 'refused-by-the-ledger'
    | 'not-linearizable'
    | 'stuck'
    /** Of the harness itself, and not of what it looks at. */
    | 'harness';
  readonly what: string;
};

/** An answer that leaves the request open: it is to be asked again under the same key. */
export function isOpen({ status, text }: HttpAnswer): boolean {
  return status === 503 || status === 429 || text.includes('/problems/idempotency-in-progress');
}

const statusAfter = { release: 'released', confirm: 'confirmed', cancel: 'cancelled' } as const;

type ChangeBody = {
  readonly expiresAt?: string;
  readonly order?: { readonly id: string };
  readonly payment?: { readonly id: string; readonly amount: { readonly value: number } };
  readonly reservation?: { readonly paying: { readonly deadline: string } };
};

type Sku = { readonly onHand: number; adjusted: number; readonly openDeltas: Map<string, number> };

export class Witness {
  readonly reservations = new Map<string, Acknowledged>();
  readonly skus = new Map<string, Sku>();
  /** The cents of every payment that was acknowledged, by its id. */
  readonly payments = new Map<string, number>();
  /** Requests without an answer, by their key. */
  readonly unanswered = new Map<string, Intent>();
  /** The last that was said to them, which was no answer. */
  readonly openAnswers = new Map<string, string>();
  readonly findings: Finding[] = [];
  /** By SKU; what is not under way any more is judged and forgotten. */
  readonly contended = new Map<string, ContendedSku>();
  private readonly gone = new Set<string>();
  acknowledgements = 0;
  refusals = 0;

  constructor(
    private readonly chargeOf: ChargeOf,
    private readonly nowMs: () => number = Date.now,
  ) {}

  contested(sku: string, units: number): void {
    this.contended.set(sku, new ContendedSku(units));
  }

  stocked(sku: string, onHand: number): void {
    this.skus.set(sku, { onHand, adjusted: 0, openDeltas: new Map() });
  }

  /** Before it is sent for the first time: from now on it may happen. */
  sending(intent: Intent): void {
    this.unanswered.set(intent.key, intent);
    this.contendedOf(intent)?.began(intent);
    if ('of' in intent) intent.of.open.add(intent.kind);
    if (intent.kind === 'adjust') this.skus.get(intent.sku)!.openDeltas.set(intent.key, intent.delta);
  }

  /** One attempt got no answer, or one that leaves it open. */
  leftOpen(intent: Intent, what: string): void {
    this.openAnswers.set(intent.key, what);
    this.contendedOf(intent)?.lapsed(intent);
  }

  /** The final answer to an intent. @returns the reservation that it acknowledged. */
  answered(intent: Intent, answer: HttpAnswer): Acknowledged | undefined {
    if (answer.status >= 500 || answer.status === 404) {
      this.find(answer.status === 404 && intent.kind !== 'adjust' ? 'lost' : 'error', intent, answer);
      if (answer.status >= 500) return undefined;
    }
    this.unanswered.delete(intent.key);
    this.openAnswers.delete(intent.key);
    this.contendedOf(intent)?.ended(intent, answer);
    const { status } = answer;
    if (status === 200 || status === 201) this.acknowledgements += 1;
    else this.refusals += 1;
    switch (intent.kind) {
      case 'reserve':
        return this.reserved(intent, answer);
      case 'adjust': {
        const sku = this.skus.get(intent.sku)!;
        sku.openDeltas.delete(intent.key);
        if (status === 200) sku.adjusted += intent.delta;
        return undefined;
      }
      case 'extend':
      case 'release':
      case 'confirm':
      case 'pay':
      case 'cancel':
        this.changed(intent, answer);
        return undefined;
    }
  }

  /** Compares a status that the ledger or an answer shows with what may be, and believes it then. */
  observe(of: Acknowledged, status: Status | undefined): void {
    const nowMs = this.nowMs();
    const said = `${of.id} was ${describe(of, this.chargeOf)}`;
    if (status === undefined) return this.lose(of.id, `${said}, and is nowhere`);
    if (!legalStatuses(of, nowMs, this.chargeOf).has(status)) {
      const early = status === 'expired' && (of.status === 'held' || of.status === 'paying');
      this.add(
        early ? 'early-expiry' : 'illegal-status',
        `${said}, and is ${status} at ${new Date(nowMs).toISOString()}`,
      );
    }
    of.status = status;
  }

  /** Units of a SKU that acknowledgements have given away and not taken back, beyond those there ever were. */
  oversold(nowMs: number): { sku: string; units: number }[] {
    const used = new Map<string, number>();
    for (const of of this.reservations.values()) {
      const held = this.keptUntilMs(of) > nowMs && of.open.size === 0;
      if (!held && of.status !== 'confirmed') continue;
      if (of.open.has('cancel')) continue;
      for (const { sku, quantity } of of.lines) used.set(sku, (used.get(sku) ?? 0) + quantity);
    }
    return [...this.skus].flatMap(([sku, { onHand, adjusted, openDeltas }]) => {
      const gained = [...openDeltas.values()]
        .filter((delta) => delta > 0)
        .reduce((sum, delta) => sum + delta, 0);
      const units = (used.get(sku) ?? 0) - (onHand + adjusted + gained);
      return units > 0 ? [{ sku, units }] : [];
    });
  }

  /** Until when its buyer has the units for sure, if it was not sold; 0: no longer. */
  private keptUntilMs({ status, expiresAtMs, payingUntilMs, payments }: Acknowledged): number {
    if (status === 'held') return expiresAtMs;
    if (status !== 'paying') return 0;
    return this.chargeOf(payments.at(-1) ?? '') === 'failed' ? expiresAtMs : payingUntilMs;
  }

  /** Counted once, however often it is asked for after that. */
  private lose(id: string, what: string): void {
    if (this.gone.has(id)) return;
    this.gone.add(id);
    this.add('lost', what);
  }

  add(kind: Finding['kind'], what: string): void {
    this.findings.push({ kind, what });
  }

  private contendedOf(intent: Intent): ContendedSku | undefined {
    const lines = 'of' in intent ? intent.of.lines : 'lines' in intent ? intent.lines : [];
    return this.contended.get(lines[0]?.sku ?? '');
  }

  private find(kind: Finding['kind'], intent: Intent, answer: HttpAnswer): void {
    const subject = 'of' in intent ? ` of ${intent.of.id} (${intent.of.status})` : '';
    const what = `${intent.kind}${subject} under ${intent.key}: ${answer.status} ${answer.text.slice(0, 300)}`;
    if (kind === 'lost' && 'of' in intent) this.lose(intent.of.id, what);
    else this.add(kind, what);
  }

  private reserved(intent: Intent & { kind: 'reserve' }, answer: HttpAnswer): Acknowledged | undefined {
    if (answer.status !== 201) {
      // Every buyer of the load comes once, so nothing but its own hold can be in its way.
      if (answer.text.includes('/problems/duplicate-reservation')) this.find('own-hold', intent, answer);
      else if (answer.status !== 409) this.find('error', intent, answer);
      return undefined;
    }
    const { id, expiresAt } = JSON.parse(answer.text) as { id: string; expiresAt: string };
    const known = this.reservations.get(id);
    if (known) {
      this.find('double-answer', intent, answer);
      return known;
    }
    const acknowledged: Acknowledged = {
      id,
      intent,
      answer: answer.text,
      lines: intent.lines,
      status: 'held',
      expiresAtMs: Date.parse(expiresAt),
      payingUntilMs: 0,
      payments: [],
      orderId: null,
      open: new Set(),
      checked: false,
    };
    this.reservations.set(id, acknowledged);
    return acknowledged;
  }

  private changed(intent: Intent & { kind: Change }, answer: HttpAnswer): void {
    const { of, kind } = intent;
    of.checked = false;
    const ended = /\/problems\/(?:reservation|order)-([a-z-]+)"/.exec(answer.text)?.[1];
    if (answer.status === 200) this.done(of, kind, answer);
    else if (answer.status === 409 && ended) this.observe(of, ended as Status);
    else if (answer.text.includes('/problems/payment-pending')) this.isPaying(intent, answer);
    else if (answer.status !== 404) this.find('error', intent, answer);
    if (!this.isUnanswered(of, kind)) of.open.delete(kind);
  }

  /** Another of its kind, under another key, may have happened as well. */
  private isUnanswered(of: Acknowledged, kind: Change): boolean {
    return [...this.unanswered.values()].some(
      (other) => 'of' in other && other.of === of && other.kind === kind,
    );
  }

  private done(of: Acknowledged, kind: Change, answer: HttpAnswer): void {
    const body = JSON.parse(answer.text) as ChangeBody;
    if (kind === 'extend') of.expiresAtMs = Math.max(of.expiresAtMs, Date.parse(body.expiresAt!));
    else if (kind === 'pay') this.payingBegan(of, body);
    // A replay says what was true when it was first said.
    else if (!(answer.replayed && of.status === 'cancelled')) this.observe(of, statusAfter[kind]);
    if (kind === 'confirm') of.orderId = body.order!.id;
  }

  /** Said as it was when the payment began, whatever has become of it since. */
  private payingBegan(of: Acknowledged, { payment, reservation }: ChangeBody): void {
    if (of.payments.includes(payment!.id)) return;
    of.payments.push(payment!.id);
    of.payingUntilMs = Date.parse(reservation!.paying.deadline);
    if (of.status === 'held') of.status = 'paying';
    this.payments.set(payment!.id, payment!.amount.value);
  }

  /** Nothing was done, because of a payment: somebody must have asked for one. */
  private isPaying(intent: Intent & { kind: Change }, answer: HttpAnswer): void {
    const { payments, open } = intent.of;
    if (payments.length === 0 && !open.has('pay')) this.find('error', intent, answer);
  }
}

/** What was last said of it. */
function describe(
  { status, expiresAtMs, payingUntilMs, payments }: Acknowledged,
  chargeOf: ChargeOf,
): string {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const paid = payments.map((id) => `, payment ${id} until ${iso(payingUntilMs)}: ${chargeOf(id)}`);
  return `${status} until ${iso(expiresAtMs)}${paid.join('')}`;
}
