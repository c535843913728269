/**
 * HTTP_THREADS: the main thread keeps so many threads that answer HTTP, and itself does what must be there once: embedded
 * servers, sweeping, the workers. A thread that dies is replaced by one that has been loaded for it. It takes nothing with
 * it that was acknowledged; what it had taken from the shared cells is asked for again, because they are cleared.
 */
import {
  ConfigurationError,
  SummedMetrics,
  systemClock,
  systemTimers,
  tryToListen,
  type Logger,
  type Metrics,
} from '#platform';
import { StockCells } from '#stock';
import type { ThreadGround } from '../services.js';
import type { ThreadTask } from './messages.js';
import { Thread } from './thread.js';

type Address = ThreadTask['address'];

/** One that dies again and again is replaced after growing pauses, until it has lived for a while. */
const pauseFirstMs = 100;
const pauseMaxMs = 5_000;
const steadyMs = 30_000;

export class HttpThreads {
  private readonly threads = new Map<string, Thread>();
  private readonly cells: StockCells;
  private readonly sums: SummedMetrics;
  /** Loaded already, for the next one that dies. */
  private spare: Thread | null = null;
  private closing = false;

  constructor(
    private readonly count: number,
    private readonly ground: ThreadGround,
    private readonly context: { readonly logger: Logger; readonly metrics: Metrics },
  ) {
    this.cells = StockCells.attach(ground.cells);
    this.sums = new SummedMetrics(context.metrics.registry);
  }

  /** Starts them all. @returns the address that they share, once every one of them listens */
  async listen({ port, host }: Address): Promise<string> {
    const address = { port: await freePort({ port, host }), host };
    const starting = Array.from({ length: this.count }, (_, index) => {
      const [name, thread] = [`${index + 1}`, new Thread()];
      return { name, thread, listens: this.begin(name, thread, address) };
    });
    const [where] = await Promise.all(starting.map(({ listens }) => listens));
    for (const { name, thread } of starting) this.keep(name, thread, address);
    this.spare = new Thread();
    return where!;
  }

  /** Has each finish what is in flight, and end. */
  async close(): Promise<void> {
    this.closing = true;
    const threads = [...this.threads, ...(this.spare ? [['spare', this.spare] as const] : [])];
    await Promise.all(
      threads.map(async ([name, thread]) => {
        if (!(await thread.close())) this.context.logger.warn({ thread: name }, 'an HTTP thread did not end');
      }),
    );
  }

  private begin(name: string, thread: Thread, address: Address): Promise<string> {
    this.threads.set(name, thread);
    return thread.begin(
      { name, ground: this.ground, address },
      {
        onError: (error) => this.context.logger.error({ err: error, thread: name }, 'an HTTP thread failed'),
        onMetricsWanted: (call) => void this.tellMetrics(thread, call),
      },
    );
  }

  /** Sees to it that another one takes its place when it dies. */
  private keep(name: string, thread: Thread, address: Address, pauseMs = 0): void {
    const startedMs = systemClock.monotonicMs();
    void thread.ended.then(async (code) => {
      if (this.closing) return;
      this.threads.delete(name);
      this.context.logger.error(
        { thread: name, code },
        'an HTTP thread has died: another one takes its place',
      );
      this.cells.clear();
      await this.sums.died(name);
      const isSteady = systemClock.monotonicMs() - startedMs > steadyMs;
      if (!isSteady) await systemTimers.sleep(pauseMs);
      if (this.closing) return;
      const next = this.spare ?? new Thread();
      this.spare = null;
      const nextPauseMs = isSteady ? 0 : Math.min(Math.max(pauseMs * 2, pauseFirstMs), pauseMaxMs);
      this.keep(name, next, address, nextPauseMs);
      // One that cannot start has ended, which is seen by whoever keeps it.
      await this.begin(name, next, address).catch(() => undefined);
      if (!this.closing) this.spare ??= new Thread();
    });
  }

  private async tellMetrics(asking: Thread, call: number): Promise<void> {
    await Promise.all(
      [...this.threads].map(async ([name, thread]) => {
        const figures = await thread.measure();
        if (figures && this.threads.get(name) === thread) this.sums.heard(name, figures);
      }),
    );
    asking.tell({ kind: 'measured', call, text: await this.sums.text() });
  }
}

/**
 * Threads share a port with whoever else wants to: that nobody has it is seen before.
 * @throws the error of the system when somebody listens there, ConfigurationError where ports cannot be shared
 */
async function freePort(address: Address): Promise<number> {
  const port = await tryToListen({ ...address, exclusive: true });
  await tryToListen({ port, host: address.host, reusePort: true }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOTSUP' ? new ConfigurationError(cannotShare) : error;
  });
  return port;
}

const cannotShare =
  'HTTP_THREADS: threads cannot share a port on this system (Linux and FreeBSD can). Start with HTTP_THREADS=1, ' +
  'and more instances behind a proxy';
