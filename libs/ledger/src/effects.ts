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
import type { Line, LineState } from './schema.js';

/** Where the lines of a reservation are held and sold, by partition; where neither, they have been given back. */
type Parts = { held_in: number[]; committed_in: number[] };

export type ReservationRow = Parts & {
  id: string;
  status: ReservationStatus | 'pending';
  buyer_id: string;
  partitions: readonly number[];
  metadata: string | null;
  /** Instants in milliseconds since 1970. */
  created_at: number;
  expires_at: number;
  lines: Line[];
};
/** What is null stays as it is. */
type ReservationChange = Parts & {
  id: string;
  /** The statuses that it changes; null: whatever it is, because only parts of it change. */
  of: readonly ReservationStatus[] | null;
  status: ReservationStatus | null;
  expires_at: number | null;
  payment_id: string | null;
  payment_deadline: number | null;
  /** The partitions whose lines change. */
  parts: number[];
  /** Of these, what the lines must have been before: whoever ends a hold or takes a sale back must have found it there. */
  from_held: number[];
  from_committed: number[];
  from_returned: number[];
};
type PaymentRow = {
  id: string;
  reservation_id: string;
  provider: string;
  amount: number;
  currency: string;
  created_at: number;
};
type LevelChange = {
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
type BuyerChange = {
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
  readonly levels: readonly LevelChange[];
  readonly buyers: readonly BuyerChange[];
  readonly orders: readonly {
    id: string;
    reservation_id: string;
    buyer_id: string;
    payment_id: string | null;
    created_at: string;
  }[];
  /** Reservations of which a part has come back, by a cancellation or after the deciding one: an order's may all be back. */
  readonly returned: readonly string[];
};

/** What a decision on a hold, and one on money that came late, may find. */
const live: readonly ReservationStatus[] = ['held', 'paying'];
const paidLate: readonly ReservationStatus[] = ['late-paid'];

type PartEntry = { readonly reservationId: string; readonly partition: number };

const hasPart = ({ lines }: ReservationRow, partition: number): boolean =>
  lines.some((line) => line.partition === partition);

const without = (list: number[], partition: number): number[] =>
  list.includes(partition) ? list.filter((one) => one !== partition) : list;

const iso = (ms: number): string => new Date(ms).toISOString();

/** What a line was and is then, and by how many of its units the level moves. */
const settlements = {
  released: { from: 'held', state: 'returned', held: -1, committed: 0 },
  expired: { from: 'held', state: 'returned', held: -1, committed: 0 },
  confirmed: { from: 'held', state: 'committed', held: -1, committed: 1 },
  reacquired: { from: 'returned', state: 'committed', held: 0, committed: 1 },
  cancelled: { from: 'committed', state: 'returned', held: 0, committed: -1 },
} as const satisfies Record<
  SettledEntry['kind'],
  { from: LineState; state: LineState; held: number; committed: number }
>;

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
  private readonly levels = new Map<string, LevelChange>();
  private readonly buyers = new Map<string, BuyerChange>();
  private readonly orders = new Map<string, Effects['orders'][number]>();
  private readonly returned = new Set<string>();

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
        return this.changeReservation(entry.reservationId, { status: 'refund-due' }, paidLate);
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
      reservationChanges: [...this.reservationChanges.values()].filter(
        ({ of, parts }) => of || parts.length > 0,
      ),
      payments: this.payments,
      levels: [...this.levels.values()],
      buyers: [...this.buyers.values()],
      orders: [...this.orders.values()],
      returned: [...this.returned],
    };
  }

  private hold(entry: JournalEntry & HeldEntry): void {
    const { reservationId: id, buyerId: buyer_id, partitions, metadata, partition } = entry;
    const { atMs: created_at, expiresAtMs: expires_at } = entry;
    const status = partitions[0] === partition ? 'held' : 'pending';
    let row = this.reservations.get(id);
    if (!entry.revived && (!row || status === 'held')) {
      const { lines, held_in, committed_in } = row ?? { lines: [], held_in: [], committed_in: [] };
      row = {
        id,
        status,
        buyer_id,
        partitions,
        metadata,
        created_at,
        expires_at,
        lines,
        held_in,
        committed_in,
      };
      this.reservations.set(id, row);
    }
    // A part that is held again has its lines already.
    if (row && !entry.revived && !hasPart(row, partition))
      row.lines.push(...entry.lines.map(({ sku, quantity }) => ({ sku, quantity, partition })));
    this.setPart(entry, 'returned', 'held');
    for (const line of entry.lines) {
      this.move(entry, line, buyer_id, { held: line.quantity, granted: true });
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
    const { from, state, held: heldBy, committed: committedBy } = settlements[kind];
    const sold = kind === 'confirmed' || kind === 'reacquired';
    if (kind === 'cancelled' || (state === 'returned' && !entry.decides)) this.returned.add(id);
    if (kind !== 'cancelled' && entry.decides)
      this.changeReservation(
        id,
        { status: sold ? 'confirmed' : kind },
        kind === 'reacquired' ? paidLate : live,
      );
    if (sold && entry.decides) {
      this.orders.set(id, {
        id: orderIdOf(id),
        reservation_id: id,
        buyer_id: buyerId,
        payment_id: entry.paymentId,
        created_at: iso(entry.atMs),
      });
    }
    if (entry.lines.length > 0) this.setPart(entry, from, state);
    for (const line of entry.lines) {
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
    of: readonly ReservationStatus[] = live,
  ): void {
    const row = this.reservations.get(id);
    // A payment is no part of a new row: from the first one on, what happens to it is a change.
    if (!this.reservationChanges.has(id) && row && change.payment_id === undefined)
      return void Object.assign(row, change);
    const before = this.changeOf(id);
    Object.assign(before, change, { of: before.of ?? of });
  }

  private changeOf(id: string): ReservationChange {
    let change = this.reservationChanges.get(id);
    if (!change) {
      const unchanged = {
        of: null,
        status: null,
        expires_at: null,
        payment_id: null,
        payment_deadline: null,
      };
      const untouched = {
        held_in: [],
        committed_in: [],
        from_held: [],
        from_committed: [],
        from_returned: [],
      };
      change = { id, ...unchanged, parts: [], ...untouched };
      this.reservationChanges.set(id, change);
    }
    return change;
  }

  /** The lines that the entry's partition has of a reservation go together. */
  private setPart({ reservationId: id, partition }: PartEntry, from: LineState, state: LineState): void {
    const row = this.reservations.get(id);
    const isNew = row !== undefined && hasPart(row, partition);
    const change = isNew ? this.reservationChanges.get(id) : this.changeOf(id);
    // What the same batch has said of the part before: this is the later word.
    for (const parts of [row, change]) {
      if (!parts) continue;
      parts.held_in = without(parts.held_in, partition);
      parts.committed_in = without(parts.committed_in, partition);
    }
    if (!isNew && !change!.parts.includes(partition)) change![`from_${from}`].push(partition);
    if (change) change.parts = without(change.parts, partition);
    if (!isNew) change!.parts.push(partition);
    const parts = isNew ? row : change!;
    if (state === 'held') parts.held_in.push(partition);
    if (state === 'committed') parts.committed_in.push(partition);
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
