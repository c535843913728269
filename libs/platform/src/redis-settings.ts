/** The settings of a Redis that say what becomes of the stock in it. */
import type { Cluster, Redis } from 'ioredis';

export type RedisSettings = {
  readonly version: string;
  readonly evictionPolicy: string;
  readonly isAppendOnly: boolean;
};

export async function settingsOfRedis(connection: Redis | Cluster): Promise<RedisSettings> {
  const info = await connection.info();
  const value = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  return {
    version: value('redis_version'),
    evictionPolicy: value('maxmemory_policy'),
    isAppendOnly: value('aof_enabled') === '1',
  };
}

/** What should be changed of a Redis that works; null: nothing. */
export function adviceOnRedis({ evictionPolicy, isAppendOnly }: RedisSettings): string | null {
  if (evictionPolicy !== 'noeviction')
    return 'Set maxmemory-policy noeviction: an evicted key is a partition that must be rebuilt.';
  if (!isAppendOnly)
    return 'Set appendonly yes: without it every restart of Redis is a rebuild from the ledger.';
  return null;
}
