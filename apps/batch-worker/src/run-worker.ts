/**
 * The workers as a process of their own, until SIGINT or SIGTERM, beside any number of services and other workers on the
 * same Redis and PostgreSQL. What is under way when it is told to stop is finished; what a killed one leaves is taken up by
 * another, because everything is decided in the ledger.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { sql, type Database } from '#ledger';
import { providersOf, sourcesOf } from '#payments';
import {
  ConfigurationError,
  connectForDecisions,
  connectOnce,
  Opened,
  parseRedisUrl,
  systemTimers,
  unanswered,
  waitForPort,
  type Config,
  type Logger,
  type ReadinessProbe,
  type RedisTarget,
} from '#platform';
import { openQueues, paymentCommandsOf, readPolicies, type ReconciliationQueues } from '#reconciliation';
import { ledgerWaitMs, openLedger } from '#reservations';
import { placeOfHealth, sayHealth } from './worker-health.js';
import { workerOf } from './worker-of.js';

export type OpenedWorker = {
  /** Whose transactions it reads. */
  readonly providers: readonly string[];
  /** Where `/livez`, `/readyz` and `/metrics` are; null: nowhere. */
  readonly address: string | null;
  close(): Promise<void>;
};

/**
 * Works when it resolves.
 * @throws ConfigurationError when a part is embedded: the process that has it works through its queues itself;
 *   ServerAwayError when PostgreSQL does not answer for a minute
 */
export async function openWorker(config: Config, logger: Logger): Promise<OpenedWorker> {
  const redis = redisOf(config);
  const policies = readPolicies(config.reconciliationPolicy);
  const place = placeOfHealth(config);
  if (place) await waitForPort(place, (message) => logger.info(message));
  const opened = new Opened();
  try {
    const { db } = opened.add(await openLedger(config, logger, ledgerWaitMs), (ledger) => ledger.close());
    await warnIfAway(redis, logger);
    const sources = sourcesOf(providersOf(config), config);
    const providers = sources.map(({ provider }) => provider);
    const queues = openQueues(redis, providers, {
      onError: (error) => logger.debug({ err: error }, 'a queue'),
      sleep: (ms) => systemTimers.sleep(ms),
    });
    opened.add(queues, (open) => open.close());
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const house = { installation: { db, redis }, queues, sources, policies, commands: paymentCommandsOf(db) };
    opened.add(await workerOf(house, { logger, metrics: { registry } }, config), (worker) => worker.close());
    const health = await sayHealth(place, { probes: probesOf(db, queues), registry });
    opened.add(health, (open) => open?.close());
    return { providers, address: health?.address ?? null, close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** The queues wait for Redis without a word. */
async function warnIfAway(target: RedisTarget, logger: Logger): Promise<void> {
  const connection = connectForDecisions(target);
  connection.on('error', (error: Error) => logger.debug({ err: error }, 'Redis connection'));
  await connectOnce(connection).catch((error: unknown) =>
    logger.warn({ reason: unanswered(target, error) }, 'Redis cannot be reached yet'),
  );
  connection.disconnect();
}

function redisOf({ redisUrl, databaseUrl }: Config): RedisTarget {
  const redis = redisUrl === null ? undefined : parseRedisUrl(redisUrl);
  if (redis && databaseUrl !== null) return redis;
  throw new ConfigurationError(
    'a worker of its own wants REDIS_URL and DATABASE_URL: with an embedded part the service works through the queues itself',
  );
}

function probesOf(db: Database, queues: ReconciliationQueues): ReadinessProbe[] {
  return [
    {
      name: 'ledger',
      async check() {
        await sql`select 1`.execute(db);
        return { ok: true, detail: 'it answers' };
      },
    },
    {
      name: 'queues',
      async check() {
        const counts = await queues.general.getJobCounts('waiting', 'active', 'delayed');
        return { ok: true, detail: JSON.stringify(counts) };
      },
    },
  ];
}
