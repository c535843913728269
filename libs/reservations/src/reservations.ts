/**
 * Extend, release and confirm: the ledger says which reservation it is, the deciding partition decides, the other
 * partitions of the cart follow, the ledger makes it final. The order of the steps is the same for all three.
 */
import {
  reservationTransitions,
  UnavailableError,
  type JournalPosition,
  type Order,
  type Reservation,
} from '#domain';
import { orderIdOf } from '#ledger';
import { linesByPartition, type Made } from '#stock';
import { Finality } from './finality.js';
import { actsWithinMs } from './ledger-staleness.js';
import type { NamedPayments } from './payments/named-payments.js';
import type { Parts } from './ports.js';
import { Reserve } from './reserve.js';
import type {
  Answer,
  ConfirmOutcome,
  KeyedRequest,
  Operation,
  Page,
  PageRequest,
  Present,
  ReservationFilter,
  ReservationOutcome,
  ReservationUseCases,
  ReserveCommand,
  ReserveOutcome,
} from './use-cases.js';

/** The ledger may be any that knows its reservations and takes commits: virtual time has one of its own. */
type Needs = Pick<Parts, 'clock' | 'desk' | 'durability' | 'partitionCount'> & {
  readonly cache: Pick<Parts['cache'], 'refuse' | 'take' | 'giveBack'>;
  readonly commits: Pick<Parts['commits'], 'commit'>;
  readonly onItsWay: Parts['onItsWay'];
  readonly reservations: Pick<Parts['reservations'], 'find' | 'findOrder' | 'firstMade' | 'list'>;
};
type Ended = { readonly kind: 'ended'; readonly sequence: number };
type Pending = { readonly kind: 'payment-pending'; readonly sequence: number };
type Unknown = { readonly kind: 'unknown' };
type Done = JournalPosition & { readonly nowMs: number };
type Event = 'extend' | 'release' | 'confirm';
type Settled =
  | { readonly kind: 'unknown-reservation' }
  /** It had happened before, or something else had. */
  | { readonly kind: 'as-it-is'; readonly reservation: Reservation }
  | {
      readonly kind: 'done';
      readonly reservation: Reservation;
      readonly decisions: readonly [Done, ...Done[]];
    };

export class Reservations implements ReservationUseCases {
  private readonly finality: Finality;
  private readonly reserving: Reserve;

  constructor(
    private readonly parts: Needs,
    /** Knows the payments that a confirmation may name; null: there are none. */
    private readonly named: NamedPayments | null = null,
  ) {
    this.finality = new Finality(parts);
    this.reserving = new Reserve(parts);
  }

  refuse(
    request: KeyedRequest,
    command: ReserveCommand,
    present: Present<ReserveOutcome>,
  ): Answer | undefined {
    return this.reserving.refuse(request, command, present);
  }

  reserve(operation: Operation, command: ReserveCommand, present: Present<ReserveOutcome>): Promise<Answer> {
    return this.reserving.run(operation, command, present);
  }

  async extend(
    operation: Operation,
    { reservationId, ttlSeconds }: { reservationId: string; ttlSeconds: number },
    present: Present<ReservationOutcome>,
  ): Promise<Answer> {
    const { desk } = this.parts;
    let expiresAtMs = 0;
    const settled = await this.settle(
      'extend',
      reservationId,
      async (partition) => {
        const decision = await desk.extend(partition, { reservationId, ttlSeconds });
        if (decision.kind === 'extended') ({ expiresAtMs } = decision);
        return decision;
      },
      (partition) => desk.extend(partition, { reservationId, untilMs: expiresAtMs }),
    );
    const changed = settled.kind === 'done' ? { ...settled.reservation, expiresAtMs } : undefined;
    return this.answer(operation, settled, 'extend', changed, present);
  }

  async release(
    operation: Operation,
    { reservationId }: { reservationId: string },
    present: Present<ReservationOutcome>,
  ): Promise<Answer> {
    const { clock, desk } = this.parts;
    const byMs = clock.monotonicMs() + actsWithinMs;
    const settled = await this.settle(
      'release',
      reservationId,
      (partition) => desk.release(partition, { reservationId }),
      (partition) => desk.releasePart(partition, { byMs, command: { reservationId } }),
    );
    const changed: Reservation | undefined =
      settled.kind === 'done' ? { ...settled.reservation, status: 'released' } : undefined;
    return this.answer(operation, settled, 'release', changed, present);
  }

  async confirm(
    operation: Operation,
    { reservationId, paymentId }: { reservationId: string; paymentId: string | null },
    present: Present<ConfirmOutcome>,
  ): Promise<Answer> {
    const refusal = await this.named?.refusal(reservationId, paymentId);
    if (refusal) return this.finality.conclude(operation, present(refusal), []);
    const confirm = (partition: number) => this.parts.desk.confirm(partition, { reservationId, paymentId });
    const settled = await this.settle('confirm', reservationId, confirm, confirm);
    switch (settled.kind) {
      case 'unknown-reservation':
        return this.finality.conclude(operation, present(settled), []);
      case 'done': {
        const reservation: Reservation = {
          ...settled.reservation,
          status: 'confirmed',
          orderId: orderIdOf(reservationId),
        };
        const order = newOrder(reservation, settled.decisions[0].nowMs);
        return this.finality.conclude(
          operation,
          present({ kind: 'confirmed', reservation, order }),
          settled.decisions,
        );
      }
      case 'as-it-is': {
        const { reservation } = settled;
        const next = reservationTransitions[reservation.status].confirm;
        const order =
          next === 'same' ? await this.parts.reservations.findOrder(orderIdOf(reservationId)) : undefined;
        const outcome: ConfirmOutcome = order
          ? { kind: 'confirmed', reservation, order }
          : { kind: next === 'pending' ? 'payment-pending' : 'too-late', reservation };
        return this.finality.conclude(operation, present(outcome), []);
      }
    }
  }

  find(reservationId: string): Promise<Reservation | undefined> {
    const { onItsWay, reservations } = this.parts;
    return onItsWay.find(() => reservations.find(reservationId));
  }

  list(filter: ReservationFilter, page: PageRequest): Promise<Page<Reservation>> {
    return this.parts.reservations.list(filter, page);
  }

  /**
   * The deciding partition first; once the ledger has its word, the others follow, here or by the sweeper: what Redis forgets of
   * a decision that is not there yet, no part may have been told.
   */
  private async settle<Decision extends Done & { kind: string }>(
    event: Event,
    reservationId: string,
    decide: (partition: number) => Promise<Decision | Made<Ended> | Made<Pending> | Made<Unknown>>,
    follow: (partition: number) => Promise<unknown>,
  ): Promise<Settled> {
    const reservation = await this.find(reservationId);
    if (!reservation) return { kind: 'unknown-reservation' };
    if (reservation.status !== 'held') return { kind: 'as-it-is', reservation };
    const [deciding, ...following] = linesByPartition(reservation.lines, this.parts.partitionCount).keys();
    const decision = await decide(deciding!);
    if (isEnded(decision) || isPending(decision)) {
      await this.finality.reached(decision);
      return this.asItIs(reservationId);
    }
    if (isUnknown(decision)) return this.asItIs(reservationId, event);
    if (following.length > 0) await this.finality.reached(decision);
    const followed = await Promise.allSettled(following.map(follow));
    const decisions = followed.flatMap((result) =>
      result.status === 'fulfilled' && isDone(result.value) ? [result.value] : [],
    );
    return { kind: 'done', reservation, decisions: [decision, ...decisions] };
  }

  /** Something else was first: what the ledger says now. */
  private async asItIs(reservationId: string, unknownTo?: Event): Promise<Settled> {
    const reservation = await this.parts.reservations.find(reservationId);
    if (!reservation) return { kind: 'unknown-reservation' };
    if (unknownTo && reservation.status === 'held') {
      throw new UnavailableError(
        'stock-not-ready',
        'the stock store does not know a hold of the ledger',
        false,
      );
    }
    return { kind: 'as-it-is', reservation };
  }

  private answer(
    operation: Operation,
    settled: Settled,
    event: Event,
    changed: Reservation | undefined,
    present: Present<ReservationOutcome>,
  ): Promise<Answer> {
    if (settled.kind === 'unknown-reservation')
      return this.finality.conclude(operation, present(settled), []);
    if (settled.kind === 'done') {
      const outcome: ReservationOutcome = { kind: 'done', reservation: changed ?? settled.reservation };
      return this.finality.conclude(operation, present(outcome), settled.decisions);
    }
    const { reservation } = settled;
    const next = reservationTransitions[reservation.status][event];
    const kind = next === 'same' ? 'done' : next === 'pending' ? 'payment-pending' : 'too-late';
    return this.finality.conclude(operation, present({ kind, reservation }), []);
  }
}

function isEnded(decision: { readonly kind: string }): decision is Made<Ended> {
  return decision.kind === 'ended';
}

function isPending(decision: { readonly kind: string }): decision is Made<Pending> {
  return decision.kind === 'payment-pending';
}

function isUnknown(decision: { readonly kind: string }): decision is Made<Unknown> {
  return decision.kind === 'unknown';
}

function isDone(decision: unknown): decision is Done {
  return typeof decision === 'object' && decision !== null && 'sequence' in decision;
}

function newOrder(reservation: Reservation, createdAtMs: number): Order {
  const { id: reservationId, buyerId, lines } = reservation;
  return { id: orderIdOf(reservationId), reservationId, buyerId, lines, status: 'confirmed', createdAtMs };
}
