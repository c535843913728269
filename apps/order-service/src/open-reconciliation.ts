/** Reconciliation over an installation: the use cases, and the queues that its workers listen to. */
import { statementReaders, type TransactionSource } from '#payments';
import { systemTimers, type Logger } from '#platform';
import {
  matchPolicyDefault,
  openQueues,
  Reconciliation,
  type PaymentCommands,
  type ReconciliationQueues,
  type ReconciliationUseCases,
} from '#reconciliation';
import type { Installation } from '#reservations';

export type OpenedReconciliation = {
  readonly reconciliation: ReconciliationUseCases;
  readonly queues: ReconciliationQueues;
  readonly sources: readonly TransactionSource[];
  readonly commands: PaymentCommands | null;
  /** Finishes the files that are being read. */
  close(): Promise<void>;
};

export function openReconciliation(
  { db, redis }: Installation,
  sources: readonly TransactionSource[],
  commands: PaymentCommands | null,
  logger: Logger,
): OpenedReconciliation {
  const queues = openQueues(
    redis,
    sources.map(({ provider }) => provider),
    {
      onError: (error) => logger.debug({ err: error }, 'a queue'),
      sleep: (ms) => systemTimers.sleep(ms),
    },
  );
  const reconciliation = new Reconciliation({
    db,
    policy: matchPolicyDefault,
    sources,
    readers: statementReaders,
    commands,
    announce: (run) => queues.announce(run),
    report: (message, facts) => logger.warn(facts, message),
  });
  return {
    reconciliation,
    queues,
    sources,
    commands,
    async close() {
      await reconciliation.close();
      await queues.close();
    },
  };
}
