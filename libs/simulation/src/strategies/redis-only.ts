/**
 * One script in Redis looks, takes and records in one step: nothing is sold twice. What is wrong: Redis is the only one
 * who knows, and answers before its disk does. What it forgets in a crash, buyers have been promised; and when the shelf
 * is filled again, it is sold again.
 */
import type { Redis } from 'ioredis';
import { type Connections, RedisOrders, type Purchase, type Strategy } from './strategy.js';

const script = `
local left = tonumber(redis.call('GET', KEYS[1]) or '0')
local quantity = tonumber(ARGV[1])
if left < quantity then return 0 end
redis.call('DECRBY', KEYS[1], quantity)
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1`;

export class RedisOnly implements Strategy {
  private readonly redis: Redis;
  private readonly orders: RedisOrders;

  constructor({ redis }: Connections) {
    this.redis = redis;
    this.orders = new RedisOrders(redis);
  }

  async stock(sku: string, units: number): Promise<void> {
    await this.redis.setnx(`stock:${sku}`, units);
  }

  async buy({ id, buyerId, sku, quantity }: Purchase): Promise<'sold' | 'sold-out'> {
    const sold = await this.redis.eval(script, 2, `stock:${sku}`, 'orders', quantity, id, buyerId);
    return sold === 1 ? 'sold' : 'sold-out';
  }

  isOnRecord(id: string): Promise<boolean> {
    return this.orders.has(id);
  }
}
