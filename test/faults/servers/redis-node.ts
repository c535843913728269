/**
 * A Redis server that can be killed, cut off from power, wiped, put back in time and started again on the same port.
 * It has a process of its own and, unlike the tests' shared servers, a disk: that is what faults are about.
 */
import { cp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  findRedisServer,
  lastingPort,
  ServerNotFoundError,
  spawnLeashed,
  untilItAnswers,
  type LeashedProcess,
} from '#platform';
import { testDataFolder } from '../../servers/server.js';
import type { WorldFolder } from './folder.js';
import { nativeLibrary } from './native.js';
import { SettableClock } from './settable-clock.js';

export type RedisNodeOptions = {
  readonly folder: WorldFolder;
  readonly name: string;
  readonly fsync?: 'always' | 'everysec';
  /** More settings, as on the command line: replication, cluster, sentinel. */
  readonly settings?: readonly string[];
  /** A file of settings; a sentinel wants one that it may write. */
  readonly file?: string;
  /** Where it is, when that is not 127.0.0.1. */
  readonly place?: Place;
};

export type Place = {
  /** By which other servers and clients reach it. */
  readonly host: string;
  /** By which the harness does. */
  readonly askedAt: string;
  readonly command?: (
    file: string,
    args: readonly string[],
  ) => { readonly file: string; readonly args: readonly string[] };
};

/** How much of its end an append-only file may lose where nothing says what was synced. */
const cutMax = 64 * 1_024;

export class RedisNode {
  private leash: LeashedProcess | null = null;
  private starts = 0;
  /** For questions of the harness; never retries. */
  private own: Redis | null = null;

  private constructor(
    private readonly options: RedisNodeOptions,
    private readonly program: { readonly file: string; readonly env: Readonly<Record<string, string>> },
    readonly dataFolder: string,
    readonly port: number,
    /** Whether power cuts know what was synced: it takes a C compiler. */
    private readonly knowsSynced: boolean,
    readonly clock: SettableClock,
  ) {}

  /** Starts one. @throws ServerNotFoundError */
  static async start(options: RedisNodeOptions): Promise<RedisNode> {
    const server = await findRedisServer(testDataFolder, () => undefined);
    if (server.kind === 'docker')
      throw new ServerNotFoundError('faults want a Redis program on this machine');
    const shim = await nativeLibrary('fsync-shim');
    const clock = await SettableClock.in(options.folder.path, options.name);
    const env = { ...server.program.env, ...clock.environment(shim ? [shim] : []) };
    const dataFolder = await options.folder.sub(options.name);
    const program = { file: server.program.file, env };
    const port = await lastingPort();
    const node = new RedisNode(options, program, dataFolder, port, shim !== undefined, clock);
    await node.start();
    return node;
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  /** By which other servers and clients reach it. */
  get host(): string {
    return this.options.place?.host ?? '127.0.0.1';
  }

  /** Starts it on its data, and waits until it answers. */
  async start(): Promise<void> {
    const { name, fsync = 'always', settings = [], file, folder, place } = this.options;
    this.starts += 1;
    const args = [...(file ? [file] : []), ...this.ownSettings(fsync, file === undefined), ...settings];
    const command =
      place?.command ?? ((program: string, its: readonly string[]) => ({ file: program, args: its }));
    this.leash = spawnLeashed({
      ...command(this.program.file, args),
      env: this.program.env,
      folder: await folder.sub(`${name}.${this.starts}`),
      endSignal: 'TERM',
    });
    await untilItAnswers('Redis', this.leash, () => this.ask((redis) => redis.ping()));
  }

  /** SIGKILL. What was written stays written: the kernel has it. */
  async kill(): Promise<void> {
    const pid = await this.pid();
    if (pid === null) return;
    signal(pid, 'SIGKILL');
    await this.gone();
  }

  async stop(): Promise<void> {
    this.own?.disconnect();
    await this.leash?.stop();
    this.leash = null;
  }

  /** Neither reads nor writes for a while, and then goes on as if nothing had been. */
  async stall(durationMs: number): Promise<void> {
    const pid = await this.pid();
    if (pid === null) return;
    signal(pid, 'SIGSTOP');
    await sleep(durationMs);
    signal(pid, 'SIGCONT');
  }

  /** SIGKILL, and what the disk had not been told to keep is gone. Answers with the bytes that were lost. */
  async cutPower(fraction: number): Promise<number> {
    await this.kill();
    const folder = path.join(this.dataFolder, 'appendonlydir');
    const file = (await readdir(folder))
      .filter((name) => name.endsWith('.incr.aof'))
      .sort(byNumber)
      .at(-1);
    if (file === undefined) return 0;
    const log = path.join(folder, file);
    const length = (await readFile(log)).length;
    const note = await readFile(`${log}.synced`, 'utf8').catch(() => null);
    const kept = this.knowsSynced
      ? Number(note ?? length)
      : Math.floor(length - fraction * Math.min(length, cutMax));
    if (kept < length) await truncate(log, kept);
    return Math.max(0, length - kept);
  }

  /** Keeps a copy of the data as it is on disk now, to be put back later. */
  async snapshot(name: string): Promise<void> {
    await rm(this.snapshotFolder(name), { recursive: true, force: true });
    await cp(this.dataFolder, this.snapshotFolder(name), { recursive: true });
  }

  /** The data of a snapshot, or none at all, in place of its own. It must not run. */
  async replaceData(snapshot: string | null): Promise<void> {
    await rm(this.dataFolder, { recursive: true, force: true });
    if (snapshot === null) await this.options.folder.sub(this.options.name);
    else await cp(this.snapshotFolder(snapshot), this.dataFolder, { recursive: true });
  }

  /** Asks over a connection of the harness's own. */
  async ask<Reply>(question: (redis: Redis) => Promise<Reply>): Promise<Reply> {
    if (this.own?.status !== 'ready') {
      this.own?.disconnect();
      this.own = new Redis({
        host: this.options.place?.askedAt ?? '127.0.0.1',
        port: this.port,
        lazyConnect: true,
        retryStrategy: () => null,
        maxRetriesPerRequest: 0,
        enableReadyCheck: false,
        disconnectTimeout: 100,
      });
      this.own.on('error', () => undefined);
      await this.own.connect();
    }
    return question(this.own);
  }

  isRunning(): boolean {
    return this.leash !== null && !this.leash.hasEnded();
  }

  log(): string {
    return this.leash?.log() ?? '';
  }

  private async gone(): Promise<void> {
    this.own?.disconnect();
    this.own = null;
    await this.leash?.stop();
    this.leash = null;
  }

  private ownSettings(fsync: string, persistent: boolean): string[] {
    const own = {
      bind: '127.0.0.1',
      port: this.port,
      dir: this.dataFolder,
      pidfile: this.pidFile,
      save: '',
      appendonly: persistent ? 'yes' : 'no',
      appendfsync: fsync,
      'enable-debug-command': 'local',
    };
    return Object.entries(own).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  }

  private get pidFile(): string {
    return path.join(this.options.folder.path, `${this.options.name}.pid`);
  }

  private async pid(): Promise<number | null> {
    if (!this.isRunning()) return null;
    const text = await readFile(this.pidFile, 'utf8').catch(() => '');
    return text.trim() === '' ? null : Number(text);
  }

  private snapshotFolder(name: string): string {
    return path.join(this.options.folder.path, `${this.options.name}.snapshot-${name}`);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

function byNumber(left: string, right: string): number {
  const numberOf = (name: string): number => Number(/\.(\d+)\.incr/.exec(name)?.[1] ?? 0);
  return numberOf(left) - numberOf(right);
}
