/** The worker as `npm start` and `holdfast worker` run it: by the configuration, on the system's own clock. */
import type { Database } from '#ledger';
import type { TransactionSource } from '#payments';
import { systemClock, systemIds, type Config, type Logger, type Metrics, type RedisTarget } from '#platform';
import type { PaymentCommands, Policies, ReconciliationQueues } from '#reconciliation';
import { startWorker, type RunningWorker } from './worker.js';
import { createWorkerMetrics } from './worker-metrics.js';

export type WorkerParts = {
  readonly installation: { readonly db: Database; readonly redis: RedisTarget };
  readonly queues: ReconciliationQueues;
  readonly sources: readonly TransactionSource[];
  readonly commands: PaymentCommands | null;
  readonly policies: Policies;
};

export function startConfiguredWorker(
  { installation, queues, sources, commands, policies }: WorkerParts,
  context: { readonly logger: Logger; readonly metrics: Pick<Metrics, 'registry'> },
  { reconciliationTickSeconds }: Pick<Config, 'reconciliationTickSeconds'>,
): Promise<RunningWorker> {
  const { logger, metrics } = context;
  return startWorker({
    db: installation.db,
    redis: installation.redis,
    queues,
    sources,
    commands,
    policies,
    tickMs: reconciliationTickSeconds * 1_000,
    clock: systemClock,
    ids: systemIds,
    logger,
    metrics: createWorkerMetrics(metrics.registry),
  });
}
