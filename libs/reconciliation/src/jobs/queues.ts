/**
 * The queues of reconciliation. Jobs carry ids only and everything that they need is in the ledger: a queue that is wiped
 * is filled again by the next tick. Each provider has a queue of its own, so that each has a rate limit of its own.
 */
import { Queue, type JobsOptions } from 'bullmq';
import { connectForQueues, type RedisTarget } from '#platform';
import type { Run } from '../runs/run-repository.js';

/** In front of every key; in braces, so that a queue's keys are in one slot of a cluster. */
export const queuePrefix = '{holdfast-queues}';

export const generalQueue = 'reconciliation';
export const queueOf = (provider: string): string => `reconciliation-${provider}`;

export const jobNames = {
  tick: 'reconciliation.tick',
  fetchWindow: 'reconciliation.fetch-window',
  closeWindow: 'reconciliation.close-window',
  applyOrder: 'reconciliation.apply-order',
  report: 'reconciliation.report',
} as const;

/** What a job is about, by its name. */
export type JobData =
  | { readonly runId: string }
  | { readonly windowId: string }
  | { readonly effectKey: string }
  | Record<string, never>;

export const attemptsMax = 5;

/** Tried again, slower each time. The last ones are kept to be looked at. */
const jobOptions = (retryDelayMs: number): JobsOptions => ({
  attempts: attemptsMax,
  backoff: { type: 'exponential', delay: retryDelayMs, jitter: 0.5 },
  removeOnComplete: { count: 200 },
  removeOnFail: { count: 200 },
});

/** The same work is one job while it waits, and one more when it is asked for while it runs. */
export const onceAs = (...parts: readonly (string | number)[]): JobsOptions => ({
  deduplication: { id: parts.join(' ').replaceAll(':', '.'), keepLastIfActive: true },
});

export type ReconciliationQueues = {
  readonly general: Queue<JobData>;
  readonly all: readonly Queue<JobData>[];
  of(provider: string): Queue<JobData>;
  /** Tells the workers of a run at once; a Redis that is away is no error, the next tick finds the run. */
  announce(run: Run): Promise<void>;
  close(): Promise<void>;
};

/** How long a caller waits for a queue that does not answer. */
const announcePatienceMs = 1_000;

export function openQueues(
  target: RedisTarget,
  providers: readonly string[],
  options: {
    readonly onError: (error: Error) => void;
    readonly sleep: (ms: number) => Promise<void>;
    readonly prefix?: string;
    /** Before the first repetition of a job; each next one waits twice as long. */
    readonly retryDelayMs?: number;
  },
): ReconciliationQueues {
  const connection = connectForQueues(target);
  connection.on('error', options.onError);
  const open = (name: string) => {
    const queue = new Queue<JobData>(name, {
      connection,
      prefix: options.prefix ?? queuePrefix,
      defaultJobOptions: jobOptions(options.retryDelayMs ?? 1_000),
    });
    queue.on('error', options.onError);
    return queue;
  };
  const general = open(generalQueue);
  const own = new Map(providers.map((provider) => [provider, open(queueOf(provider))]));
  return {
    general,
    all: [general, ...own.values()],
    of: (provider) => own.get(provider) ?? general,
    async announce(run) {
      const added = (own.get(run.account.provider) ?? general).add(
        jobNames.fetchWindow,
        { runId: run.id },
        onceAs('fetch', run.id),
      );
      await Promise.race([added.then(() => undefined, options.onError), options.sleep(announcePatienceMs)]);
    },
    async close() {
      await Promise.all([general, ...own.values()].map((queue) => queue.close().catch(() => undefined)));
      connection.disconnect();
    },
  };
}
