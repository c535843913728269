/** A PostgreSQL server for tests: from Docker, from this machine, or from the distribution's packages. */
import { type InstalledPostgres, installPostgres as install, lastingPort } from '#platform';
import { fromDocker, testDataFolder, type TestServer } from './server.js';

const image = 'postgres:18-alpine';
const connectionsMax = 200;
/** Tests lose nothing in a power cut. */
const hasty = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

type PostgresOptions = {
  readonly durable: boolean;
  /** More of them, as `name=value`. */
  readonly settings?: readonly string[];
};

/** @throws ServerNotFoundError when none can be had */
export async function startPostgresServer(options: PostgresOptions): Promise<TestServer> {
  return (await fromDocker('PostgreSQL', () => containerised(options))) ?? local(options);
}

function settings({ durable, settings: more = [] }: PostgresOptions): string[] {
  const all = [`max_connections=${connectionsMax}`, 'timezone=GMT', 'log_timezone=GMT', ...more];
  return [...all, ...(durable ? [] : hasty)];
}

async function containerised(options: PostgresOptions): Promise<TestServer> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const container = await new PostgreSqlContainer(image)
    .withCommand(['postgres', ...settings(options).flatMap((setting) => ['-c', setting])])
    .start();
  return {
    url: container.getConnectionUri(),
    origin: `Testcontainers, ${image}`,
    async stop() {
      await container.stop();
    },
  };
}

async function local(options: PostgresOptions): Promise<TestServer> {
  const installed = await installPostgres(options);
  const leashed = await installed.start(installed.folder);
  return { url: installed.url, origin: installed.origin, stop: () => leashed.stop() };
}

/** Data for a server of this machine, in a new folder. @throws ServerNotFoundError */
export async function installPostgres(options: PostgresOptions): Promise<InstalledPostgres> {
  return install({
    dataDir: testDataFolder,
    port: await lastingPort(),
    settings: settings(options),
    report: (message) => void process.stderr.write(`PostgreSQL: ${message}\n`),
  });
}
