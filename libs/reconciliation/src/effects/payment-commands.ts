/**
 * What reconciliation has the payments do: it tells them what the provider has, as a webhook would. What the money then
 * means, an order or a refund that is due, the payments decide, under their own locks, once.
 */
import { createHash } from 'node:crypto';
import type { PaymentStatus } from '#domain';
import { PaymentRepository, type Database } from '#ledger';
import { uuidOf } from '#platform';
import type { CommandOutcome, PaymentCommands } from './effects.js';

export function paymentCommandsOf(db: Database): PaymentCommands {
  const payments = new PaymentRepository(db);
  return {
    async captured({ paymentId, providerPaymentId, amount }) {
      return outcomeOf(await payments.heard(paymentId, { providerPaymentId, status: 'captured', amount }));
    },

    async capturedTwice({ provider, reservationId, providerPaymentId, amount }) {
      // The id follows from the charge: told again, it is the same payment.
      const digest = createHash('sha256')
        .update(JSON.stringify([provider, providerPaymentId]))
        .digest();
      const paymentId = uuidOf(digest);
      const known = await payments.adopt({
        id: paymentId,
        reservationId,
        provider,
        providerPaymentId,
        amount,
      });
      if (!known) return { kind: 'refused', detail: 'the charge is of another payment already' };
      return outcomeOf(await payments.heard(paymentId, { providerPaymentId, status: 'captured', amount }));
    },
  };
}

/** A payment that is not captured now is of another charge: a person has to look. */
function outcomeOf(status: PaymentStatus): CommandOutcome {
  const refused = status === 'created' || status === 'pending' || status === 'failed';
  return { kind: refused ? 'refused' : 'done', detail: `the payment is ${status}` };
}
