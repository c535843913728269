/** The strategies by name, and what each of them wants. */
import { LoadOrStore } from './load-or-store.js';
import { LoadThenStore } from './load-then-store.js';
import { LocalCompareAndSwap } from './local-compare-and-swap.js';
import { PostgresRowLock } from './postgres-row-lock.js';
import { RedisCheckThenAct } from './redis-check-then-act.js';
import { RedisOnly } from './redis-only.js';
import { LockedByRedlock } from './redlock.js';
import type { Connections, NaiveName, Strategy } from './strategy.js';

type Row = {
  readonly open: new (connections: Connections) => Strategy;
  /** Each instance has a shelf of its own, to be filled one by one. */
  readonly shelfPerInstance: boolean;
  readonly usesPostgres: boolean;
};

const inMemory = { shelfPerInstance: true, usesPostgres: false };
const inRedis = { shelfPerInstance: false, usesPostgres: false };

export const strategies = {
  'load-then-store': { open: LoadThenStore, ...inMemory },
  'load-or-store': { open: LoadOrStore, ...inMemory },
  'local-compare-and-swap': { open: LocalCompareAndSwap, ...inMemory },
  'redis-check-then-act': { open: RedisCheckThenAct, ...inRedis },
  'redis-only': { open: RedisOnly, ...inRedis },
  'postgres-row-lock': { open: PostgresRowLock, shelfPerInstance: false, usesPostgres: true },
  redlock: { open: LockedByRedlock, ...inRedis },
} as const satisfies Record<NaiveName, Row>;
