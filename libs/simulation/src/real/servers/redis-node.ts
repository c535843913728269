/** A Redis server of a rehearsal: killed and started again on the same port and folder. */
import { mkdtempSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import {
  findRedisServer,
  lastingPort,
  leashFolder,
  type LeashedProcess,
  type Program,
  type Report,
  ServerNotFoundError,
  spawnLeashed,
  systemTimers,
  untilItAnswers,
} from '#platform';

/**
 * `careful`: every write on disk before it is answered, as Holdfast's own. `as-it-comes`: what Redis does by itself, and
 * most shops leave at that: a snapshot now and then, and what was written since is lost with the process.
 */
export type Persistence = 'careful' | 'as-it-comes';

const settings = {
  careful: ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
  'as-it-comes': [],
} as const;

export class RedisNode {
  private leash: LeashedProcess | null = null;
  private starts = 0;

  private constructor(
    private readonly program: Program,
    private readonly persistence: Persistence,
    private readonly folder: string,
    private readonly keeper: LeashedProcess,
    private readonly port: number,
  ) {}

  /** @throws ServerNotFoundError when this machine has no Redis program to run */
  static async start(dataDir: string, persistence: Persistence, report: Report): Promise<RedisNode> {
    const server = await findRedisServer(dataDir, report);
    if (server.kind === 'docker') {
      throw new ServerNotFoundError(
        'A simulation kills and starts Redis itself, so it needs it as a program: install redis-server on this machine.',
      );
    }
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-simulation-'));
    const keeper = leashFolder(folder);
    const node = new RedisNode(server.program, persistence, folder, keeper, await lastingPort());
    await node.start();
    return node;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it on what it has on disk, and waits until it answers. */
  async start(): Promise<void> {
    this.starts += 1;
    const run = path.join(this.folder, `run-${this.starts}`);
    await mkdir(run);
    const own = { bind: '127.0.0.1', port: `${this.port}`, dir: this.folder, pidfile: this.pidFile };
    this.leash = spawnLeashed({
      file: this.program.file,
      args: [
        ...Object.entries(own).flatMap(([name, value]) => [`--${name}`, value]),
        ...settings[this.persistence],
      ],
      env: this.program.env,
      folder: run,
      endSignal: 'TERM',
    });
    await untilItAnswers('Redis', this.leash, () => this.ask((redis) => redis.ping()));
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const text = await readFile(this.pidFile, 'utf8').catch(() => '');
    if (!this.leash || this.leash.hasEnded() || text.trim() === '') return;
    process.kill(Number(text), 'SIGKILL');
    while (!this.leash.hasEnded()) await systemTimers.sleep(5);
  }

  async stop(): Promise<void> {
    await this.leash?.stop();
    await this.keeper.stop();
  }

  private async ask<Reply>(question: (redis: Redis) => Promise<Reply>): Promise<Reply> {
    const redis = new Redis(this.url, {
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      disconnectTimeout: 100,
    });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  }

  private get pidFile(): string {
    return path.join(this.folder, 'redis.pid');
  }
}
