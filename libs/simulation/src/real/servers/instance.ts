/** One instance of what is rehearsed: a process on a port that stays its own, killed and started again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export type InstanceOptions = {
  /** The compiled program. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
};

/** The last lines that it has said, for the message when it does not start. */
const linesKept = 30;
/** It ends when its simulator does, however that ends. */
const leash = `data:text/javascript,process.once('disconnect',()=>process.exit());process.channel.unref()`;

export class Instance {
  private child: ChildProcess | null = null;
  private readonly lines: string[] = [];

  constructor(
    readonly port: number,
    private readonly options: InstanceOptions,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Settles when it listens. */
  async start(): Promise<void> {
    const { program, environment } = this.options;
    const flags = ['--enable-source-maps', '--disable-warning=ExperimentalWarning', '--import', leash];
    const child = spawn(process.execPath, [...flags, program], {
      env: {
        PATH: process.env['PATH'] ?? '',
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
        PORT: `${this.port}`,
        HOST: '127.0.0.1',
        ...environment,
      },
      // A Ctrl-C in the terminal is for the simulator, which goes on until it has reported.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    await new Promise<void>((resolve, reject) => {
      const read = (line: string): void => {
        if (this.lines.push(line) > linesKept) this.lines.shift();
        if (line.includes('listens on')) resolve();
      };
      createInterface(child.stdout!).on('line', read);
      createInterface(child.stderr!).on('line', read);
      child.once('error', reject);
      child.once('exit', (code, signal) =>
        reject(new Error(`an instance ended with ${code ?? signal}:\n${this.lines.join('\n')}`)),
      );
    });
  }

  /** SIGKILL: it ends between any two instructions. */
  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}
