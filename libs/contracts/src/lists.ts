/** Lists on the wire: `limit` and `cursor` in, one page and the cursor of the next one out. */
import { z } from 'zod';
import { wireOrderStatuses } from './order.js';
import { wirePaymentStatuses } from './payment.js';
import { wireReservationStatuses } from './reservation.js';
import { buyerId, sku, uuid, wireLimits } from './scalars.js';

export const limit = z
  .string()
  .regex(/^[1-9][0-9]{0,3}$/, { error: 'A limit is a number in plain decimal digits' })
  .refine((digits) => Number(digits) <= wireLimits.pageSizeMax, {
    error: `A limit is 1 to ${wireLimits.pageSizeMax}`,
  })
  .optional()
  .meta({ description: '1 to 1000; 50 when not given' });

/** Opaque; whether it is one of ours is for the one who made it to say. */
export const cursor = z.string().optional();

export const listSkusQuery = z.strictObject({ limit, cursor });
export const listReservationsQuery = z.strictObject({
  limit,
  cursor,
  buyerId: buyerId.optional(),
  status: z.enum(wireReservationStatuses).optional(),
  sku: sku.optional(),
});
export const listOrdersQuery = z.strictObject({
  limit,
  cursor,
  status: z.enum(wireOrderStatuses).optional(),
});

export const listPaymentsQuery = z.strictObject({
  limit,
  cursor,
  reservationId: uuid.optional(),
  status: z.enum(wirePaymentStatuses).optional(),
});

/** One page of a list, and the cursor of the next: null at the end. */
export function pageOf<Row extends z.ZodType>(row: Row) {
  return z.strictObject({ data: z.array(row), nextCursor: z.string().nullable() });
}
