/**
 * The service as several processes of the compiled program, on ports that stay theirs: killed with SIGKILL and started
 * again, as a supervisor would. Each ends when the harness does.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastingPort } from '#platform';
import type { Place } from './redis-node.js';
import type { SettableClock } from './settable-clock.js';

export const keys = { storefront: 'faults-storefront-key', admin: 'faults-admin-key-0000' };

const program = path.resolve('dist/apps/cli/src/up.js');
const exitWithParent = path.resolve('scripts/exit-with-parent.mjs');
/** The last lines that a process has said, for the report of a violation. */
const linesKept = 200;
const startAgainMs = 250;
/** How long a process may take until it listens, and how long it is started again because it ended before. */
const startMaxMs = 60_000;

export type FleetOptions = {
  readonly instances: number;
  readonly environment: Readonly<Record<string, string>>;
  /** More modules to load first. */
  readonly imports?: readonly string[];
  /** What to run in place of a program, so that it runs elsewhere. */
  readonly command?: Place['command'];
  /** Of all of them. */
  readonly clock?: SettableClock;
};

export class Fleet {
  private constructor(readonly members: readonly Member[]) {}

  static async start(options: FleetOptions): Promise<Fleet> {
    const ports = await Promise.all(Array.from({ length: options.instances }, lastingPort));
    const fleet = new Fleet(ports.map((port) => new Member(port, options)));
    await Promise.all(fleet.members.map((member) => member.start()));
    return fleet;
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
  }
}

export class Member {
  private child: ChildProcess | null = null;
  private readonly lines: string[] = [];
  private readonly refusals: string[] = [];

  constructor(
    readonly port: number,
    private readonly options: FleetOptions,
  ) {}

  /** Settles when it listens; as a supervisor does, starts it again when it ends because a server is away. */
  async start(): Promise<void> {
    const giveUpAtMs = performance.now() + startMaxMs;
    for (;;) {
      try {
        return await this.startOnce();
      } catch (error) {
        if (performance.now() >= giveUpAtMs) throw error;
        await sleep(startAgainMs);
      }
    }
  }

  private async startOnce(): Promise<void> {
    const { environment, imports = [] } = this.options;
    const flags = [exitWithParent, ...imports].flatMap((file) => ['--import', file]);
    const args = [...flags, '--disable-warning=ExperimentalWarning', program];
    const run = this.options.command?.(process.execPath, args) ?? { file: process.execPath, args };
    const child = spawn(run.file, run.args, {
      env: {
        PATH: process.env['PATH'] ?? '',
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
        PORT: `${this.port}`,
        HOST: '127.0.0.1',
        HOLDFAST_API_KEYS: `shop:storefront:${keys.storefront},ops:admin:${keys.admin}`,
        LOG_LEVEL: 'info',
        ...this.options.clock?.environment(),
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    let late: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      late = setTimeout(() => {
        reject(new Error(`the service does not listen after ${startMaxMs / 1_000} s:\n${this.log()}`));
        child.kill('SIGKILL');
      }, startMaxMs);
      const read = (line: string): void => {
        if (this.lines.push(line) > linesKept) this.lines.shift();
        if (line.includes('"reason":"the ledger refuses')) this.refusals.push(line);
        if (line.includes('listens on')) resolve();
      };
      createInterface(child.stdout!).on('line', read);
      createInterface(child.stderr!).on('line', read);
      child.once('exit', (code, signal) => {
        // A process that is killed while it starts is a fault like any other.
        if (signal === 'SIGKILL') resolve();
        else reject(new Error(`the service ended with ${code ?? signal}:\n${this.log()}`));
      });
    }).finally(() => clearTimeout(late));
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** It has ended, and nobody killed it. */
  hasCrashed(): boolean {
    return this.child !== null && this.child.signalCode !== 'SIGKILL' && !this.isRunning();
  }

  isRunning(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  log(): string {
    return this.lines.join('\n');
  }

  /** What the ledger has refused of what Redis had decided, since the last call: never the fault of a fault. */
  takeRefusals(): string[] {
    return this.refusals.splice(0);
  }

  /** Says something to the hooks that it has loaded. */
  tell(message: object): void {
    if (this.isRunning()) this.child!.send(message, () => undefined);
  }

  /** Lines that are worse than information, since the last call. */
  takeTroubles(): string[] {
    const troubles = this.lines.filter((line) => !/^\{"level":[123]0/.test(line));
    this.lines.splice(0);
    return troubles;
  }
}
