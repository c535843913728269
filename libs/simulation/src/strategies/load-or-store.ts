/**
 * `loadOrStore` makes each SKU's shelf exactly once, however many ask at once; so everybody gets the same shelf. What is
 * wrong: only the making is safe. What is done with the shelf afterwards, look and take, is two steps with a wait between.
 */
import { ConcurrentMap } from '#concurrent-map';
import { type Connections, RedisOrders, type Purchase, type Strategy } from './strategy.js';

type Shelf = { left: number };

export class LoadOrStore implements Strategy {
  private readonly catalogue = new Map<string, number>();
  private readonly shelves = new ConcurrentMap<string, Shelf>();
  private readonly orders: RedisOrders;

  constructor({ redis }: Connections) {
    this.orders = new RedisOrders(redis);
  }

  async stock(sku: string, units: number): Promise<void> {
    this.catalogue.set(sku, units);
  }

  async buy(purchase: Purchase): Promise<'sold' | 'sold-out'> {
    const { sku, quantity } = purchase;
    const { value: shelf } = this.shelves.loadOrStore(sku, { left: this.catalogue.get(sku) ?? 0 });
    if (shelf.left < quantity) return 'sold-out';
    await this.orders.record(purchase);
    shelf.left -= quantity;
    return 'sold';
  }

  isOnRecord(id: string): Promise<boolean> {
    return this.orders.has(id);
  }
}
