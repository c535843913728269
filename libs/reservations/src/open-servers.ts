/**
 * What an installation is built on: the ledger's database and Redis, as configured, or the embedded ones in the data folder.
 * Each is added to the stack of what its opener closes.
 */
import type { PGlite } from '@electric-sql/pglite';
import { assert, InvariantError } from '#domain';
import { auditTimeoutMs, openPglite, openPostgres, pgliteParsers, type Database } from '#ledger';
import {
  openPGlite,
  parseRedisUrl,
  servePGlite,
  startRedis,
  systemClock,
  systemTimers,
  waitForDataFolder,
  type Config,
  type DataFolder,
  type Logger,
  type RedisTarget,
} from '#platform';
import { waitForLedger } from './wait-for-ledger.js';

const folderPatienceMs = 3_000;

/** A restart does not always wait for the old process to end: it gets a little time. */
export function takeFolder({ dataDir }: Config, logger: Logger): Promise<DataFolder> {
  return waitForDataFolder(dataDir, { waitMs: folderPatienceMs, report: (message) => logger.info(message) });
}

/** A connection of its own where there can be one; it is made when the first question is asked. */
export function openForAudit(
  { databaseUrl }: Config,
  db: Database,
  logger: Logger,
  opened: AsyncDisposableStack,
): Database {
  if (!databaseUrl) return db;
  const onError = (error: Error) => logger.debug({ err: error }, 'ledger connection for audits');
  const auditDb = openPostgres(databaseUrl, onError, { connectionsMax: 1, queryTimeoutMs: auditTimeoutMs });
  return opened.adopt(auditDb, (database) => database.destroy());
}

/** @param waitMs how long a PostgreSQL that is just starting is waited for */
export async function openDatabase(
  config: Config,
  folder: DataFolder | null,
  logger: Logger,
  opened: AsyncDisposableStack,
  waitMs = 0,
): Promise<{ readonly db: Database; readonly pglite: PGlite | null }> {
  const { databaseUrl } = config;
  const report = (message: string) => logger.info(message);
  if (!databaseUrl) {
    const pglite = await openPGlite({ dataDir: dataDirOf(folder), parsers: pgliteParsers, report });
    return { db: opened.adopt(openPglite(pglite), (database) => database.destroy()), pglite };
  }
  const db = openPostgres(databaseUrl, (error) => logger.debug({ err: error }, 'ledger connection'));
  opened.adopt(db, (database) => database.destroy());
  const { host } = new URL(databaseUrl);
  await waitForLedger(db, { waitMs, host, clock: systemClock, timers: systemTimers, report });
  return { db, pglite: null };
}

/** Where other threads reach the ledger: a server, or PGlite served to them from here. */
export async function addressOf(
  config: Config,
  pglite: PGlite | null,
  opened: AsyncDisposableStack,
): Promise<string> {
  if (config.databaseUrl) return config.databaseUrl;
  assert(pglite, 'a ledger is on a server or embedded', {});
  return opened.adopt(await servePGlite(pglite), (served) => served.close()).url;
}

export async function findRedis(
  config: Config,
  folder: DataFolder | null,
  logger: Logger,
  opened: AsyncDisposableStack,
): Promise<RedisTarget> {
  if (config.redisUrl) {
    const target = parseRedisUrl(config.redisUrl);
    if (!target) throw new Error('REDIS_URL has none of the forms in docs/configuration.md');
    return target;
  }
  const redis = await startRedis({ dataDir: dataDirOf(folder), report: (message) => logger.info(message) });
  opened.adopt(redis, (server) => server.stop());
  const { connection } = redis;
  return 'path' in connection
    ? { kind: 'socket', path: connection.path }
    : { kind: 'standalone', url: `redis://${connection.host}:${connection.port}` };
}

function dataDirOf(folder: DataFolder | null): string {
  if (!folder) throw new InvariantError('an embedded service needs a data folder');
  return folder.path;
}
