/** The workers over what is open: what they are given in `npm start` as well as in a process of their own. */
import type { Database } from '#ledger';
import type { TransactionSource } from '#payments';
import { systemClock, systemIds, type Config, type Logger, type Metrics, type RedisTarget } from '#platform';
import type { PaymentCommands, Policies, ReconciliationQueues } from '#reconciliation';
import { startWorker, type RunningWorker } from './start-worker.js';
import { createWorkerMetrics } from './worker-metrics.js';

export type House = {
  readonly installation: { readonly db: Database; readonly redis: RedisTarget };
  readonly queues: ReconciliationQueues;
  readonly sources: readonly TransactionSource[];
  readonly commands: PaymentCommands | null;
  readonly policies: Policies;
};

export function workerOf(
  { installation, queues, sources, commands, policies }: House,
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
