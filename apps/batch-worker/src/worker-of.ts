/** The workers over an installation that is open: what they are given in `npm start` as well as in a process of their own. */
import type { TransactionSource } from '#payments';
import { systemClock, systemIds, type Logger, type Metrics } from '#platform';
import { matchPolicyDefault, type PaymentCommands, type ReconciliationQueues } from '#reconciliation';
import type { Installation } from '#reservations';
import { startWorker, type RunningWorker } from './start-worker.js';
import { createWorkerMetrics } from './worker-metrics.js';

export type House = {
  readonly installation: Installation;
  readonly queues: ReconciliationQueues;
  readonly sources: readonly TransactionSource[];
  readonly commands: PaymentCommands | null;
};

export function workerOf(
  { installation, queues, sources, commands }: House,
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics },
): Promise<RunningWorker> {
  return startWorker({
    db: installation.db,
    redis: installation.redis,
    queues,
    sources,
    commands,
    policy: matchPolicyDefault,
    clock: systemClock,
    ids: systemIds,
    logger,
    metrics: createWorkerMetrics(metrics.registry),
  });
}
