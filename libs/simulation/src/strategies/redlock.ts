/**
 * A lock in Redis around GET, compare and SET. What is wrong: one buyer at a time, each with several round trips, while
 * everybody else polls for the lock and gives up; and a holder that pauses longer than the lock lives writes over what
 * others have sold. Redis's own crash loses lock and stock alike.
 */
import { Redlock } from '@sesamecare-oss/redlock';
import type { Redis } from 'ioredis';
import { type Connections, RedisOrders, type Purchase, type Strategy } from './strategy.js';

const lockMs = 1_000;
const attempts = { retryCount: 20, retryDelay: 50, retryJitter: 50 };

export class LockedByRedlock implements Strategy {
  private readonly redis: Redis;
  private readonly orders: RedisOrders;
  private readonly locks: Redlock;

  constructor({ redis }: Connections) {
    this.redis = redis;
    this.orders = new RedisOrders(redis);
    this.locks = new Redlock([redis], attempts);
    // A lock that is not had in time rejects its caller, who says so.
    this.locks.on('error', () => undefined);
  }

  async stock(sku: string, units: number): Promise<void> {
    await this.redis.setnx(`stock:${sku}`, units);
  }

  async buy(purchase: Purchase): Promise<'sold' | 'sold-out'> {
    const { sku, quantity } = purchase;
    const lock = await this.locks.acquire([`lock:${sku}`], lockMs);
    try {
      const left = Number(await this.redis.get(`stock:${sku}`));
      if (left < quantity) return 'sold-out';
      await this.redis.set(`stock:${sku}`, left - quantity);
      await this.orders.record(purchase);
      return 'sold';
    } finally {
      // One that has lapsed meanwhile cannot be released any more.
      await this.locks.release(lock).catch(() => undefined);
    }
  }

  isOnRecord(id: string): Promise<boolean> {
    return this.orders.has(id);
  }
}
