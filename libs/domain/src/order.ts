/** A confirmed reservation: its units are sold. Fulfilment is noted and moves none; a cancellation brings them back. */
import type { ReservationLine } from './reservation.js';

export const orderStatuses = ['confirmed', 'fulfilled', 'cancelled'] as const;
export type OrderStatus = (typeof orderStatuses)[number];

export type Order = {
  readonly id: string;
  readonly reservationId: string;
  readonly buyerId: string;
  readonly lines: readonly ReservationLine[];
  readonly status: OrderStatus;
  readonly createdAtMs: number;
};
