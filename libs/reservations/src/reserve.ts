/**
 * Reserve: all lines or none, in as few steps as the cart has partitions.
 *
 * A cart over several partitions is held part by part, and last where it is decided: in the lowest of them, once the ledger has
 * the others. So a hold in the deciding partition means that the whole cart is held (I5), even when Redis loses a part right
 * after. A failure before that leaves parts which nobody was told of. They stay, because another attempt under the same key may
 * have decided, or be about to; if none has, the sweeper returns them, from ten seconds after an attempt last asked for them. So
 * an attempt has to reach its decision well before that. A refused attempt bars the cart where it is decided before it returns
 * parts; Redis may forget the bar when an epoch ends, so an attempt reaches its decision in the epoch in which it began.
 */
import type { Reservation } from '#domain';
import { linesByPartition, type HoldDecision, type Made, type ReleaseCommand } from '#stock';
import { Finality, isKept, KeyReused, Overtaken } from './finality.js';
import { operationIdOf } from './idempotency.js';
import type { Parts } from './ports.js';
import type {
  Answer,
  KeyedRequest,
  Operation,
  Present,
  ReserveCommand,
  ReserveOutcome,
} from './use-cases.js';

/** From asking for the first part to sending for the decision, which Redis takes within a second more or not at all. */
const partsWithinMs = 4_000;

type Needs = Pick<Parts, 'clock' | 'desk' | 'durability' | 'partitionCount'> & {
  readonly cache: Pick<Parts['cache'], 'refuse' | 'take' | 'giveBack'>;
  readonly commits: Pick<Parts['commits'], 'commit'>;
  readonly reservations: Pick<Parts['reservations'], 'firstMade'>;
};
type Held = Made<Extract<HoldDecision, { kind: 'held' }>>;
type Refused = Exclude<HoldDecision, { kind: 'held' | 'ended' }>;
type Attempt =
  | { readonly kind: 'held'; readonly decided: Held; readonly restsOn: readonly Held[] }
  | { readonly kind: 'ended'; readonly decided: Made<Extract<HoldDecision, { kind: 'ended' }>> }
  | {
      readonly kind: 'refused';
      readonly outcome: Refused;
      readonly deciding: number;
      readonly held: readonly Held[];
    };

export class Reserve {
  private readonly finality: Finality;

  constructor(private readonly parts: Needs) {
    this.finality = new Finality(parts);
  }

  refuse(
    request: KeyedRequest,
    { buyerId, lines }: ReserveCommand,
    present: Present<ReserveOutcome>,
  ): Answer | undefined {
    const refusal = this.parts.cache.refuse(buyerId, lines);
    if (!refusal) return undefined;
    // What this very request has held is no duplicate: an earlier attempt at it was not answered.
    const own = refusal.kind === 'duplicate-reservation' && refusal.reservationId === operationIdOf(request);
    return own ? undefined : present(refusal);
  }

  async run(
    operation: Operation,
    command: ReserveCommand,
    present: Present<ReserveOutcome>,
  ): Promise<Answer> {
    if (operation.repeated) {
      const earlier = await this.parts.reservations.firstMade(operation.id);
      if (earlier) return this.concludeAgain(operation, present(asFirstGiven(earlier, command)), []);
    }
    const attempt = await this.holdTaking(operation.id, command);
    switch (attempt.kind) {
      case 'refused':
        return this.refused(operation, attempt, present);
      case 'held':
        return this.held(operation, command, attempt, present);
      case 'ended':
        return this.ended(operation, command, attempt.decided, present);
    }
  }

  /** Once the refusal is on record no other attempt can get the cart, and its parts are free. */
  private async refused(
    operation: Operation,
    { outcome, deciding, held }: Extract<Attempt, { kind: 'refused' }>,
    present: Present<ReserveOutcome>,
  ): Promise<Answer> {
    const ours = present(outcome);
    const answer = await this.finality.conclude(operation, ours, []);
    const isFinal = isKept(answer.status) || !operation.request;
    if (isFinal && answer.status === ours.status && held.length > 0)
      await this.giveBack(operation.id, deciding, held);
    return answer;
  }

  private async held(
    operation: Operation,
    command: ReserveCommand,
    { decided, restsOn }: Extract<Attempt, { kind: 'held' }>,
    present: Present<ReserveOutcome>,
  ): Promise<Answer> {
    const reservation = reservationOf(operation.id, command, decided);
    const letGo = (): Promise<void> => this.giveBack(operation.id, decided.partition, restsOn.slice(0, -1));
    try {
      const isAgain = restsOn.some(({ again }) => again);
      const ours = present(
        isAgain ? await this.madeBefore(operation.id, command, restsOn) : { kind: 'held', reservation },
      );
      const answer = isAgain
        ? await this.concludeAgain(operation, ours, restsOn)
        : await this.finality.conclude(operation, ours, restsOn);
      // Another attempt was refused, and that was recorded first: nobody will hear of this hold.
      if (answer.status !== ours.status) await letGo();
      return answer;
    } catch (error) {
      if (error instanceof KeyReused && !decided.again) await letGo();
      throw error;
    }
  }

  /** What an earlier attempt has held must be what is asked for now; a key may come again with another body. */
  private async madeBefore(
    id: string,
    command: ReserveCommand,
    held: readonly Held[],
  ): Promise<ReserveOutcome> {
    await this.areFinal(held);
    const earlier = await this.parts.reservations.firstMade(id);
    if (!earlier) throw new KeyReused();
    return asFirstGiven(earlier, command);
  }

  /**
   * An earlier attempt held it, unanswered, and it has ended since: the answer is what that attempt would have got. Or it was
   * refused, which is on record, and has barred the cart.
   */
  private async ended(
    operation: Operation,
    command: ReserveCommand,
    decided: Extract<Attempt, { kind: 'ended' }>['decided'],
    present: Present<ReserveOutcome>,
  ): Promise<Answer> {
    await this.finality.reached(decided);
    const earlier = await this.parts.reservations.firstMade(operation.id);
    if (!earlier) throw new Overtaken();
    return this.concludeAgain(operation, present(asFirstGiven(earlier, command)), []);
  }

  /** Where Redis alone was enough, the attempt that held it may have been answered, without a record of that. */
  private async concludeAgain(
    operation: Operation,
    answer: Answer,
    restsOn: readonly Held[],
  ): Promise<Answer> {
    const given = await this.finality.conclude(operation, answer, restsOn);
    return this.parts.durability === 'redis' ? { ...given, replayed: true } : given;
  }

  /** Units are taken from the cache first; those that Redis says nothing of are given back. */
  private async holdTaking(id: string, command: ReserveCommand): Promise<Attempt> {
    const { cache } = this.parts;
    const taken = cache.take(command.buyerId, command.lines);
    let isTold = false;
    try {
      const attempt = await this.hold(id, command);
      isTold = saysWhatIsLeft(attempt);
      return attempt;
    } finally {
      if (taken && !isTold) cache.giveBack(command.lines);
    }
  }

  private async hold(id: string, command: ReserveCommand): Promise<Attempt> {
    const cart = linesByPartition(command.lines, this.parts.partitionCount);
    const partitions = [...cart.keys()];
    const [deciding] = partitions;
    const decidedLast = partitions.toReversed();
    const held: Held[] = [];
    const byMs = this.parts.clock.monotonicMs() + partsWithinMs;
    // All must be open before a part is held in one of them.
    const [epoch] =
      partitions.length > 1 ? partitions.map((partition) => this.parts.desk.epochOf(partition)) : [];
    for (const partition of decidedLast) {
      const decides = partition === deciding;
      if (decides && held.length > 0) await this.areFinal(held);
      const part = { partitions, lines: cart.get(partition)!, ...partOf(id, command) };
      const decision =
        decides && held.length > 0
          ? await this.parts.desk.decide(partition, { epoch: epoch!, byMs, command: part })
          : await this.parts.desk.reserve(partition, part);
      if (decision.kind === 'held') held.push(decision);
      // A part ends only when the ledger has what became of the cart: this attempt was overtaken, wherever it hears so.
      else if (decision.kind === 'ended') return { kind: 'ended', decided: decision };
      else
        return {
          kind: 'refused',
          outcome: decision,
          deciding: deciding!,
          held,
        };
    }
    return { kind: 'held', decided: held.at(-1)!, restsOn: held };
  }

  /** What the ledger has, a rebuild brings back: no part of a cart that is decided can be lost any more. */
  private async areFinal(held: readonly Held[]): Promise<void> {
    const requires = held.map(({ partition, epoch, sequence }) => ({ partition, epoch, sequence }));
    await this.parts.commits.commit({ requires, receipt: null });
  }

  /**
   * Gives back what was held of a cart that nobody will be told of. First where it is decided, so that no attempt which
   * is still under way is granted the rest of it; as long as that has not come about, the parts are kept. Best effort, and
   * then in the ledger: what is not given back here, the sweeper gives back, or it lapses.
   */
  private async giveBack(
    reservationId: string,
    deciding: number,
    parts: readonly { readonly partition: number }[],
  ): Promise<void> {
    const isOver = await this.release(deciding, { reservationId, what: 'barred' }).catch(() => false);
    if (!isOver) return;
    await Promise.allSettled(
      parts.map(({ partition }) => this.release(partition, { reservationId, what: 'part' })),
    );
  }

  /** @returns false when it is sold, or being paid, by somebody who has found it: then its parts go with it. */
  private async release(partition: number, command: ReleaseCommand): Promise<boolean> {
    const decision = await this.parts.desk.release(partition, command);
    if (decision.kind === 'released' || decision.kind === 'ended') await this.finality.reached(decision);
    if (decision.kind === 'ended') return decision.outcome !== 'confirmed';
    return decision.kind !== 'payment-pending';
  }
}

/** Whether the store has told the level of what was taken. It has not looked at it for what an earlier attempt had held. */
function saysWhatIsLeft(attempt: Attempt): boolean {
  return attempt.kind === 'refused' || (attempt.kind === 'held' && !attempt.decided.again);
}

function partOf(reservationId: string, { buyerId, ttlSeconds, metadata }: ReserveCommand) {
  return { reservationId, buyerId, ttlSeconds, metadata };
}

function reservationOf(id: string, command: ReserveCommand, decided: Held): Reservation {
  return {
    id,
    status: 'held',
    buyerId: command.buyerId,
    lines: command.lines,
    createdAtMs: decided.createdAtMs,
    expiresAtMs: decided.expiresAtMs,
    metadata: command.metadata,
    orderId: null,
    paying: null,
  };
}

/** What the earlier attempt would have been answered: the ledger keeps lines in another order than they were asked for in. */
function asFirstGiven(reservation: Reservation, command: ReserveCommand): ReserveOutcome {
  if (askedFor(reservation) !== askedFor(command)) throw new KeyReused();
  return { kind: 'held', reservation: { ...reservation, lines: command.lines } };
}

type Asked = Pick<ReserveCommand, 'buyerId' | 'lines' | 'metadata'>;

function askedFor({ buyerId, lines, metadata }: Asked): string {
  const cart = lines.map(({ sku, quantity }) => `${sku} ${quantity}`).toSorted();
  return JSON.stringify([buyerId, cart, metadata]);
}
