/** Payments on the wire: what a checkout asks for, and how it stands. */
import { z } from 'zod';
import { reservation } from './reservation.js';
import { instant, uuid, wireLimits } from './scalars.js';

export const wirePaymentStatuses = [
  'created',
  'pending',
  'captured',
  'failed',
  'refund-due',
  'refunded',
] as const;

const money = z
  .strictObject({
    value: z
      .int()
      .min(1)
      .max(wireLimits.minorUnitsMax)
      .meta({ description: 'Minor units of the currency: cents, yen, fils' }),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, { error: 'A currency is three capital letters, as in ISO 4217' }),
  })
  .meta({ id: 'Money' });

export const payBody = z.strictObject({
  provider: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, {
    error: 'The name of a provider is lower-case letters, digits and dashes',
  }),
  amount: money,
});

export const payment = z
  .strictObject({
    id: uuid,
    reservationId: uuid,
    provider: z.string(),
    amount: money,
    status: z.enum(wirePaymentStatuses),
    createdAt: instant,
  })
  .meta({ id: 'Payment' });
export type WirePayment = z.infer<typeof payment>;

export const paymentStarted = z.strictObject({ reservation, payment }).meta({ id: 'PaymentStarted' });
