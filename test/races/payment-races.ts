/**
 * Races for one reservation in virtual time: payments start, fail and are captured, the buyer releases and confirms,
 * rivals wait for the units, deadlines come, the sweeper sweeps and orders are cancelled, all in random order around
 * the deadlines. What the store decides is held against the domain's table, step by step, and the units and the money
 * are counted afterwards. The store is the model that the Redis functions are held to on random traces.
 */
import { strict as assert } from 'node:assert';
import { reservationTransitions, type ReservationEvent, type ReservationStatus } from '#domain';
import { InMemoryStockStore, type StockStore } from '#stock';
import { Random } from '../faults/random.js';

export type RaceReport = {
  readonly races: number;
  readonly decisions: number;
  /** How often a reservation ended as what. */
  readonly ends: Readonly<Record<string, number>>;
};

type Store = Pick<
  StockStore,
  'reserve' | 'pay' | 'fail' | 'confirm' | 'release' | 'extend' | 'expire' | 'cancel' | 'reacquire'
>;

const at = { partition: 0, epoch: 1 };
const sku = 'last-unit';
const lines = [{ sku, quantity: 1 }];
const amount = { value: 1_000, currency: 'EUR' };
const holdMs = 2_000;
const steps = [
  'pay',
  'pay',
  'fail',
  'capture',
  'capture',
  'release',
  'extend',
  'confirm',
  'sweep',
  'rival',
  'cancel',
] as const;
type StepName = (typeof steps)[number];

/** @param wrap puts a planted bug between the races and the store. */
export async function runRaces(options: {
  readonly races: number;
  readonly seed: number;
  readonly wrap?: (store: StockStore) => Store;
  readonly onProgress?: (races: number) => void;
}): Promise<RaceReport> {
  const random = new Random(options.seed);
  const clock = { nowMs: 1_700_000_000_000 };
  const store = new InMemoryStockStore(() => clock.nowMs);
  const raced = options.wrap?.(store) ?? store;
  const incarnation = await store.restore({ ...at, attempt: 1 }, nothing());
  await store.admit(at.partition, { ...at, incarnation });
  await store.put(at, [{ sku, onHand: 1, buyerLimit: null, holdTtlSeconds: holdMs / 1_000 }]);
  const ends: Record<string, number> = {};
  let decisions = 0;
  for (let number = 1; number <= options.races; number += 1) {
    const race = new Race(number, raced, clock, random);
    decisions += await race.run();
    await race.finish();
    const { levels } = await store.levels(at, [sku]);
    assert.deepEqual([levels[0]!.held, levels[0]!.committed], [0, 0], `race ${number} left units behind`);
    ends[race.status] = (ends[race.status] ?? 0) + 1;
    await store.tidy(at, { drained: Number.MAX_SAFE_INTEGER, retentionMs: 0 });
    if (number % 10_000 === 0) options.onProgress?.(number);
  }
  return { races: options.races, decisions, ends };
}

class Race {
  status: ReservationStatus = 'held';
  private readonly id: string;
  private expiresAtMs = 0;
  private deadlineMs = 0;
  /** Under way: the last payment that was started. */
  private paying: string | null = null;
  private readonly started: string[] = [];
  private readonly captured = new Set<string>();
  private readonly refunds = new Set<string>();
  private orderPayment: string | null = null;
  private decisions = 0;

  constructor(
    number: number,
    private readonly store: Store,
    private readonly clock: { nowMs: number },
    private readonly random: Random,
  ) {
    this.id = `r${number}`;
  }

  /** The race itself. Answers how many decisions it took. */
  async run(): Promise<number> {
    const { decisions } = await this.store.reserve(at, [this.hold(this.id, 'buyer')]);
    assert.equal(decisions[0]!.kind, 'held', 'the unit is free at the start');
    this.expiresAtMs = (decisions[0] as { expiresAtMs: number }).expiresAtMs;
    const length = this.random.integer(4, 9);
    for (let step = 0; step < length; step += 1) {
      this.clock.nowMs += this.tick();
      await this.step(this.random.pick(steps));
      this.decisions += 1;
    }
    return this.decisions;
  }

  /** Lets everything lapse, gives everything back, and counts the money. */
  async finish(): Promise<void> {
    this.clock.nowMs += 100 * holdMs;
    this.lapse();
    await this.store.expire(at, 100);
    for (const payment of this.captured) {
      const places = [this.orderPayment === payment, this.refunds.has(payment)].filter(Boolean).length;
      assert.equal(places, 1, `${payment} of ${this.id} belongs to one order or one refund`);
    }
    if (this.status === 'confirmed') await this.cancel();
  }

  /** Often on the very instant of a deadline, or one before or after it. */
  private tick(): number {
    const deadline = this.paying ? this.deadlineMs : this.expiresAtMs;
    const left = deadline - this.clock.nowMs;
    if (left > 1 && this.random.chance(0.4)) return this.random.integer(left - 1, left + 1);
    return this.random.integer(0, 700);
  }

  private async step(name: StepName): Promise<void> {
    this.lapse();
    switch (name) {
      case 'pay':
        return this.pay();
      case 'fail':
        return this.fail();
      case 'capture':
        return this.capture();
      case 'release':
      case 'extend':
      case 'confirm':
        return this.ask(name);
      case 'sweep':
        await this.store.expire(at, 10);
        return;
      case 'rival':
        return this.rival();
      case 'cancel':
        if (this.status === 'confirmed') await this.cancel();
    }
  }

  /** By the table: the deadline in force has come. */
  private lapse(): void {
    const due =
      this.status === 'held' ? this.expiresAtMs : this.status === 'paying' ? this.deadlineMs : Infinity;
    if (due <= this.clock.nowMs) this.become('expire');
  }

  private become(event: ReservationEvent): void {
    const next = reservationTransitions[this.status][event];
    assert.ok(next in reservationTransitions, `${event} moves ${this.status}`);
    this.status = next as ReservationStatus;
    if (this.status !== 'paying') this.paying = null;
  }

  private async pay(): Promise<void> {
    const paymentId = `${this.id}-p${this.started.length}`;
    const ttlSeconds = this.random.integer(1, 3);
    const command = { reservationId: this.id, paymentId, provider: 'p', amount, ttlSeconds };
    const [decision] = (await this.store.pay(at, [command])).decisions;
    const next = reservationTransitions[this.status].pay;
    const wanted = next === 'paying' ? 'paying' : next === 'same' ? 'payment-pending' : 'ended';
    this.expect('pay', decision!, wanted);
    if (decision!.kind !== 'paying') return;
    this.become('pay');
    this.started.push(paymentId);
    this.paying = paymentId;
    this.deadlineMs = Math.max(this.expiresAtMs, this.clock.nowMs + ttlSeconds * 1_000);
    assert.equal(decision!.deadlineMs, this.deadlineMs);
  }

  private async fail(): Promise<void> {
    const paymentId = this.anyStarted();
    if (!paymentId || this.captured.has(paymentId)) return;
    const [decision] = (await this.store.fail(at, [{ reservationId: this.id, paymentId }])).decisions;
    const own = this.paying === paymentId;
    if (own) {
      this.become('fail');
      this.lapse();
    }
    this.expect('fail', decision!, this.status === 'held' || this.status === 'paying' ? 'held' : 'ended');
  }

  /** The provider has the money of one of them: settled as the service does it. */
  private async capture(): Promise<void> {
    const paymentId = this.anyStarted();
    if (!paymentId || this.captured.has(paymentId)) return;
    this.captured.add(paymentId);
    const command = { reservationId: this.id, paymentId, captured: true };
    const [decision] = (await this.store.confirm(at, [command])).decisions;
    const live = this.status === 'held' || this.status === 'paying';
    this.expect('capture', decision!, live ? 'confirmed' : 'ended');
    if (live) {
      this.become('capture');
      this.orderPayment = paymentId;
    } else if (this.status === 'released' || this.status === 'expired') {
      this.become('capture');
      await this.reacquire(paymentId);
    } else if (this.status === 'confirmed' && this.orderPayment === null) this.orderPayment = paymentId;
    else this.refunds.add(paymentId);
  }

  private async reacquire(paymentId: string): Promise<void> {
    const command = { reservationId: this.id, buyerId: 'buyer', paymentId, lines, whole: true };
    const first = (await this.store.reacquire(at, [command])).decisions[0]!;
    const again = (await this.store.reacquire(at, [{ ...command, whole: false }])).decisions[0]!;
    assert.deepEqual(again, first, 'late money is decided once');
    this.become(first.kind === 'reacquired' ? 'reacquire' : 'owe');
    if (first.kind === 'reacquired') this.orderPayment = paymentId;
    else this.refunds.add(paymentId);
  }

  private async ask(event: 'release' | 'extend' | 'confirm'): Promise<void> {
    const reservationId = this.id;
    const [decision] = (
      event === 'extend'
        ? await this.store.extend(at, [{ reservationId, ttlSeconds: 2 }])
        : event === 'release'
          ? await this.store.release(at, [{ reservationId }])
          : await this.store.confirm(at, [{ reservationId, paymentId: null }])
    ).decisions;
    const done = { release: 'released', extend: 'extended', confirm: 'confirmed' }[event];
    const wanted = this.status === 'held' ? done : this.status === 'paying' ? 'payment-pending' : 'ended';
    this.expect(event, decision!, wanted);
    if (this.status !== 'held') return;
    this.become(event);
    if (decision!.kind === 'extended') this.expiresAtMs = decision!.expiresAtMs;
  }

  /** Somebody who wants the unit gets it when it is free, and not before. */
  private async rival(): Promise<void> {
    const id = `${this.id}-rival-${this.decisions}`;
    const [decision] = (await this.store.reserve(at, [this.hold(id, 'rival')])).decisions;
    const taken = this.status === 'held' || this.status === 'paying' || this.status === 'confirmed';
    if (taken) assert.equal(decision!.kind, 'sold-out', `a unit of ${this.status} ${this.id} was given away`);
  }

  private async cancel(): Promise<void> {
    await this.store.cancel(at, [{ reservationId: this.id, buyerId: 'buyer', lines }]);
    await this.store.cancel(at, [{ reservationId: this.id, buyerId: 'buyer', lines }]);
    this.become('cancel');
    if (this.orderPayment !== null) this.refunds.add(this.orderPayment);
    this.orderPayment = null;
  }

  private hold(reservationId: string, buyerId: string) {
    const ttlSeconds = buyerId === 'rival' ? 1 : undefined;
    return { reservationId, buyerId, lines, ttlSeconds, metadata: null, partitions: [0] };
  }

  private anyStarted(): string | undefined {
    return this.started.length > 0 ? this.random.pick(this.started) : undefined;
  }

  private expect(event: string, decision: { readonly kind: string }, wanted: string): void {
    assert.equal(decision.kind, wanted, `${event} of ${this.status} ${this.id}: ${JSON.stringify(decision)}`);
  }
}

async function* nothing(): AsyncGenerator<never[]> {}
