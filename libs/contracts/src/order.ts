/** Orders on the wire: what a confirmation made of a reservation. */
import { z } from 'zod';
import { reservation, reservationLines } from './reservation.js';
import { buyerId, instant, uuid } from './scalars.js';

export const wireOrderStatuses = ['confirmed', 'fulfilled', 'cancelled'] as const;

export const order = z
  .strictObject({
    id: uuid,
    reservationId: uuid,
    buyerId,
    lines: reservationLines,
    status: z.enum(wireOrderStatuses),
    createdAt: instant,
  })
  .meta({ id: 'Order' });
export type WireOrder = z.infer<typeof order>;

export const confirmation = z.strictObject({ reservation, order }).meta({ id: 'Confirmation' });
export type WireConfirmation = z.infer<typeof confirmation>;
