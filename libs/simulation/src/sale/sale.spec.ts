import { beforeEach, describe, expect, test } from '@jest/globals';
import { scenario, type ScenarioInput } from '#contracts';
import type { Checkout, ReserveAnswer } from './checkout.js';
import { planOf } from '../scenario/plan.js';
import { Sale } from './sale.js';
import { VirtualTime } from '../virtual/virtual-time.js';

/** A shop that says yes as long as it believes in its stock, and can be made to believe too much. */
class Shop implements Checkout {
  sold = 0;
  released: string[] = [];

  constructor(
    private readonly time: VirtualTime,
    private readonly believes: number,
    private readonly answerMs = 5,
  ) {}

  async reserve(): Promise<ReserveAnswer> {
    await this.time.sleep(this.answerMs);
    if (this.sold >= this.believes) return { kind: 'refused', because: 'soldOut' };
    this.sold += 1;
    return { kind: 'accepted', id: `${this.sold}`, createdAtMs: null, expiresAtMs: null };
  }

  async pay(): Promise<'confirmed'> {
    return 'confirmed';
  }

  async release(id: string): Promise<void> {
    this.released.push(id);
    this.sold -= 1;
  }

  async restock(): Promise<void> {
    await this.time.sleep(1);
  }
}

let time: VirtualTime;
beforeEach(() => {
  time = new VirtualTime(0);
});

function saleOf(input: ScenarioInput, shop: Checkout): Sale {
  const parsed = scenario.parse(input);
  return new Sale({ scenario: parsed, plan: planOf(parsed), checkout: shop, clock: time, timers: time });
}

describe('a sale', () => {
  test('counts what a shop sells beyond what there is, whatever the shop believes', async () => {
    const sale = saleOf({ buyers: 100, stock: 20 }, new Shop(time, 27));
    await time.pass(sale.run());
    expect(sale.witness.oversold()).toBe(7);
    expect(sale.measurement.accepted).toBe(27);
  });

  test('counts what a shop leaves over though it refuses buyers', async () => {
    const sale = saleOf({ buyers: 100, stock: 20 }, new Shop(time, 12));
    await time.pass(sale.run());
    expect(sale.undersold()).toBe(8);
    expect(sale.witness.oversold()).toBe(0);
  });

  test('does not wait for answers: a slow shop gets its buyers all the same', async () => {
    const sale = saleOf(
      { buyers: 50, stock: 50, arrivals: { curve: 'steady', seconds: 1 } },
      new Shop(time, 50, 60_000),
    );
    await time.pass(sale.run());
    expect(sale.measurement.latencyMs().accepted.max).toBe(60_000);
    expect(sale.elapsedMs()).toBeLessThan(61_001);
  });

  test('who declines gives back, and it is sold again', async () => {
    const shop = new Shop(time, 10);
    const payment = { declineShare: 1, delaySeconds: { min: 0.1, max: 0.1 } };
    const sale = saleOf({ buyers: 40, stock: 10, payment, arrivals: { curve: 'steady', seconds: 10 } }, shop);
    await time.pass(sale.run());
    expect(shop.released).toHaveLength(40);
    expect(sale.witness.oversold()).toBe(0);
    expect(sale.measurement.funnel).toMatchObject({ declined: 40, confirmed: 0 });
  });

  test('bots stop when they have something', async () => {
    const input = { buyers: 1, stock: 5, bots: { count: 2, requestsEach: 50, everyMs: 100 } };
    const sale = saleOf(input, new Shop(time, 5));
    await time.pass(sale.run());
    expect(sale.measurement.accepted).toBe(3);
    expect(sale.progress()).toMatchObject({ requests: 3, planned: 3 });
  });

  test('stops when told to, with the books of what was', async () => {
    const input = { buyers: 1_000, stock: 1_000, arrivals: { curve: 'steady', seconds: 100 } } as const;
    const sale = saleOf(input, new Shop(time, 1_000));
    time.after(10_000, () => sale.stop());
    await time.pass(sale.run());
    expect(sale.interrupted).toBe(true);
    expect(sale.measurement.accepted).toBe(sale.measurement.requests);
    expect(sale.measurement.requests).toBeGreaterThan(50);
    expect(sale.measurement.requests).toBeLessThan(200);
  });
});
