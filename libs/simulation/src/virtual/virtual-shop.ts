/**
 * The shop in virtual time: the real use cases, desk and group commit, on the model of the Redis functions and a ledger in
 * memory. How long an instance works on a request, which only a machine can tell, is given as costs: each instance works on one
 * request at a time, and later ones queue.
 */
import { hash } from 'node:crypto';
import { availableOf } from '#domain';
import { GroupCommit } from '#ledger';
import { uuidOf } from '#platform';
import { type ConfirmOutcome, type Operation, Reservations, type ReserveOutcome } from '#reservations';
import { InMemoryStockStore, StockDesk } from '#stock';
import type { Scenario } from '#contracts';
import type { Checkout, PayAnswer, ReserveAnswer } from '../sale/checkout.js';
import type { Refusal } from '../sale/measurement.js';
import type { Plan } from '../scenario/plan.js';
import { VirtualLedger } from './virtual-ledger.js';
import type { VirtualTime } from './virtual-time.js';

/** What a request costs an instance, and what it waits for. */
export type Costs = {
  readonly acceptedMs: number;
  /** A payment, or units given back. */
  readonly paidMs: number;
  readonly refusedMs: number;
  /** A transaction of the ledger, from sending to its commit. */
  readonly commitMs: number;
};

const partition = 0;
const epoch = 1;
const at = { partition, epoch };
const tidyEveryMs = 60_000;
const retentionMs = 600_000;
/** A cache may only refuse what the store would: without one, the store does. */
const knowsNothing = { refuse: () => undefined, take: () => false, giveBack: () => undefined };
const answered = { status: 200, body: '' };

export class VirtualShop implements Checkout {
  private readonly store: InMemoryStockStore;
  private readonly ledger: VirtualLedger;
  private readonly desk: StockDesk;
  private readonly reservations: Reservations;
  private incarnation = '';
  /** Of each instance: settles when it has nothing to do. */
  private readonly lines: Promise<void>[];
  private readonly skus: readonly string[];
  private turn = 0;
  private restocks = 0;

  constructor(
    private readonly scenario: Scenario,
    private readonly plan: Plan,
    private readonly time: VirtualTime,
    private readonly costs: Costs,
  ) {
    this.skus = [...plan.stock.keys()];
    this.lines = Array.from({ length: scenario.instances }, () => Promise.resolve());
    this.store = new InMemoryStockStore(() => time.nowMs());
    this.ledger = new VirtualLedger(time, costs.commitMs, epoch);
    const commits = new GroupCommit({
      writer: this.ledger,
      readJournal: (from, after, limit) => this.store.readJournal(from, after, limit),
      clock: time,
      timers: time,
      onBroken: (_, reason) => {
        throw new Error(reason);
      },
    });
    this.desk = new StockDesk({
      store: this.store,
      clock: time,
      timers: time,
      openingOf: () => ({ epoch, incarnation: this.incarnation, filled: epoch }),
      onDecided: (_, entries) => commits.offer(entries),
      onTrouble: () => undefined,
    });
    this.reservations = new Reservations({
      clock: time,
      desk: this.desk,
      cache: knowsNothing,
      commits,
      reservations: this.ledger,
      durability: 'ledger',
      onItsWay: { find: (look) => look() },
      partitionCount: 1,
    });
  }

  /** Fills the shelves. */
  async open(): Promise<void> {
    const { buyerLimit, holdTtlSeconds } = this.scenario;
    this.incarnation = await this.store.restore({ ...at, attempt: 1 }, nothing());
    await this.store.admit(partition, { epoch, incarnation: this.incarnation });
    for (const [sku, onHand] of this.plan.stock) {
      await this.desk.put(partition, { sku, onHand, buyerLimit, holdTtlSeconds });
    }
    this.tidy();
  }

  async reserve({ buyerId, lines, key }: Parameters<Checkout['reserve']>[0]): Promise<ReserveAnswer> {
    const leave = await this.standInLine();
    const decided = Promise.withResolvers<ReserveOutcome>();
    const concluded = this.reservations.reserve(
      operationOf(key),
      { buyerId, lines, ttlSeconds: undefined, metadata: null },
      (outcome) => {
        decided.resolve(outcome);
        return answered;
      },
    );
    concluded.catch(decided.reject);
    const outcome = await decided.promise;
    // The decision keeps an instance busy; while its commit is under way the next one has its turn.
    await this.time.sleep(outcome.kind === 'held' ? this.costs.acceptedMs : this.costs.refusedMs);
    leave();
    await concluded;
    if (outcome.kind !== 'held') return { kind: 'refused', because: refusals[outcome.kind] };
    const { id, createdAtMs, expiresAtMs } = outcome.reservation;
    return { kind: 'accepted', id, createdAtMs, expiresAtMs };
  }

  async pay(reservationId: string): Promise<PayAnswer> {
    let made: ConfirmOutcome | undefined;
    await this.work(this.costs.paidMs);
    await this.reservations.confirm(
      operationOf(`confirm ${reservationId}`),
      { reservationId, paymentId: null },
      (outcome) => {
        made = outcome;
        return answered;
      },
    );
    return made?.kind === 'confirmed' ? 'confirmed' : 'too-late';
  }

  async release(reservationId: string): Promise<void> {
    await this.work(this.costs.paidMs);
    await this.reservations.release(
      operationOf(`release ${reservationId}`),
      { reservationId },
      () => answered,
    );
  }

  async restock(sku: string, delta: number): Promise<void> {
    this.restocks += 1;
    const operationId = `restock ${this.restocks}`;
    await this.desk.adjust(partition, { operationId, sku, delta, expectedVersion: null, reason: 'restock' });
  }

  /** The levels as the store has them, and the journal positions of both. */
  async state(): Promise<ShopState> {
    const [{ levels }, { sequence }] = await Promise.all([
      this.store.levels(at, this.skus),
      this.store.state(partition),
    ]);
    return {
      units: levels.reduce((sum, { onHand }) => sum + onHand, 0),
      given: levels.reduce((sum, { held, committed }) => sum + held + committed, 0),
      negative: levels.filter((level) => availableOf(level) < 0).length,
      decided: sequence,
      committed: this.ledger.positionOf(partition),
    };
  }

  async isKnown(reservationId: string): Promise<boolean> {
    return (await this.ledger.find(reservationId)) !== undefined;
  }

  /** Keeps an instance busy. */
  private async work(durationMs: number): Promise<void> {
    const leave = await this.standInLine();
    await this.time.sleep(durationMs);
    leave();
  }

  /** Waits for an instance. @returns what makes room for the next one */
  private async standInLine(): Promise<() => void> {
    const instance = (this.turn += 1) % this.lines.length;
    const before = this.lines[instance]!;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.lines[instance] = promise;
    await before;
    return resolve;
  }

  /** Returns lapsed units, and has the store forget what the ledger has, as the sweeper does. */
  private tidy(): void {
    this.time.after(tidyEveryMs, () => {
      const drained = this.ledger.positionOf(partition);
      void this.store.tidy(at, { drained, retentionMs }).then(() => this.tidy());
    });
  }
}

export type ShopState = {
  readonly units: number;
  readonly given: number;
  /** SKUs of which more is given away than there is. */
  readonly negative: number;
  readonly decided: number;
  readonly committed: number;
};

const refusals: Readonly<Record<Exclude<ReserveOutcome['kind'], 'held'>, Refusal>> = {
  'unknown-sku': 'error',
  'sold-out': 'soldOut',
  'insufficient-stock': 'insufficient',
  'duplicate-reservation': 'duplicate',
  'buyer-limit-exceeded': 'buyerLimit',
};

/** As the service does it: the key gives the id, so a plan gives the same ids again. */
function operationOf(key: string): Operation {
  return { id: uuidOf(hash('sha256', key, 'buffer')), repeated: false, request: null };
}

async function* nothing(): AsyncGenerator<never> {
  // A partition without a past.
}
