/** A confirmed reservation: its units are sold, and leave the shelf or come back. */
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
