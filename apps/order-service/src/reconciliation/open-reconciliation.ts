/** Reconciliation over an installation: the use cases, and the queues that its workers listen to. */
import { statementReaders, type TransactionSource } from '#payments';
import { systemTimers, type Logger } from '#platform';
import {
  openQueues,
  Reconciliation,
  type PaymentCommands,
  type Policies,
  type ReconciliationQueues,
  type ReconciliationUseCases,
} from '#reconciliation';
import type { Installation } from '#reservations';

export type OpenedReconciliation = {
  readonly reconciliation: ReconciliationUseCases;
  readonly queues: ReconciliationQueues;
  readonly sources: readonly TransactionSource[];
  readonly commands: PaymentCommands | null;
  readonly policies: Policies;
  /** Finishes the files that are being read. */
  close(): Promise<void>;
};

export function openReconciliation(
  { db, redis }: Pick<Installation, 'db' | 'redis'>,
  { sources, commands, policies }: Pick<OpenedReconciliation, 'sources' | 'commands' | 'policies'>,
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
    policies,
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
    policies,
    async close() {
      await reconciliation.close();
      await queues.close();
    },
  };
}
