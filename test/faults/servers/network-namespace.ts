/**
 * A part of the network that can be cut off: a network namespace with two links to this one. The first is for Redis and can be
 * cut; everything else uses the second. Needs root and iproute2.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ip = (...args: readonly string[]) => run('ip', [...args]);

/** The addresses of both ends of a link. */
type Link = { readonly outside: string; readonly inside: string };

export class NetworkNamespace {
  private constructor(
    private readonly name: string,
    /** The one that is cut and restored. */
    readonly redis: Link,
    readonly other: Link,
  ) {}

  /** Opens one; or says why there can be none here. */
  static async open(): Promise<NetworkNamespace | string> {
    if (process.getuid?.() !== 0) return 'network namespaces want root';
    const name = `hf${process.pid}`;
    const linkOf = (third: number): Link => {
      const net = `10.213.${(2 * process.pid + third) % 256}`;
      return { outside: `${net}.1`, inside: `${net}.2` };
    };
    const opened = new NetworkNamespace(name, linkOf(0), linkOf(1));
    try {
      await ip('netns', 'add', name);
    } catch (error) {
      return `there is no network namespace to be had: ${String(error).split('\n')[0]}`;
    }
    try {
      await ip('-n', name, 'link', 'set', 'lo', 'up');
      await opened.connect('r', opened.redis);
      await opened.connect('o', opened.other);
    } catch (error) {
      await opened.close();
      return `there is no link between network namespaces to be had: ${String(error).split('\n')[0]}`;
    }
    return opened;
  }

  /** What to run in place of a program, so that it runs there. */
  command(
    file: string,
    args: readonly string[],
  ): { readonly file: string; readonly args: readonly string[] } {
    return { file: 'ip', args: ['netns', 'exec', this.name, file, ...args] };
  }

  /** No packet goes over the link of Redis any more, and nobody is told so. */
  async cut(): Promise<void> {
    await ip('link', 'set', `${this.name}r`, 'down');
  }

  async restore(): Promise<void> {
    await ip('link', 'set', `${this.name}r`, 'up');
  }

  async close(): Promise<void> {
    await ip('netns', 'del', this.name);
  }

  private async connect(which: 'r' | 'o', { outside, inside }: Link): Promise<void> {
    const [here, there] = [`${this.name}${which}`, `${this.name}${which}i`];
    await ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', this.name);
    await ip('addr', 'add', `${outside}/24`, 'dev', here);
    await ip('link', 'set', here, 'up');
    await ip('-n', this.name, 'addr', 'add', `${inside}/24`, 'dev', there);
    await ip('-n', this.name, 'link', 'set', there, 'up');
  }
}
