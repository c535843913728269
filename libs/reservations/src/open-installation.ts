/**
 * An installation: Redis and the ledger at their addresses, or embedded ones in the data folder where no address is given, with
 * the use cases on top. What was opened is closed in reverse order, also when a later part fails to open. The HTTP service and
 * the command line open the same one; further threads of the process join it.
 */
import type { Cluster, Redis } from 'ioredis';
import {
  adviceOnServer,
  migrate,
  migrationState,
  migrationTimeoutMs,
  openPostgres,
  settingsOfServer,
  type Database,
} from '#ledger';
import type { PaymentProvider } from '#payments';
import {
  adviceOnRedis,
  ConfigurationError,
  connectForDecisions,
  connectOnce,
  connectForNews,
  hasPGlite,
  keyPrefixOf,
  openDataFolder,
  settingsOfRedis,
  ServerAwayError,
  systemClock,
  systemRandom,
  systemTimers,
  unanswered,
  type Config,
  type Logger,
  type RedisTarget,
} from '#platform';
import { NewsSubscription, RedisStockStore, StockCells, type NewsListener } from '#stock';
import { openReservations, type ReservationOptions, type ReservationServices } from './open-reservations.js';
import { addressOf, findRedis, openDatabase, openForAudit, takeFolder } from './open-servers.js';

/** The use cases, and what they stand on for whoever has more to do there. */
export type Installation = ReservationServices & {
  readonly db: Database;
  readonly redis: RedisTarget;
  /** For the HTTP threads to join by; null when this thread is the one that answers HTTP. */
  readonly handle: InstallationHandle | null;
};

/** Where the threads of a process meet: it can be sent to them. */
export type InstallationHandle = {
  readonly redis: RedisTarget;
  readonly databaseUrl: string;
  /** Of `StockCells`. */
  readonly cells: SharedArrayBuffer;
};

export type InstallationOptions = {
  /** To look and not to mend: what is not there, or out of date, is refused then. */
  readonly observing: boolean;
  readonly providers?: readonly PaymentProvider[];
  /** How long a PostgreSQL that is just starting is waited for (0). */
  readonly ledgerWaitMs?: number;
};

/** The ledger alone, migrated. */
export type OpenedLedger = { readonly db: Database; close(): Promise<void> };

/**
 * Opens everything that the configuration names, embedded or not, migrated and looked at once.
 * @throws DataFolderInUseError when another process has the embedded one, ConfigurationError, ServerNotFoundError,
 *   ServerAwayError
 */
export async function openInstallation(
  config: Config,
  logger: Logger,
  options: InstallationOptions = { observing: false },
): Promise<Installation> {
  await using opened = new AsyncDisposableStack();
  const { observing } = options;
  // Opening a folder without a ledger would make one.
  if (observing && !config.databaseUrl && !hasPGlite(config.dataDir)) throw noLedger(config);
  const folder = config.embedded
    ? opened.adopt(await takeFolder(config, logger), (held) => held.close())
    : null;
  const { db, pglite } = await openDatabase(config, folder, logger, opened, options.ledgerWaitMs);
  if (observing) await refuseOtherThanLedger(config, db);
  else await bringUpToDate(config, db, logger);
  const redis = await findRedis(config, folder, logger, opened);
  const cells = StockCells.create();
  const threaded = config.httpThreads > 1 && !observing;
  const databaseUrl = threaded ? await addressOf(config, pglite, opened) : null;
  const services = await openOver({ config, logger, opened, db, redis, cells }, options, {
    // PGlite is in this process, and the data folder is locked: nobody else can be at it.
    soleProcess: config.databaseUrl === null,
    observing,
    // The threads refuse, and hear the news for it.
    hearsNews: !threaded,
  });
  const handle = databaseUrl === null ? null : { redis, databaseUrl, cells: cells.buffer };
  const kept = opened.move();
  return { ...services, db, redis, handle, close: () => kept.disposeAsync() };
}

/**
 * Joins an installation that the main thread of this process has opened and looks after: with connections of its own, as
 * if it were another process, and with the same cells of the stock cache.
 */
export async function joinInstallation(
  config: Config,
  handle: InstallationHandle,
  logger: Logger,
  options: Pick<InstallationOptions, 'providers'> = {},
): Promise<Installation> {
  await using opened = new AsyncDisposableStack();
  const joined = { ...config, databaseUrl: handle.databaseUrl };
  const { db } = await openDatabase(joined, null, logger, opened);
  const { redis } = handle;
  const cells = StockCells.attach(handle.cells);
  const services = await openOver({ config: joined, logger, opened, db, redis, cells }, options, {
    soleProcess: false,
    observing: false,
    hearsNews: true,
    swept: true,
  });
  const kept = opened.move();
  return { ...services, db, redis, handle, close: () => kept.disposeAsync() };
}

type Foundation = {
  readonly config: Config;
  readonly logger: Logger;
  readonly opened: AsyncDisposableStack;
  readonly db: Database;
  readonly redis: RedisTarget;
  readonly cells: StockCells;
};

/** The use cases over a ledger and a Redis that have been found. */
async function openOver(
  { config, logger, opened, db, redis: target, cells }: Foundation,
  { providers = [] }: Pick<InstallationOptions, 'providers'>,
  role: Pick<ReservationOptions, 'soleProcess' | 'observing' | 'swept'> & { readonly hearsNews: boolean },
): Promise<ReservationServices> {
  const keyPrefix = keyPrefixOf(target);
  const redis = connectForDecisions(target);
  opened.adopt(redis, (connection) => connection.disconnect());
  redis.on('error', (error: Error) => logger.debug({ err: error }, 'Redis connection'));
  await connectOnce(redis).catch((error: unknown) => {
    const reason = unanswered(target, error);
    // Who only looks would take what cannot be seen for what is broken.
    if (role.observing) throw new ServerAwayError(`${reason}. Start it, or correct REDIS_URL.`);
    logger.warn({ reason }, 'Redis cannot be reached yet');
  });
  if (!role.observing && !role.swept) await warnOfSettings(config, db, redis, logger);
  const { hearsNews, ...roles } = role;
  const warn: ReservationOptions['warn'] = (message, facts) => logger.warn(facts, message);
  const services = await openReservations({
    ...roles,
    auditDb: openForAudit(config, db, logger, opened),
    store: new RedisStockStore(redis, keyPrefix, systemClock, warn),
    listen: hearsNews ? (listener) => hearNews(target, redis, listener, logger, opened) : null,
    cells,
    db,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    partitionCount: config.partitions,
    durability: config.durability,
    providers,
    paymentTtlSeconds: config.paymentTtlSeconds,
    idempotencyKeyDays: config.idempotencyKeyDays,
    report: (message, facts) => logger.info(facts, message),
    warn,
  });
  return opened.adopt(services, (open) => open.close());
}

/** What works and is not wise is said at the start; a server that is away or does not tell is not waited for. */
async function warnOfSettings(
  { databaseUrl, redisUrl }: Config,
  db: Database,
  redis: Redis | Cluster,
  logger: Logger,
): Promise<void> {
  const advice = await Promise.all([
    databaseUrl === null ? null : settingsOfServer(db).then(adviceOnServer, () => null),
    redisUrl === null ? null : settingsOfRedis(redis).then(adviceOnRedis, () => null),
  ]);
  for (const mend of advice) if (mend !== null) logger.warn(mend);
}

function hearNews(
  target: RedisTarget,
  decisions: Redis | Cluster,
  listener: NewsListener,
  logger: Logger,
  opened: AsyncDisposableStack,
): void {
  const connect = (): Redis =>
    connectForNews(target, decisions).on('error', (error: Error) =>
      logger.debug({ err: error }, 'Redis connection for news'),
    );
  const keyPrefix = keyPrefixOf(target);
  const news = new NewsSubscription({ connect, decisions, keyPrefix, timers: systemTimers, listener });
  opened.adopt(news, (subscription) => subscription.close()).open();
}

/**
 * Opens the ledger and nothing else, brought up to date.
 * @param waitMs how long a PostgreSQL that is just starting is waited for
 * @throws DataFolderInUseError, ConfigurationError, ServerAwayError
 */
export async function openLedger(config: Config, logger: Logger, waitMs = 0): Promise<OpenedLedger> {
  await using opened = new AsyncDisposableStack();
  const folder = config.databaseUrl
    ? null
    : opened.adopt(openDataFolder(config.dataDir), (held) => held.close());
  const { db } = await openDatabase(config, folder, logger, opened, waitMs);
  await bringUpToDate(config, db, logger);
  const kept = opened.move();
  return { db, close: () => kept.disposeAsync() };
}

/** Brings the ledger's schema up to date and nothing else. Answers with the steps it took. */
export async function migrateInstallation(config: Config, logger: Logger): Promise<readonly string[]> {
  await using opened = new AsyncDisposableStack();
  const folder = config.databaseUrl
    ? null
    : opened.adopt(openDataFolder(config.dataDir), (held) => held.close());
  const { db } = await openDatabase(config, folder, logger, opened);
  return await takeSteps(config, db);
}

async function bringUpToDate(config: Config, db: Database, logger: Logger): Promise<void> {
  const steps = await takeSteps(config, db);
  if (steps.length > 0) logger.info({ steps }, 'the ledger was migrated');
}

/** On a server by a connection of its own: what takes its time there is not given up. */
async function takeSteps({ databaseUrl }: Config, db: Database): Promise<string[]> {
  if (!databaseUrl) return migrate(db);
  const patience = { connectionsMax: 1, queryTimeoutMs: migrationTimeoutMs };
  const patient = openPostgres(databaseUrl, () => undefined, patience);
  try {
    return await migrate(patient);
  } finally {
    await patient.destroy();
  }
}

/** An empty database has nothing to look at: all would be well with it. */
async function refuseOtherThanLedger(config: Config, db: Database): Promise<void> {
  const { taken, missing } = await migrationState(db);
  if (taken.length === 0) throw noLedger(config);
  if (missing.length > 0) throw new ConfigurationError(notMigrated(missing));
}

function noLedger({ databaseUrl, dataDir }: Config): ConfigurationError {
  const variable = databaseUrl ? 'DATABASE_URL' : 'HOLDFAST_DATA_DIR';
  const place = databaseUrl ? new URL(databaseUrl) : { host: dataDir, pathname: '' };
  return new ConfigurationError(
    `there is no ledger at ${place.host}${place.pathname}: correct ${variable}, or start the service on it once`,
  );
}

function notMigrated(missing: readonly string[]): string {
  return `this ledger lacks ${missing.join(', ')}: start the service on it once, or run \`npx holdfast migrate\``;
}
