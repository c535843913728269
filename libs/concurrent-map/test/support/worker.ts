/**
 * One thread of the tests: attaches to the buffer, waits for the start signal so that all begin together, runs its task
 * and posts what came of it. Tasks are named functions here because a function cannot be sent to a thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { open, type HashName } from './opened.js';
import { tasks } from './tasks.js';

export type WorkerData = {
  readonly buffer: SharedArrayBuffer;
  /** [0]: 1 once all may begin. [1]: how many are ready. [2]: a clock that all share. */
  readonly signals: Int32Array;
  readonly task: string;
  readonly options: { readonly hash?: HashName };
  readonly worker: number;
};

const { buffer, signals, task, options, worker } = workerData as WorkerData;
const map = open(buffer, options.hash);
Atomics.add(signals, 1, 1);
Atomics.notify(signals, 1);
Atomics.wait(signals, 0, 0);
// eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
parentPort!.postMessage(tasks[task]!({ map, signals, worker, options: options as never }));
