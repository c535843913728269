/**
 * An installation: Redis and the ledger by their addresses, or the embedded ones in the data folder where no address
 * is given, with the use cases over them. What was opened is closed in the opposite order, also when a later part
 * fails. The HTTP service and the command line open the same one.
 */
import { InvariantError } from '#domain';
import {
  auditTimeoutMs,
  migrate,
  migrationState,
  openPglite,
  openPostgres,
  pgliteParsers,
  type Database,
} from '#ledger';
import type { PaymentProvider } from '#payments';
import {
  ConfigurationError,
  connectForDecisions,
  connectForNews,
  keyPrefixOf,
  openDataFolder,
  openPGlite,
  parseRedisUrl,
  startRedis,
  systemClock,
  systemRandom,
  systemTimers,
  waitForDataFolder,
  type Config,
  type DataFolder,
  type Logger,
  type RedisTarget,
} from '#platform';
import { listenToNews, RedisStockStore } from '#stock';
import { openReservations, type ReservationServices } from './open-reservations.js';
import { waitForLedger } from './wait-for-ledger.js';

/** The use cases, and what they stand on for whoever has more to do there. */
export type Installation = ReservationServices & { readonly db: Database; readonly redis: RedisTarget };

export type InstallationOptions = {
  /** To look and not to mend. */
  readonly observing: boolean;
  readonly providers?: readonly PaymentProvider[];
  /** How long a PostgreSQL that is just starting is waited for (0). */
  readonly ledgerWaitMs?: number;
};

/** The ledger alone, migrated. */
export type OpenedLedger = { readonly db: Database; close(): Promise<void> };

const folderPatienceMs = 3_000;

/**
 * Opens everything that the configuration names, embedded or not, migrated and looked at once. `observing`: to look
 * and not to mend; what is out of date is refused then, and what is empty begun.
 * @throws DataFolderInUseError when another process has the embedded one, ConfigurationError, ServerNotFoundError
 */
export async function openInstallation(
  config: Config,
  logger: Logger,
  options: InstallationOptions = { observing: false },
): Promise<Installation> {
  const opened = new Opened();
  try {
    const folder = config.embedded
      ? opened.add(await takeFolder(config, logger), (held) => held.close())
      : null;
    const db = await openDatabase(config, folder, logger, opened, options.ledgerWaitMs);
    const observing = options.observing && (await isLedger(db));
    if (!observing) await bringUpToDate(db, logger);
    const target = await findRedis(config, folder, logger, opened);
    const keyPrefix = keyPrefixOf(target);
    const redis = connectForDecisions(target);
    opened.add(redis, (connection) => connection.disconnect());
    redis.on('error', (error: Error) => logger.debug({ err: error }, 'Redis connection'));
    const news = opened.add(connectForNews(target), (connection) => connection.disconnect());
    news.on('error', (error: Error) => logger.debug({ err: error }, 'Redis connection for news'));
    await redis
      .connect()
      .catch((error: unknown) => logger.warn({ err: error }, 'Redis cannot be reached yet'));

    const services = await openReservations({
      auditDb: openForAudit(config, db, logger, opened),
      store: new RedisStockStore(redis, keyPrefix, systemClock, (message, facts) =>
        logger.warn(facts, message),
      ),
      listen(listener) {
        listenToNews(news, keyPrefix, listener);
        // When Redis is away it connects later, by itself.
        news.connect().catch(() => undefined);
      },
      db,
      clock: systemClock,
      timers: systemTimers,
      random: systemRandom,
      partitionCount: config.partitions,
      durability: config.durability,
      providers: options.providers ?? [],
      paymentTtlSeconds: config.paymentTtlSeconds,
      idempotencyKeyDays: config.idempotencyKeyDays,
      // PGlite is in this process, and the data folder is locked: nobody else can be at it.
      soleProcess: config.databaseUrl === null,
      observing,
      report: (message, facts) => logger.info(facts, message),
    });
    opened.add(services, (open) => open.close());
    return { ...services, db, redis: target, close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Opens the ledger and nothing else, brought up to date. @throws DataFolderInUseError, ConfigurationError */
export async function openLedger(config: Config, logger: Logger): Promise<OpenedLedger> {
  const opened = new Opened();
  try {
    const folder = config.databaseUrl
      ? null
      : opened.add(openDataFolder(config.dataDir), (held) => held.close());
    const db = await openDatabase(config, folder, logger, opened);
    await bringUpToDate(db, logger);
    return { db, close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Brings the ledger's schema up to date and nothing else. Answers with the steps it took. */
export async function migrateInstallation(config: Config, logger: Logger): Promise<readonly string[]> {
  const opened = new Opened();
  try {
    const folder = config.databaseUrl
      ? null
      : opened.add(openDataFolder(config.dataDir), (held) => held.close());
    return await migrate(await openDatabase(config, folder, logger, opened));
  } finally {
    await opened.close();
  }
}

/** A restart does not always wait for the old process to end: it gets a little time. */
function takeFolder({ dataDir }: Config, logger: Logger): Promise<DataFolder> {
  return waitForDataFolder(dataDir, { waitMs: folderPatienceMs, report: (message) => logger.info(message) });
}

/** What has been opened so far, to be closed last first. */
class Opened {
  private readonly closing: (() => unknown)[] = [];

  add<Part>(part: Part, close: (part: Part) => unknown): Part {
    this.closing.unshift(() => close(part));
    return part;
  }

  async close(): Promise<void> {
    for (const close of this.closing.splice(0)) await close();
  }
}

async function bringUpToDate(db: Database, logger: Logger): Promise<void> {
  const steps = await migrate(db);
  if (steps.length > 0) logger.info({ steps }, 'the ledger was migrated');
}

/** Whether there is anything to look at; an empty database is a ledger to be begun. */
async function isLedger(db: Database): Promise<boolean> {
  const { taken, missing } = await migrationState(db);
  if (taken.length > 0 && missing.length > 0) throw new ConfigurationError(notMigrated(missing));
  return taken.length > 0;
}

function notMigrated(missing: readonly string[]): string {
  return `this ledger lacks ${missing.join(', ')}: start the service on it once, or run \`npx holdfast migrate\``;
}

/** A connection of its own where there can be one; it is made when the first question is asked. */
function openForAudit({ databaseUrl }: Config, db: Database, logger: Logger, opened: Opened): Database {
  if (!databaseUrl) return db;
  const onError = (error: Error) => logger.debug({ err: error }, 'ledger connection for audits');
  const auditDb = openPostgres(databaseUrl, onError, { connectionsMax: 1, queryTimeoutMs: auditTimeoutMs });
  return opened.add(auditDb, (database) => database.destroy());
}

async function openDatabase(
  config: Config,
  folder: DataFolder | null,
  logger: Logger,
  opened: Opened,
  waitMs = 0,
): Promise<Database> {
  const { databaseUrl } = config;
  const report = (message: string) => logger.info(message);
  if (!databaseUrl) {
    const pglite = await openPGlite({ dataDir: dataDirOf(folder), parsers: pgliteParsers, report });
    return opened.add(openPglite(pglite), (database) => database.destroy());
  }
  const db = openPostgres(databaseUrl, (error) => logger.debug({ err: error }, 'ledger connection'));
  opened.add(db, (database) => database.destroy());
  const { host } = new URL(databaseUrl);
  await waitForLedger(db, { waitMs, host, clock: systemClock, timers: systemTimers, report });
  return db;
}

async function findRedis(
  config: Config,
  folder: DataFolder | null,
  logger: Logger,
  opened: Opened,
): Promise<RedisTarget> {
  if (config.redisUrl) {
    const target = parseRedisUrl(config.redisUrl);
    if (!target) throw new Error('REDIS_URL is none of the forms in docs/configuration.md');
    return target;
  }
  const redis = await startRedis({ dataDir: dataDirOf(folder), report: (message) => logger.info(message) });
  opened.add(redis, (server) => server.stop());
  const { connection } = redis;
  return 'path' in connection
    ? { kind: 'socket', path: connection.path }
    : { kind: 'standalone', url: `redis://${connection.host}:${connection.port}` };
}

function dataDirOf(folder: DataFolder | null): string {
  if (!folder) throw new InvariantError('an embedded service needs a data folder');
  return folder.path;
}
