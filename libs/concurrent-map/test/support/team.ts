/** Real worker threads over one buffer, started together. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { WorkerData } from './worker.js';

const entry = new URL('./worker.ts', import.meta.url);
const hooks = new URL('./typescript-hooks.mjs', import.meta.url);

export type Member = { readonly task: string; readonly options: object };

export class Team {
  readonly workers: Worker[];
  readonly signals = new Int32Array(new SharedArrayBuffer(16));
  private readonly answers: Promise<unknown>[];

  private constructor(buffer: SharedArrayBuffer, members: readonly Member[]) {
    this.workers = members.map(({ task, options }, worker) => {
      const workerData: WorkerData = { buffer, signals: this.signals, task, options, worker };
      return new Worker(entry, { workerData, execArgv: ['--import', hooks.href] });
    });
    this.answers = this.workers.map(answerOf);
  }

  /** Starts the threads and lets all of them begin at once. */
  static async start(buffer: SharedArrayBuffer, members: readonly Member[]): Promise<Team> {
    const team = new Team(buffer, members);
    for (let ready = 0; ready < members.length; ready = Atomics.load(team.signals, 1)) {
      const waiting = Atomics.waitAsync(team.signals, 1, ready, 120_000);
      if ((await waiting.value) === 'timed-out') throw new Error('the threads do not start');
    }
    Atomics.store(team.signals, 0, 1);
    Atomics.notify(team.signals, 0);
    return team;
  }

  /** What each thread returned, in their order. A thread that was terminated returned undefined. */
  async results<T>(): Promise<(T | undefined)[]> {
    return (await Promise.all(this.answers)) as (T | undefined)[];
  }
}

async function answerOf(worker: Worker): Promise<unknown> {
  let answer: unknown;
  worker.on('message', (message) => (answer = message));
  await once(worker, 'exit');
  return answer;
}

/** Runs the same task on several threads and returns what each returned. */
export async function together<T>(
  buffer: SharedArrayBuffer,
  threads: number,
  task: string,
  options: object,
): Promise<T[]> {
  const team = await Team.start(
    buffer,
    Array.from({ length: threads }, () => ({ task, options })),
  );
  const results = await team.results<T>();
  if (results.includes(undefined)) throw new Error(`a thread of ${task} did not finish`);
  return results as T[];
}
