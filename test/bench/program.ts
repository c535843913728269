/** A server under measurement: its own process, its address, and the processor time it has used. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export type Program = {
  readonly url: string;
  /** Processor time used so far, in milliseconds; undefined where /proc does not say. */
  cpuMs(): number | undefined;
  stop(): Promise<void>;
};

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Processor time that a process has used, in milliseconds, with that of children that have ended where wanted. */
export function cpuMsOf(pid: number, withChildren = false): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    const ticks = fields.slice(11, withChildren ? 15 : 13).map(Number);
    return (ticks.reduce((sum, each) => sum + each, 0) / ticksPerSecond) * 1_000;
  } catch {
    return undefined;
  }
}

/** As scripts/foreground.mjs starts a service. */
const flags = ['--concurrent-marking-max-worker-num=1', '--disable-warning=ExperimentalWarning'];

/** Starts it and waits for the line that says where it listens. */
export async function startProgram(args: readonly string[], env: Record<string, string>): Promise<Program> {
  const child = spawn(process.execPath, [...flags, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const address = /listens on (http:\S+)/.exec(line)?.[1];
      if (address) resolve(address);
    });
    child.once('exit', (code) => reject(new Error(`the program ended with ${code}`)));
  });
  return {
    url,
    cpuMs: () => cpuMsOf(child.pid!),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
