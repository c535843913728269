/** An HTTP thread as the main thread sees it. */
import { Worker } from 'node:worker_threads';
import { type Figures, systemTimers } from '#platform';
import { PendingCalls } from './pending-calls.js';
import type { FromThread, ThreadTask, ToThread } from './messages.js';

const program = new URL('./http-thread.js', import.meta.url);
/** A thread too busy to answer is counted with its last figures. */
const figuresWithinMs = 1_000;
/** Longer than a thread gives its requests. */
const closeWithinMs = 15_000;

export type ThreadListener = {
  readonly onError: (error: unknown) => void;
  /** The thread wants the figures of all of them, to be told under that number. */
  readonly onMetricsWanted: (call: number) => void;
};

export class Thread {
  /** Settles when it has ended, with its exit code. */
  readonly ended: Promise<number>;
  private readonly worker = new Worker(program, { name: 'http' });
  private readonly figures = new PendingCalls<Figures>(systemTimers);
  private readonly listening = Promise.withResolvers<string>();
  private listener: ThreadListener | null = null;

  /** Loads the program; `begin` says what to serve. */
  constructor() {
    this.ended = new Promise((resolve) => this.worker.once('exit', resolve));
    this.worker.on('error', (error) => this.listener?.onError(error));
    this.worker.on('message', (message: FromThread) => {
      if (message.kind === 'listens') this.listening.resolve(message.address);
      else if (message.kind === 'figures') this.figures.answered(message.call, message.figures);
      else this.listener?.onMetricsWanted(message.call);
    });
    void this.ended.then((code) =>
      this.listening.reject(new Error(`an HTTP thread ended with ${code} before it listened`)),
    );
    // Nobody waits for a spare that has not begun.
    this.listening.promise.catch(() => undefined);
  }

  /** Has it listen. @returns the address; rejects when the thread ends before that */
  begin(task: ThreadTask, listener: ThreadListener): Promise<string> {
    this.listener = listener;
    this.tell({ kind: 'begin', task });
    return this.listening.promise;
  }

  /** What it has counted; undefined: it does not answer in time. */
  measure(): Promise<Figures | undefined> {
    return this.figures.ask((call) => this.tell({ kind: 'measure', call }), figuresWithinMs);
  }

  tell(message: ToThread): void {
    this.worker.postMessage(message);
  }

  /** Has it finish what is in flight. @returns false when it took too long, and was ended in the middle */
  async close(): Promise<boolean> {
    // One that nobody has begun with has nothing in flight, and may still be loading.
    if (this.listener) this.tell({ kind: 'close' });
    else void this.worker.terminate();
    let inTime = true;
    const timer = systemTimers.after(closeWithinMs, () => {
      inTime = false;
      void this.worker.terminate();
    });
    await this.ended;
    timer.cancel();
    return inTime;
  }
}
