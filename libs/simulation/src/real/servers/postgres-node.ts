/** A PostgreSQL of a rehearsal, which waits for its disk; reached through a proxy that can be made slow. */
import { installPostgres, lastingPort, type LeashedProcess, type Report } from '#platform';
import { SlowProxy } from './slow-proxy.js';

const settings = ['max_connections=200', 'timezone=GMT', 'log_timezone=GMT'];

export class PostgresNode {
  private constructor(
    private readonly leash: LeashedProcess,
    readonly proxy: SlowProxy,
  ) {}

  /** @throws ServerNotFoundError when none can be had */
  static async start(dataDir: string, report: Report): Promise<PostgresNode> {
    const port = await lastingPort();
    const installed = await installPostgres({ dataDir, port, settings, report });
    const leash = await installed.start(installed.folder);
    return new PostgresNode(leash, await SlowProxy.listen(port));
  }

  get url(): string {
    return `postgresql://postgres@127.0.0.1:${this.proxy.port}/postgres`;
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    await this.leash.stop();
  }
}
