/**
 * The worker as a process of its own, until SIGINT or SIGTERM, beside any number of services and other workers on the same Redis
 * and PostgreSQL. It finishes what is in progress when it is told to stop; what a killed worker leaves is taken up by another,
 * because everything is decided in the ledger.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { sql, type Database } from '#ledger';
import { providersOf, sourcesOf } from '#payments';
import {
  ConfigurationError,
  connectForDecisions,
  connectOnce,
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
import { healthAddress, serveHealth } from './health-server.js';
import { startConfiguredWorker } from './configured-worker.js';

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
  const healthAt = healthAddress(config);
  if (healthAt) await waitForPort(healthAt, (message) => logger.info(message));
  await using opened = new AsyncDisposableStack();
  const { db } = opened.adopt(await openLedger(config, logger, ledgerWaitMs), (ledger) => ledger.close());
  await warnIfAway(redis, logger);
  const sources = sourcesOf(providersOf(config), config);
  const providers = sources.map(({ provider }) => provider);
  const queues = openQueues(redis, providers, {
    onError: (error) => logger.debug({ err: error }, 'a queue'),
    sleep: (ms) => systemTimers.sleep(ms),
  });
  opened.adopt(queues, (open) => open.close());
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const parts = { installation: { db, redis }, queues, sources, policies, commands: paymentCommandsOf(db) };
  opened.adopt(await startConfiguredWorker(parts, { logger, metrics: { registry } }, config), (worker) =>
    worker.close(),
  );
  const health = await serveHealth(healthAt, { probes: probesOf(db, queues), registry });
  opened.adopt(health, (open) => open?.close());
  const kept = opened.move();
  return { providers, address: health?.address ?? null, close: () => kept.disposeAsync() };
}

/** The queues wait for Redis silently, so say that it is away. */
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
    'a separate worker needs REDIS_URL and DATABASE_URL: with an embedded part the service runs the jobs itself',
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
