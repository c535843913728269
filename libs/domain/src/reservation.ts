/**
 * What a buyer has: units of one or more SKUs, promised until a deadline, and what may become of them.
 *
 * The life of a reservation is the table below: total by type, so a new status does not compile until every event
 * has an answer. The Redis functions and the ledger decide by the same table; the specs hold them to it.
 */
export const reservationStatuses = [
  'held',
  'released',
  'expired',
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
};

export type ReservationEvent = 'extend' | 'release' | 'expire' | 'confirm' | 'fulfil' | 'cancel';

/**
 * What an event does to a reservation:
 * a status: it moves there · `same`: it has happened already, the same answer again · `too-late`: something else
 * ended the reservation first · `too-early`: what the event builds on has not happened.
 */
export type Transition = ReservationStatus | 'same' | 'too-late' | 'too-early';

export const reservationTransitions = {
  held: {
    extend: 'held',
    release: 'released',
    expire: 'expired',
    confirm: 'confirmed',
    fulfil: 'too-early',
    cancel: 'too-early',
  },
  released: {
    extend: 'too-late',
    release: 'same',
    expire: 'same',
    confirm: 'too-late',
    fulfil: 'too-late',
    cancel: 'too-late',
  },
  expired: {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    confirm: 'too-late',
    fulfil: 'too-late',
    cancel: 'too-late',
  },
  confirmed: {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    confirm: 'same',
    fulfil: 'fulfilled',
    cancel: 'cancelled',
  },
  fulfilled: {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    confirm: 'same',
    fulfil: 'same',
    cancel: 'too-late',
  },
  cancelled: {
    extend: 'too-late',
    release: 'too-late',
    expire: 'same',
    confirm: 'too-late',
    fulfil: 'too-late',
    cancel: 'same',
  },
} as const satisfies Record<ReservationStatus, Record<ReservationEvent, Transition>>;

/**
 * The status in which a reservation is seen at an instant of the store's clock: a hold past its deadline has
 * lapsed, whether or not the sweeper has tidied it.
 */
export function statusAt(
  reservation: Pick<Reservation, 'status' | 'expiresAtMs'>,
  nowMs: number,
): ReservationStatus {
  return reservation.status === 'held' && reservation.expiresAtMs <= nowMs ? 'expired' : reservation.status;
}

/** Lines of one SKU become one line, in the order of first mention. The sum may exceed what is safe: check it. */
export function mergeLines(lines: readonly ReservationLine[]): ReservationLine[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return Array.from(quantities, ([sku, quantity]) => ({ sku, quantity }));
}
