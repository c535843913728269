/** A PostgreSQL that waits for its disk, and can be stopped at once, without good-bye, and started again. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { leashFolder, type InstalledPostgres, type LeashedProcess } from '#platform';
import { installPostgres } from '../../servers/postgres-server.js';
import { SettableClock } from './settable-clock.js';

export class PostgresNode {
  private starts = 0;
  private leash: LeashedProcess | null = null;

  private constructor(
    private readonly installed: InstalledPostgres,
    private readonly folder: LeashedProcess,
    readonly clock: SettableClock,
  ) {}

  /** @throws ServerNotFoundError */
  static async start(): Promise<PostgresNode> {
    const installed = await installPostgres({ durable: true });
    const clock = await SettableClock.in(installed.folder, 'postgres');
    const node = new PostgresNode(installed, leashFolder(installed.folder), clock);
    await node.start();
    return node;
  }

  get port(): number {
    return Number(new URL(this.installed.url).port);
  }

  /** The address of one of its databases. */
  urlOf(database: string): string {
    const url = new URL(this.installed.url);
    url.pathname = `/${database}`;
    return url.href;
  }

  async createDatabase(name: string): Promise<void> {
    const client = new Client({ connectionString: this.installed.url });
    await client.connect();
    try {
      await client.query(`create database ${name}`);
    } finally {
      await client.end();
    }
  }

  /** Starts it, with recovery where it needs one, and waits until it answers. */
  async start(): Promise<void> {
    this.starts += 1;
    const folder = path.join(this.installed.folder, `run-${this.starts}`);
    this.leash = await this.installed.start(folder, this.clock.environment());
  }

  /** An immediate stop (SIGQUIT): every backend ends where it is, nothing is written any more. */
  async kill(): Promise<void> {
    if (!this.leash || this.leash.hasEnded()) return;
    const pidFile = await readFile(path.join(this.installed.dataFolder, 'postmaster.pid'), 'utf8');
    process.kill(Number(pidFile.split('\n')[0]), 'SIGQUIT');
    while (!this.leash.hasEnded()) await new Promise((resolve) => setTimeout(resolve, 5));
    await this.leash.stop();
    this.leash = null;
  }

  async stop(): Promise<void> {
    await this.leash?.stop();
    await this.folder.stop();
  }
}
