/**
 * What a buyer has: units of one or more SKUs, promised until a deadline, and what may become of them.
 *
 * The life of a reservation is the table below: total by type, so a new status does not compile until every event
 * has an answer. The Redis functions and the ledger decide by the same table; the specs hold them to it.
 */
export const reservationStatuses = [
  'held',
  /** A payment has been started: the units are kept until its own deadline. */
  'paying',
  'released',
  'expired',
  /** Money has come for what had been released or had expired: units are looked for. */
  'late-paid',
  /** There were none: the money goes back. */
  'refund-due',
  'refunded',
  'confirmed',
  'fulfilled',
  'cancelled',
] as const;
export type ReservationStatus = (typeof reservationStatuses)[number];

export type ReservationLine = { readonly sku: string; readonly quantity: number };

export type Reservation = {
  readonly id: string;
  readonly status: ReservationStatus;
  readonly buyerId: string;
  readonly lines: readonly ReservationLine[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** The buyer's own words, a JSON object kept exactly as it was sent; null when none was. */
  readonly metadata: string | null;
  /** The order that a confirmation made; null before. */
  readonly orderId: string | null;
  /** While it is paying: the payment, and until when it keeps the units. */
  readonly paying: Paying | null;
};

export type Paying = { readonly paymentId: string; readonly deadlineMs: number };

/**
 * extend, release, pay, confirm, fulfil, cancel: what people ask for · expire: the deadline in force has come ·
 * fail, capture: what the provider says of a payment · reacquire, owe: units were found, or not, for money that came
 * late · refund: it has gone back.
 */
export type ReservationEvent =
  | 'extend'
  | 'release'
  | 'expire'
  | 'pay'
  | 'fail'
  | 'capture'
  | 'reacquire'
  | 'owe'
  | 'refund'
  | 'confirm'
  | 'fulfil'
  | 'cancel';

/**
 * What an event does to a reservation:
 * a status: it moves there · `same`: it has happened already, or does not matter any more: the same answer again ·
 * `pending`: a payment is being decided, ask again · `too-late`: something else ended the reservation first ·
 * `too-early`: what the event builds on has not happened.
 */
export type Transition = ReservationStatus | 'same' | 'pending' | 'too-late' | 'too-early';

export const reservationTransitions = {
  held: {
    extend: 'held',
    release: 'released',
    expire: 'expired',
    pay: 'paying',
    fail: 'same',
    capture: 'confirmed',
    reacquire: 'too-early',
    owe: 'too-early',
    refund: 'too-early',
    confirm: 'confirmed',
    fulfil: 'too-early',
    cancel: 'too-early',
  },
  paying: {
    extend: 'pending',
    release: 'pending',
    expire: 'expired',
    pay: 'same',
    fail: 'held',
    capture: 'confirmed',
    reacquire: 'too-early',
    owe: 'too-early',
    refund: 'too-early',
    confirm: 'pending',
    fulfil: 'too-early',
    cancel: 'too-early',
  },
  released: {
    extend: 'too-late',
    release: 'same',
    expire: 'same',
    pay: 'too-late',
    fail: 'same',
    capture: 'late-paid',
    reacquire: 'too-early',
    owe: 'too-early',
    refund: 'too-early',
    confirm: 'too-late',
    fulfil: 'too-late',
    cancel: 'too-late',
  },
  expired: {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    pay: 'too-late',
    fail: 'same',
    capture: 'late-paid',
    reacquire: 'too-early',
    owe: 'too-early',
    refund: 'too-early',
    confirm: 'too-late',
    fulfil: 'too-late',
    cancel: 'too-late',
  },
  'late-paid': {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    pay: 'too-late',
    fail: 'same',
    capture: 'same',
    reacquire: 'confirmed',
    owe: 'refund-due',
    refund: 'too-early',
    confirm: 'pending',
    fulfil: 'too-early',
    cancel: 'too-early',
  },
  'refund-due': {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    pay: 'too-late',
    fail: 'same',
    capture: 'same',
    reacquire: 'too-late',
    owe: 'same',
    refund: 'refunded',
    confirm: 'too-late',
    fulfil: 'too-late',
    cancel: 'too-late',
  },
  refunded: {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    pay: 'too-late',
    fail: 'same',
    capture: 'same',
    reacquire: 'too-late',
    owe: 'same',
    refund: 'same',
    confirm: 'too-late',
    fulfil: 'too-late',
    cancel: 'too-late',
  },
  confirmed: {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    pay: 'too-late',
    fail: 'same',
    capture: 'same',
    reacquire: 'same',
    owe: 'too-late',
    refund: 'too-late',
    confirm: 'same',
    fulfil: 'fulfilled',
    cancel: 'cancelled',
  },
  fulfilled: {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    pay: 'too-late',
    fail: 'same',
    capture: 'same',
    reacquire: 'same',
    owe: 'too-late',
    refund: 'too-late',
    confirm: 'same',
    fulfil: 'same',
    cancel: 'too-late',
  },
  cancelled: {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    pay: 'too-late',
    fail: 'same',
    capture: 'same',
    reacquire: 'too-late',
    owe: 'too-late',
    refund: 'too-late',
    confirm: 'too-late',
    fulfil: 'too-late',
    cancel: 'same',
  },
} as const satisfies Record<ReservationStatus, Record<ReservationEvent, Transition>>;

/**
 * The status in which a reservation is seen at an instant of the store's clock: one whose deadline in force has come
 * has lapsed, whether or not the sweeper has tidied it.
 */
export function statusAt(
  { status, expiresAtMs, paying }: Pick<Reservation, 'status' | 'expiresAtMs' | 'paying'>,
  nowMs: number,
): ReservationStatus {
  const deadlineMs = status === 'held' ? expiresAtMs : status === 'paying' ? paying?.deadlineMs : undefined;
  return deadlineMs !== undefined && deadlineMs <= nowMs ? 'expired' : status;
}

/** Lines of one SKU become one line, in the order of first mention. The sum may exceed what is safe: check it. */
export function mergeLines(lines: readonly ReservationLine[]): readonly ReservationLine[] {
  if (lines.length === 1) return lines;
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return Array.from(quantities, ([sku, quantity]) => ({ sku, quantity }));
}
