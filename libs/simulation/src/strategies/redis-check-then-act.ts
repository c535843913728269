/**
 * The stock in Redis, shared by all instances: GET, compare, DECRBY. Each command is atomic. What is wrong: the two of
 * them are not; everybody who has read the last unit takes it.
 */
import type { Redis } from 'ioredis';
import { type Connections, RedisOrders, type Purchase, type Strategy } from './strategy.js';

export class RedisCheckThenAct implements Strategy {
  private readonly redis: Redis;
  private readonly orders: RedisOrders;

  constructor({ redis }: Connections) {
    this.redis = redis;
    this.orders = new RedisOrders(redis);
  }

  async stock(sku: string, units: number): Promise<void> {
    await this.redis.setnx(`stock:${sku}`, units);
  }

  async buy(purchase: Purchase): Promise<'sold' | 'sold-out'> {
    const { sku, quantity } = purchase;
    const left = Number(await this.redis.get(`stock:${sku}`));
    if (left < quantity) return 'sold-out';
    await this.redis.decrby(`stock:${sku}`, quantity);
    await this.orders.record(purchase);
    return 'sold';
  }

  isOnRecord(id: string): Promise<boolean> {
    return this.orders.has(id);
  }
}
