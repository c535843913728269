/** Reservations on the wire: what a checkout sends, and what it gets. */
import { z } from 'zod';
import {
  buyerId,
  instant,
  metadata,
  paymentId,
  quantity,
  sku,
  ttlSeconds,
  uuid,
  wireLimits,
} from './scalars.js';

export const wireReservationStatuses = [
  'held',
  'paying',
  'released',
  'expired',
  'late-paid',
  'refund-due',
  'refunded',
  'confirmed',
  'fulfilled',
  'cancelled',
] as const;

const reservationLine = z.strictObject({ sku, quantity });
export const reservationLines = z.array(reservationLine).min(1).max(wireLimits.cartLinesMax);

/** Lines of one SKU count together, so their sum, too, has to be a number that can be counted. */
function sumsAreSafe(lines: readonly { sku: string; quantity: number }[]): boolean {
  const sums = new Map<string, number>();
  for (const line of lines) {
    const sum = (sums.get(line.sku) ?? 0) + line.quantity;
    // A quantity that is itself too large has been named already.
    if (!Number.isSafeInteger(sum)) return !Number.isSafeInteger(line.quantity);
    sums.set(line.sku, sum);
  }
  return true;
}

export const reserveBody = z.strictObject({
  buyerId,
  lines: reservationLines.refine(sumsAreSafe, {
    error: 'The quantities of one SKU add up to more than can be counted exactly',
  }),
  ttlSeconds: ttlSeconds.optional(),
  metadata: metadata.optional(),
});
export type ReserveBody = z.infer<typeof reserveBody>;

export const extendBody = z.strictObject({ ttlSeconds });

export const confirmBody = z.strictObject({ paymentId: paymentId.optional() });

export const reservation = z
  .strictObject({
    id: uuid,
    status: z.enum(wireReservationStatuses),
    buyerId,
    lines: reservationLines,
    expiresAt: instant,
    createdAt: instant,
    metadata: metadata.optional(),
    orderId: uuid.optional(),
    paying: z
      .strictObject({ paymentId: uuid, deadline: instant })
      .optional()
      .meta({ description: 'While a payment is under way: which, and until when it keeps the units' }),
  })
  .meta({ id: 'Reservation' });
export type WireReservation = z.infer<typeof reservation>;
