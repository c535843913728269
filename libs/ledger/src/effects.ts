/**
 * What a run of journal entries comes to: the ledger's rows afterwards, as net changes. Entries are in the order of
 * their journal, so a reservation that is held and released in one batch is written once, as released, and a level
 * moves by the sum. Pure; the constraints judge the result.
 */
import { createHash } from 'node:crypto';
import type {
  HeldEntry,
  JournalEntry,
  JournalLine,
  PayingEntry,
  ReservationStatus,
  SettledEntry,
} from '#domain';
import { uuidOf } from '#platform';
import type { LineState } from './schema.js';

export type ReservationRow = {
  id: string;
  status: ReservationStatus | 'pending';
  buyer_id: string;
  partitions: readonly number[];
  metadata: string | null;
  /** Instants in milliseconds since 1970. */
  created_at: number;
  expires_at: number;
};
/** What is null stays as it is. */
export type ReservationChange = {
  id: string;
  status: ReservationStatus | null;
  expires_at: number | null;
  payment_id: string | null;
  payment_deadline: number | null;
  /** A decision on money that came late, rather than on a hold. */
  late: boolean;
};
export type PaymentRow = {
  id: string;
  reservation_id: string;
  provider: string;
  amount: number;
  currency: string;
  created_at: number;
};
export type LineRow = {
  reservation_id: string;
  sku: string;
  quantity: number;
  partition: number;
  state: LineState;
  created_at: number;
};
export type LevelChange = {
  sku: string;
  partition: number;
  created_at: string;
  /** A level that the batch creates: the changes count from zero. */
  created: boolean;
  on_hand: number;
  held: number;
  committed: number;
  version: number;
  /** Whether the policy below is news. */
  policy: boolean;
  buyer_limit: number | null;
  hold_ttl_seconds: number | null;
};
export type BuyerChange = {
  sku: string;
  buyer_id: string;
  held: number;
  committed: number;
  /** Whether units were taken, under the limit below. */
  granted: boolean;
  buyer_limit: number | null;
};
export type Effects = {
  /** New, or known so far only as pending. */
  readonly reservations: readonly ReservationRow[];
  readonly reservationChanges: readonly ReservationChange[];
  readonly payments: readonly PaymentRow[];
  readonly lines: readonly LineRow[];
  readonly lineChanges: readonly Pick<LineRow, 'reservation_id' | 'sku' | 'state'>[];
  readonly levels: readonly LevelChange[];
  readonly buyers: readonly BuyerChange[];
  readonly orders: readonly {
    id: string;
    reservation_id: string;
    buyer_id: string;
    payment_id: string | null;
    created_at: string;
  }[];
  /** Reservations whose units a cancellation has brought back. */
  readonly cancelled: readonly string[];
};

const iso = (ms: number): string => new Date(ms).toISOString();

/** What a line is then, and by how many of its units the level moves. */
const settlements = {
  released: { state: 'returned', held: -1, committed: 0 },
  expired: { state: 'returned', held: -1, committed: 0 },
  confirmed: { state: 'committed', held: -1, committed: 1 },
  reacquired: { state: 'committed', held: 0, committed: 1 },
  cancelled: { state: 'returned', held: 0, committed: -1 },
} as const satisfies Record<SettledEntry['kind'], { state: LineState; held: number; committed: number }>;

export function effectsOf(entries: readonly JournalEntry[]): Effects {
  const sum = new EffectsSum();
  for (const entry of entries) sum.add(entry);
  return sum.result();
}

/** The id of the order that confirming a reservation makes: given by the reservation, so a replay makes it again. */
export function orderIdOf(reservationId: string): string {
  return uuidOf(createHash('sha256').update(`order of ${reservationId}`).digest());
}

class EffectsSum {
  private readonly reservations = new Map<string, ReservationRow>();
  private readonly reservationChanges = new Map<string, ReservationChange>();
  private readonly payments: PaymentRow[] = [];
  private readonly lines = new Map<string, LineRow>();
  private readonly lineChanges = new Map<string, Pick<LineRow, 'reservation_id' | 'sku' | 'state'>>();
  private readonly levels = new Map<string, LevelChange>();
  private readonly buyers = new Map<string, BuyerChange>();
  private readonly orders = new Map<string, Effects['orders'][number]>();
  private readonly cancelled: string[] = [];

  add(entry: JournalEntry): void {
    switch (entry.kind) {
      case 'sku-created':
        return this.level(entry, entry, { onHand: entry.onHand, created: true, policy: entry });
      case 'policy-changed':
        return this.level(entry, entry, { policy: entry });
      case 'adjusted':
        return this.level(entry, entry, { onHand: entry.delta });
      case 'held':
        return this.hold(entry);
      case 'extended':
        if (entry.decides) this.changeReservation(entry.reservationId, { expires_at: entry.expiresAtMs });
        return;
      case 'paying':
        return this.pay(entry);
      case 'payment-failed':
        return this.changeReservation(entry.reservationId, { status: 'held' });
      case 'refund-due':
        return this.changeReservation(entry.reservationId, { status: 'refund-due' }, true);
      case 'released':
      case 'expired':
      case 'confirmed':
      case 'reacquired':
      case 'cancelled':
        return this.settle(entry);
    }
  }

  result(): Effects {
    return {
      reservations: [...this.reservations.values()],
      reservationChanges: [...this.reservationChanges.values()],
      payments: this.payments,
      lines: [...this.lines.values()],
      lineChanges: [...this.lineChanges.values()],
      levels: [...this.levels.values()],
      buyers: [...this.buyers.values()],
      orders: [...this.orders.values()],
      cancelled: this.cancelled,
    };
  }

  private hold(entry: JournalEntry & HeldEntry): void {
    const { reservationId: id, buyerId: buyer_id, partitions, metadata, partition } = entry;
    const { atMs: created_at, expiresAtMs: expires_at } = entry;
    const status = partitions[0] === partition ? 'held' : 'pending';
    if (!entry.revived && (status === 'held' || !this.reservations.has(id))) {
      this.reservations.set(id, { id, status, buyer_id, partitions, metadata, created_at, expires_at });
    }
    for (const line of entry.lines) {
      const { sku, quantity } = line;
      const row: LineRow = { reservation_id: id, sku, quantity, partition, state: 'held', created_at };
      this.lines.set(`${id} ${sku}`, row);
      // Given back before, in the same batch: this is the later word.
      this.lineChanges.delete(`${id} ${sku}`);
      this.move(entry, line, buyer_id, { held: quantity, granted: true });
    }
  }

  private pay(entry: JournalEntry & PayingEntry): void {
    const { reservationId: reservation_id, paymentId: id, provider } = entry;
    const { value: amount, currency } = entry.amount;
    this.payments.push({ id, reservation_id, provider, amount, currency, created_at: entry.atMs });
    const change = { payment_id: id, payment_deadline: entry.deadlineMs };
    this.changeReservation(reservation_id, { status: 'paying', ...change });
  }

  private settle(entry: JournalEntry & SettledEntry): void {
    const { reservationId: id, buyerId, kind } = entry;
    const { state, held: heldBy, committed: committedBy } = settlements[kind];
    const sold = kind === 'confirmed' || kind === 'reacquired';
    if (kind === 'cancelled') this.cancelled.push(id);
    else if (entry.decides)
      this.changeReservation(id, { status: sold ? 'confirmed' : kind }, kind === 'reacquired');
    if (sold && entry.decides) {
      this.orders.set(id, {
        id: orderIdOf(id),
        reservation_id: id,
        buyer_id: buyerId,
        payment_id: entry.paymentId,
        created_at: iso(entry.atMs),
      });
    }
    for (const line of entry.lines) {
      const held = this.lines.get(`${id} ${line.sku}`);
      if (held) held.state = state;
      else this.lineChanges.set(`${id} ${line.sku}`, { reservation_id: id, sku: line.sku, state });
      this.move(entry, line, buyerId, {
        held: heldBy * line.quantity,
        committed: committedBy * line.quantity,
        granted: kind === 'reacquired',
      });
    }
  }

  private changeReservation(
    id: string,
    change: Partial<Omit<ReservationChange, 'status'>> & { status?: ReservationStatus },
    late = false,
  ): void {
    const before = this.reservationChanges.get(id);
    const row = this.reservations.get(id);
    // A payment is no part of a new row: from the first one on, what happens to it is a change.
    if (!before && row && change.payment_id === undefined) return void Object.assign(row, change);
    const unchanged = { id, status: null, expires_at: null, payment_id: null, payment_deadline: null, late };
    this.reservationChanges.set(id, { ...unchanged, ...before, ...change });
  }

  private move(
    entry: JournalEntry,
    line: JournalLine,
    buyerId: string,
    change: { held?: number; committed?: number; granted?: boolean },
  ): void {
    this.level(entry, line, change);
    const key = `${line.sku} ${buyerId}`;
    const buyer = this.buyers.get(key) ?? {
      sku: line.sku,
      buyer_id: buyerId,
      held: 0,
      committed: 0,
      granted: false,
      buyer_limit: null,
    };
    this.buyers.set(key, buyer);
    buyer.held += change.held ?? 0;
    buyer.committed += change.committed ?? 0;
    if (change.granted) Object.assign(buyer, { granted: true, buyer_limit: line.buyerLimit });
  }

  private level(
    entry: JournalEntry,
    { sku, version }: { sku: string; version: number },
    change: {
      onHand?: number;
      held?: number;
      committed?: number;
      created?: boolean;
      policy?: { buyerLimit: number | null; holdTtlSeconds: number };
    },
  ): void {
    const level = this.levels.get(sku) ?? {
      sku,
      partition: entry.partition,
      created_at: iso(entry.atMs),
      created: change.created ?? false,
      on_hand: 0,
      held: 0,
      committed: 0,
      version,
      policy: false,
      buyer_limit: null,
      hold_ttl_seconds: null,
    };
    this.levels.set(sku, level);
    level.on_hand += change.onHand ?? 0;
    level.held += change.held ?? 0;
    level.committed += change.committed ?? 0;
    level.version = version;
    if (change.policy) {
      const { buyerLimit, holdTtlSeconds } = change.policy;
      Object.assign(level, { policy: true, buyer_limit: buyerLimit, hold_ttl_seconds: holdTtlSeconds });
    }
  }
}
