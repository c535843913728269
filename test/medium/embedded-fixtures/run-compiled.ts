/**
 * Runs a few lines of JavaScript against the compiled embedded services in a process of its own, which a test can then
 * kill. One that a failed test leaves running is killed after it, so that a failure is reported and does not hang the run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach } from '@jest/globals';

const compiled = pathToFileURL(path.resolve('dist/libs/platform/src/embedded/index.js')).href;

const running = new Set<RunningLines>();
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all([...running].map(({ ended }) => ended));
  running.clear();
});

export interface RunningLines {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly lines: readonly string[];
  /** Settles with the first line that starts with `start`; fails when the process ends before. */
  readonly line: (start: string) => Promise<string>;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** `body` is the inside of an async function with `embedded` (the module) and `say` (prints a line) in scope. */
export function runCompiled(body: string): RunningLines {
  const source = `
    const embedded = await import(${JSON.stringify(compiled)});
    const say = (line) => process.stdout.write(line + '\\n');
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const call of waiting) call();
  };
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => {
    lines.push(line);
    wake();
  });
  const state = { done: false };
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      state.done = true;
      wake();
      resolve({ code, signal });
    });
  });
  const line = (start: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = lines.find((one) => one.startsWith(start));
        if (found === undefined && !state.done) return;
        waiting.delete(look);
        if (found === undefined) reject(new Error(`ended without "${start}": ${lines.join(' | ')}`));
        else resolve(found);
      };
      waiting.add(look);
      look();
    });
  const started = { child, lines, line, ended };
  running.add(started);
  return started;
}
