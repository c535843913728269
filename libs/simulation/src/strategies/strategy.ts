/**
 * A way to sell stock, written as shops write it: what happens between a request and its answer. strategy-server.ts runs each in
 * as many processes as there are instances.
 */
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import type { StrategyName } from '#contracts';

export type Purchase = {
  readonly id: string;
  readonly buyerId: string;
  readonly sku: string;
  readonly quantity: number;
};

export interface Strategy {
  /** Fills the shelf, before the sale and again when an instance has been started anew. */
  stock(sku: string, units: number): Promise<void>;
  buy(purchase: Purchase): Promise<'sold' | 'sold-out'>;
  /** Whether the shop still knows of a purchase. */
  isOnRecord(id: string): Promise<boolean>;
}

/** The servers that a strategy may use. */
export type Connections = { readonly redis: Redis; readonly postgres: Pool };

export type NaiveName = Exclude<StrategyName, 'holdfast'>;

/** The shop's orders in Redis, where the strategies that keep stock in memory or in Redis write them. */
export class RedisOrders {
  constructor(private readonly redis: Redis) {}

  async record({ id, buyerId }: Purchase): Promise<void> {
    await this.redis.hset('orders', id, buyerId);
  }

  async has(id: string): Promise<boolean> {
    return (await this.redis.hexists('orders', id)) === 1;
  }
}
