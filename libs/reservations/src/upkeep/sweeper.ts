/**
 * Tidies what the clock has decided: returns the units of lapsed holds within a second, brings back units of
 * cancelled orders, tells the parts of a cart what the deciding partition made of it, and has the store forget what
 * the ledger has. Any number of sweepers may run at once; each step is decided once.
 */
import type { JournalEntry, JournalPosition } from '#domain';
import type { Clock, Timer, Timers } from '#platform';
import type { Opening, PartitionEpoch, StockStore } from '#stock';
import { actsWithinMs } from '../ledger-staleness.js';
import type { Orders } from '../orders.js';
import type { Desk, ReservationLedger } from '../ports.js';

export type SweeperOptions = {
  readonly store: StockStore;
  readonly desk: Desk;
  readonly reservations: ReservationLedger;
  readonly orders: Pick<Orders, 'returnUnits'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly openPartitions: () => readonly PartitionEpoch[];
  /** Throws `UnavailableError` while it is closed. */
  readonly openingOf: (partition: number) => Opening;
  readonly drainedOf: (at: PartitionEpoch) => number;
  /** Has the ledger take a partition's journal up to a position; settles when it has. */
  readonly drain: (position: JournalPosition) => Promise<void>;
  readonly onEntries: (entries: readonly JournalEntry[]) => void;
  readonly report: (message: string, facts: Record<string, unknown>) => void;
};

const everyMs = 200;
/** Holds looked at in one call, so that Redis is never blocked for long. */
const limit = 256;
/** Rounds between two looks at the outbox, and between two tidyings. */
const returnEvery = 5;
const tidyEvery = 50;
/** Of a thousand operations each, so five thousand a second: faster than they end, or they would fill Redis. */
const tidyTurnsMax = 50;
/** How long the store still knows an operation that has ended: longer than any retry of a request. */
const retentionMs = 10 * 60_000;

export class Sweeper {
  private timer: Timer | null = null;
  private round = 0;
  private sweeping: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly options: SweeperOptions) {}

  start(): void {
    this.timer = this.options.timers.after(everyMs, () => {
      this.sweeping = this.sweep().finally(() => {
        if (!this.stopped) this.start();
      });
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.sweeping;
  }

  /** One round. What fails is reported and left to the next. */
  async sweep(): Promise<void> {
    this.round += 1;
    for (const at of this.options.openPartitions()) {
      await this.attempt('expire', () => this.expire(at));
      if (this.round % tidyEvery === 0) await this.attempt('tidy', () => this.tidy(at));
    }
    if (this.round % returnEvery === 0) await this.attempt('return', () => this.options.orders.returnUnits());
  }

  private async expire(at: PartitionEpoch): Promise<void> {
    let more = true;
    while (more && !this.stopped) {
      const foundMs = this.options.clock.monotonicMs();
      const result = await this.options.store.expire(at, limit);
      this.options.onEntries(result.entries);
      await this.settleParts(at.partition, result.parts, foundMs);
      ({ more } = result);
    }
  }

  /** The deciding partition has spoken, and the ledger has its word; or it never will. */
  private async settleParts(partition: number, ids: readonly string[], foundMs: number): Promise<void> {
    if (ids.length === 0) return;
    const byMs = foundMs + actsWithinMs;
    const { desk, reservations } = this.options;
    const fates = new Map((await reservations.fates(ids)).map((fate) => [fate.id, fate]));
    await Promise.all(
      ids.map((reservationId): Promise<unknown> => {
        const fate = fates.get(reservationId);
        switch (fate?.status) {
          case 'held':
            return desk.extend(partition, { reservationId, untilMs: fate.expiresAtMs });
          case 'confirmed':
          case 'fulfilled':
            return desk.confirm(partition, { reservationId, paymentId: null });
          case 'released':
          case 'expired':
          case 'refund-due':
          case 'refunded':
          case 'cancelled':
            return desk.releasePart(partition, { byMs, command: { reservationId } });
          case 'pending':
            return this.settleOrphan(partition, reservationId, fate.partitions[0]!, byMs);
          case 'paying':
          case 'late-paid':
            // Kept until the deciding partition has the provider's word.
            return Promise.resolve();
          case undefined:
            // Not even this part is in the ledger yet: the next look will tell.
            return Promise.resolve();
        }
      }),
    );
  }

  /**
   * Held in parts, last asked for ten seconds ago or more, and not decided as far as the ledger knows. It must know all
   * that the deciding partition has decided in its epoch, or a cart that was held whole would lose a part; then nobody was told
   * of it. An attempt that comes meanwhile asks for the part before it asks for the decision, and the part is kept for longer
   * than an orphan that was found before waits to be given back.
   */
  private async settleOrphan(
    partition: number,
    reservationId: string,
    deciding: number,
    byMs: number,
  ): Promise<void> {
    const { desk, store, reservations, drain, openingOf } = this.options;
    const opening = openingOf(deciding);
    const { epoch, sequence, incarnation } = await store.state(deciding);
    // Another memory may have lost the decision, which somebody may still commit.
    if (epoch !== opening.epoch || incarnation !== opening.incarnation) return;
    await drain({ partition: deciding, epoch, sequence });
    const [fate] = await reservations.fates([reservationId]);
    if (fate?.status !== 'pending') return;
    await desk.releasePart(partition, { byMs, command: { reservationId, what: 'orphan' } });
  }

  private async tidy(at: PartitionEpoch): Promise<void> {
    const { store, drainedOf } = this.options;
    for (let turn = 0; turn < tidyTurnsMax && !this.stopped; turn += 1) {
      const { more } = await store.tidy(at, { drained: drainedOf(at), retentionMs });
      if (!more) return;
    }
  }

  private async attempt(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.options.report('a sweep failed and is tried again', { what, error: String(error) });
    }
  }
}
