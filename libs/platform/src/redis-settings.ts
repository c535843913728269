/** The settings of a Redis that say what becomes of the stock in it. */
import type { Cluster, Redis } from 'ioredis';

export type RedisSettings = {
  readonly version: string;
  readonly evictionPolicy: string;
  readonly isAppendOnly: boolean;
  /** How much of its maxmemory is in use; null: there is no limit. */
  readonly usedShare: number | null;
};

/** A sale may need as much again before anybody has looked. */
const usedShareMax = 0.8;

export async function settingsOfRedis(connection: Redis | Cluster): Promise<RedisSettings> {
  const info = await connection.info();
  const value = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const maxmemory = Number(value('maxmemory'));
  return {
    version: value('redis_version'),
    evictionPolicy: value('maxmemory_policy'),
    isAppendOnly: value('aof_enabled') === '1',
    usedShare: maxmemory > 0 ? Number(value('used_memory')) / maxmemory : null,
  };
}

/** What should be changed of a Redis that works; null: nothing. */
export function adviceOnRedis({ evictionPolicy, isAppendOnly, usedShare }: RedisSettings): string | null {
  if (usedShare !== null && usedShare > usedShareMax)
    return `Raise maxmemory: ${Math.round(usedShare * 100)} % of it is in use, and at 100 no reservation is taken.`;
  if (evictionPolicy !== 'noeviction')
    return 'Set maxmemory-policy noeviction: an evicted key is a partition that must be rebuilt.';
  if (!isAppendOnly)
    return 'Set appendonly yes: without it every restart of Redis is a rebuild from the ledger.';
  return null;
}
