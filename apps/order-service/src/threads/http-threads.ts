/**
 * HTTP_THREADS: the main thread keeps that many threads answering HTTP, and itself runs what must exist once: embedded servers,
 * the sweeper, the workers. A thread that dies is replaced by a spare that is already loaded. Nothing acknowledged is lost with
 * it; the units that it had taken from the shared cells are looked up again, because the cells are cleared.
 */
import {
  ConfigurationError,
  AggregatedMetrics,
  systemClock,
  systemTimers,
  tryToListen,
  type Logger,
  type Metrics,
} from '#platform';
import { StockCells } from '#stock';
import type { ServicesHandle } from '../services.js';
import type { ThreadTask } from './messages.js';
import { Thread } from './thread.js';

type Address = ThreadTask['address'];

/** A thread that keeps dying is replaced after growing pauses, until one has lived for a while. */
const pauseFirstMs = 100;
const pauseMaxMs = 5_000;
const steadyMs = 30_000;

export class HttpThreads {
  private readonly threads = new Map<string, Thread>();
  private readonly cells: StockCells;
  private readonly aggregated: AggregatedMetrics;
  /** Loaded already, for the next one that dies. */
  private spare: Thread | null = null;
  private closing = false;

  constructor(
    private readonly count: number,
    private readonly handle: ServicesHandle,
    private readonly context: { readonly logger: Logger; readonly metrics: Metrics },
  ) {
    this.cells = StockCells.attach(handle.cells);
    this.aggregated = new AggregatedMetrics(context.metrics.registry);
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
      { name, handle: this.handle, address },
      {
        onError: (error) => this.context.logger.error({ err: error, thread: name }, 'an HTTP thread failed'),
        onMetricsWanted: (call) => void this.tellMetrics(thread, call),
      },
    );
  }

  /** Replaces the thread when it dies. */
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
      await this.aggregated.died(name);
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
        if (figures && this.threads.get(name) === thread) this.aggregated.heard(name, figures);
      }),
    );
    asking.tell({ kind: 'measured', call, text: await this.aggregated.text() });
  }
}

/**
 * A shared port would also be shared with strangers, so first make sure that nobody listens on it.
 * @throws the system's error when somebody does, ConfigurationError where ports cannot be shared
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
