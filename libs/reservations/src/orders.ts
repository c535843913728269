/**
 * Orders: what the ledger alone decides. A cancellation is final once the ledger has it; the units come back from
 * the outbox, here at once when the stock store answers, else by the sweeper.
 */
import { reservationTransitions, type JournalPosition, type Order } from '#domain';
import { linesByPartition } from '#stock';
import { Finality } from './finality.js';
import type { Parts } from './ports.js';
import type {
  Answer,
  Operation,
  OrderOutcome,
  OrderUseCases,
  Page,
  PageRequest,
  Present,
} from './use-cases.js';

type ListFilter = Parameters<OrderUseCases['list']>[0];

/** Cancelled orders whose units are brought back in one go. */
const returnedAtOnceMax = 100;

export class Orders implements OrderUseCases {
  private readonly finality: Finality;

  constructor(private readonly parts: Parts) {
    this.finality = new Finality(parts);
  }

  find(orderId: string): Promise<Order | undefined> {
    const { onItsWay, reservations } = this.parts;
    return onItsWay.find(() => reservations.findOrder(orderId));
  }

  list(filter: ListFilter, page: PageRequest): Promise<Page<Order>> {
    return this.parts.reservations.listOrders(filter, page);
  }

  async fulfil(
    operation: Operation,
    command: { orderId: string },
    present: Present<OrderOutcome>,
  ): Promise<Answer> {
    const outcome = await this.end(command.orderId, 'fulfil');
    return this.finality.conclude(operation, present(outcome), []);
  }

  async cancel(
    operation: Operation,
    command: { orderId: string },
    present: Present<OrderOutcome>,
  ): Promise<Answer> {
    const outcome = await this.end(command.orderId, 'cancel');
    // The order is cancelled whether or not the units can come back this instant.
    const returned =
      outcome.kind === 'done' ? await this.returnUnits(outcome.order.reservationId).catch(() => []) : [];
    return this.finality.conclude(operation, present(outcome), returned);
  }

  /**
   * Brings units of cancelled orders back to the shelf: of one, or of the oldest that wait. Safe to repeat. A store that was
   * filled since the look has forgotten whether they are back: then the next look has them, if they are not.
   */
  async returnUnits(reservationId: string | null = null): Promise<JournalPosition[]> {
    const waiting = await this.parts.reservations.unreturned(returnedAtOnceMax, reservationId);
    const returned = waiting.flatMap(({ lines, epochs, ...order }) =>
      Array.from(linesByPartition(lines, this.parts.partitionCount), ([partition, part]) =>
        this.parts.desk.cancel(partition, {
          epoch: epochs.get(partition)!,
          command: { ...order, lines: part },
        }),
      ),
    );
    return Promise.all(returned);
  }

  private async end(orderId: string, event: 'fulfil' | 'cancel'): Promise<OrderOutcome> {
    const { onItsWay, reservations } = this.parts;
    const ended = await onItsWay.find(async () => {
      const moved = await reservations.endOrder(orderId, event === 'fulfil' ? 'fulfilled' : 'cancelled');
      const order = await reservations.findOrder(orderId);
      return order && { moved, order };
    });
    if (!ended) return { kind: 'unknown-order' };
    const { moved, order } = ended;
    const same = reservationTransitions[order.status][event] === 'same';
    return { kind: moved || same ? 'done' : 'too-late', order };
  }
}
