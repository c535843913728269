/** Works through the queues: one BullMQ worker for each, on a connection of its own, and a scheduler that ticks. */
import { type Job, Worker } from 'bullmq';
import { InvariantError } from '#domain';
import { connectForQueues, systemTimers, type Logger, type RedisTarget, type Timer } from '#platform';
import {
  attemptsMax,
  generalQueue,
  jobNames,
  keepDeadLetter,
  queueOf,
  queuePrefix,
  RunRepository,
  type JobData,
} from '#reconciliation';
import { RateLimitedSource, openRateLimiter } from './rate-limited-source.js';
import { Processors, type ProcessorParts } from './processors.js';

export type WorkerOptions = ProcessorParts & {
  readonly redis: RedisTarget;
  readonly tickMs: number;
  readonly prefix?: string;
};

export type RunningWorker = { close(): Promise<void> };

/**
 * Longer than any job holds the event loop. What a process was doing when it died is taken over after this and the
 * time between two looks; should it live after all, its job is done twice at once, which is safe.
 */
const lockMs = 15_000;
const lookForStalledMs = 5_000;
/** From an error of Redis to the next question. */
const restMs = 1_000;

/** Runs until it is closed; any number of processes may. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { queues, policies, logger, prefix = queuePrefix } = options;
  const limiter = openRateLimiter(options.redis, {
    prefix,
    timers: systemTimers,
    onError: (error) => logger.debug({ err: error }, 'Redis connection of the rate limiter'),
  });
  const sources = options.sources.map(
    (source) => new RateLimitedSource(source, limiter, policies.of(source.provider).callsPerSecond),
  );
  const processors = new Processors({ ...options, sources });
  const names = [generalQueue, ...sources.map(({ provider }) => queueOf(provider))];
  const workers = names.map((name) => openQueueWorker(options, processors, name));
  // A Redis that is away gets the scheduler when it is back: nobody waits for it.
  const ticking = queues.general
    .upsertJobScheduler('tick', { every: options.tickMs }, { name: jobNames.tick, data: {} })
    .catch((error: unknown) => options.logger.debug({ err: error }, 'no ticks yet'));
  void ticking;
  return {
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
      limiter.close();
    },
  };
}

function openQueueWorker(options: WorkerOptions, processors: Processors, name: string): RunningWorker {
  const { logger, metrics, db, ids } = options;
  const connection = connectForQueues(options.redis);
  connection.on('error', (error: Error) => logger.debug({ err: error }, 'Redis connection of a worker'));
  const worker = new Worker<JobData>(name, (job) => work(processors, job), {
    connection,
    prefix: options.prefix ?? queuePrefix,
    concurrency: 2,
    lockDuration: lockMs,
    stalledInterval: lookForStalledMs,
    maxStalledCount: attemptsMax,
  });
  const rests = restAfterErrors(worker, logger);
  worker.on('completed', (job) => metrics.jobs.inc({ job: job.name, outcome: 'done' }));
  worker.on('failed', (job, error) => {
    if (!job) return;
    const dead = job.attemptsMade >= (job.opts.attempts ?? attemptsMax);
    metrics.jobs.inc({ job: job.name, outcome: dead ? 'dead' : 'failed' });
    logger.warn({ err: error, job: job.name, data: job.data, dead }, 'a job failed');
    if (!dead) return;
    const letter = { id: ids.uuid(), queue: name, job: workOf(job), data: job.data };
    Promise.all([
      keepDeadLetter(db, { ...letter, error: String(error), attempts: job.attemptsMade }),
      'runId' in job.data && new RunRepository(db).giveUp(job.data.runId, error.message),
    ]).catch((cause: unknown) =>
      logger.error({ err: cause, job: job.name }, 'that a job is dead could not be kept'),
    );
  });
  return {
    async close() {
      rests.close();
      // What Redis cannot be told is not waited for: the job is another worker's when its lock has run out.
      await worker.close(connection.status !== 'ready');
      connection.disconnect();
    },
  };
}

/**
 * A worker that Redis refuses a command asks again at once, for ever: of a Redis that is full some thousand times a second, and
 * where its connection could not be made ready in the same turn, so that nothing else of the process runs any more.
 */
function restAfterErrors(worker: Worker, logger: Logger): { close(): void } {
  let resting: Timer | null = null;
  let said = false;
  worker.on('active', () => (said = false));
  worker.on('error', (error) => {
    logger[said ? 'debug' : 'warn']({ err: error, queue: worker.name }, 'a worker rests, and tries again');
    said = true;
    if (resting || worker.closing) return;
    void worker.pause(true);
    resting = systemTimers.after(restMs, () => {
      resting = null;
      void worker.resume();
    });
  });
  return { close: () => resting?.cancel() };
}

/** What is to be done: the same for every job that a tick makes of it, so that it has one letter, however often it fails. */
function workOf(job: Job<JobData>): string {
  return job.deduplicationId ?? job.repeatJobKey ?? job.id ?? job.name;
}

async function work(processors: Processors, job: Job<JobData>): Promise<void> {
  const { data } = job;
  switch (job.name) {
    case jobNames.tick:
      return processors.tick();
    case jobNames.fetchWindow:
      return processors.fetchWindow(idOf(data, 'runId'), (rows) => job.updateProgress({ rows }));
    case jobNames.closeWindow:
      return processors.closeWindow(idOf(data, 'windowId'));
    case jobNames.applyOrder:
      return processors.applyOrder(idOf(data, 'effectKey'));
    case jobNames.report:
      return processors.report(idOf(data, 'runId'));
    default:
      throw new InvariantError('a job that nobody knows', { name: job.name });
  }
}

function idOf(data: JobData, name: 'runId' | 'windowId' | 'effectKey'): string {
  const id = (data as Record<string, unknown>)[name];
  if (typeof id !== 'string') throw new InvariantError('a job without its id', { name });
  return id;
}
