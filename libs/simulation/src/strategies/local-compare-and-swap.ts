/**
 * Load, then `compareAndSwap`, in a loop: no unit is taken twice in this process. What is wrong: there is more than one
 * process, and each has a map of its own with all of the stock in it. And a process that starts again starts full.
 */
import { ConcurrentMap } from '#concurrent-map';
import { type Connections, RedisOrders, type Purchase, type Strategy } from './strategy.js';

export class LocalCompareAndSwap implements Strategy {
  private readonly units = new ConcurrentMap<string, number>();
  private readonly orders: RedisOrders;

  constructor({ redis }: Connections) {
    this.orders = new RedisOrders(redis);
  }

  async stock(sku: string, units: number): Promise<void> {
    this.units.store(sku, units);
  }

  async buy(purchase: Purchase): Promise<'sold' | 'sold-out'> {
    if (!this.take(purchase)) return 'sold-out';
    await this.orders.record(purchase);
    return 'sold';
  }

  isOnRecord(id: string): Promise<boolean> {
    return this.orders.has(id);
  }

  private take({ sku, quantity }: Purchase): boolean {
    for (;;) {
      const left = this.units.load(sku) ?? 0;
      if (left < quantity) return false;
      if (this.units.compareAndSwap(sku, left, left - quantity)) return true;
    }
  }
}
