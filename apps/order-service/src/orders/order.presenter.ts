/** Outcomes of the order use cases, as answers. */
import type { WireOrder } from '#contracts';
import type { Order } from '#domain';
import type { Answer, OrderOutcome } from '#reservations';
import { jsonAnswer, problemAnswer } from '../http/answers.js';

export function presentOrder({ id, reservationId, buyerId, lines, status, createdAtMs }: Order): WireOrder {
  return {
    id,
    reservationId,
    buyerId,
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
    status,
    createdAt: new Date(createdAtMs).toISOString(),
  };
}

export function presentOrderOutcome(outcome: OrderOutcome): Answer {
  switch (outcome.kind) {
    case 'done':
      return jsonAnswer(200, presentOrder(outcome.order));
    case 'too-late': {
      const { id, status } = outcome.order;
      return problemAnswer(`order-${status}`, `The order is ${status} and can no longer change`, {
        orderId: id,
      });
    }
    case 'unknown-order':
      return unknownOrder;
  }
}

export const unknownOrder = problemAnswer('unknown-order', 'No order has this id');
