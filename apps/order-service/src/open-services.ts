/**
 * Opens what the service stands on: Redis and the ledger by their addresses, or the embedded ones in the data folder
 * where no address is given. What was opened is closed in the opposite order, also when a later part fails.
 */
import { availableOf, InvariantError } from '#domain';
import { migrate, openPglite, openPostgres, pgliteParsers, type Database } from '#ledger';
import {
  connectForDecisions,
  openDataFolder,
  openPGlite,
  parseRedisUrl,
  startRedis,
  systemClock,
  systemRandom,
  systemTimers,
  type Config,
  type DataFolder,
  type Logger,
  type ReadinessProbe,
  type RedisTarget,
} from '#platform';
import { openReservations, type ReservationServices, type StockUseCases } from '#reservations';
import { RedisStockStore } from '#stock';
import type { OpenedServices, ServiceContext } from './services.js';

/** In front of every key in Redis. */
const keyPrefix = 'holdfast';

export async function openServices(config: Config, { logger }: ServiceContext): Promise<OpenedServices> {
  const opened = new Opened();
  try {
    const folder = config.embedded
      ? opened.add(openDataFolder(config.dataDir), (held) => held.close())
      : null;
    const db = await openLedger(config, folder, logger, opened);
    const redis = connectForDecisions(await findRedis(config, folder, logger, opened));
    opened.add(redis, (connection) => connection.disconnect());
    redis.on('error', (error: Error) => logger.debug({ err: error }, 'Redis connection'));
    await redis
      .connect()
      .catch((error: unknown) => logger.warn({ err: error }, 'Redis cannot be reached yet'));

    const services = await openReservations({
      store: new RedisStockStore(redis, keyPrefix),
      db,
      clock: systemClock,
      timers: systemTimers,
      random: systemRandom,
      partitionCount: config.partitions,
      durability: config.durability,
      // PGlite is in this process, and the data folder is locked: nobody else can be at it.
      soleProcess: config.databaseUrl === null,
      report: (message, facts) => logger.info(facts, message),
    });
    opened.add(services, (open) => open.close());
    if (config.developmentKeys) await loadDemonstration(services.stock, logger);
    return { ...services, probes: [partitionsProbe(services)], close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
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

async function openLedger(
  config: Config,
  folder: DataFolder | null,
  logger: Logger,
  opened: Opened,
): Promise<Database> {
  const { databaseUrl } = config;
  const db = databaseUrl
    ? openPostgres(databaseUrl, (error) => logger.debug({ err: error }, 'ledger connection'))
    : openPglite(
        await openPGlite({
          dataDir: dataDirOf(folder),
          parsers: pgliteParsers,
          report: (message) => logger.info(message),
        }),
      );
  opened.add(db, (database) => database.destroy());
  const steps = await migrate(db);
  if (steps.length > 0) logger.info({ steps }, 'the ledger was migrated');
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

function partitionsProbe(services: ReservationServices): ReadinessProbe {
  return {
    name: 'stock',
    check: async () => {
      const closed = services.closedPartitions();
      const detail = closed.map(({ partition, reason }) => `partition ${partition}: ${reason}`).join('; ');
      return { ok: closed.length === 0, detail: detail || 'every partition takes reservations' };
    },
  };
}

const demonstration = [
  { sku: 'demo-sneaker', onHand: 200, buyerLimit: 2, holdTtlSeconds: 600 },
  { sku: 'demo-poster', onHand: 1, buyerLimit: undefined, holdTtlSeconds: 120 },
  { sku: 'demo-t-shirt', onHand: 5_000, buyerLimit: undefined, holdTtlSeconds: undefined },
];

/** Something to try on, for a ledger that has no SKU yet. */
async function loadDemonstration(stock: StockUseCases, logger: Logger): Promise<void> {
  const { data } = await stock.list({ limit: 1, after: null });
  if (data.length > 0) return;
  for (const sku of demonstration) {
    const { level } = await stock.put(sku);
    logger.info({ sku: level.sku, available: availableOf(level) }, 'a demonstration SKU was put');
  }
}
