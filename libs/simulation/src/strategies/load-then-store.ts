/**
 * A map in the process; load, compare, store. What is wrong: between the load and the store the order is written, and
 * meanwhile others load the same number. Their stores then overwrite each other. In a language with threads the same
 * happens without any wait in between.
 */
import { ConcurrentMap } from '#concurrent-map';
import { type Connections, RedisOrders, type Purchase, type Strategy } from './strategy.js';

export class LoadThenStore implements Strategy {
  private readonly units = new ConcurrentMap<string, number>();
  private readonly orders: RedisOrders;

  constructor({ redis }: Connections) {
    this.orders = new RedisOrders(redis);
  }

  async stock(sku: string, units: number): Promise<void> {
    this.units.store(sku, units);
  }

  async buy(purchase: Purchase): Promise<'sold' | 'sold-out'> {
    const { sku, quantity } = purchase;
    const left = this.units.load(sku) ?? 0;
    if (left < quantity) return 'sold-out';
    await this.orders.record(purchase);
    this.units.store(sku, left - quantity);
    return 'sold';
  }

  isOnRecord(id: string): Promise<boolean> {
    return this.orders.has(id);
  }
}
