/**
 * A PostgreSQL server for tests: from Docker, from this machine, or from the distribution's packages. PostgreSQL
 * refuses to run as root, so there it runs as somebody without rights, on a folder of theirs.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findPostgres, type Postgres } from '../../libs/platform/src/embedded/index.js';
import { spawnLeashed, type LeashedProcess } from './leashed-process.js';
import { fromDocker, lastingPort, testDataFolder, type TestServer, untilItAnswers } from './server.js';

interface User {
  readonly uid: number;
  readonly gid: number;
}

const run = promisify(execFile);
const image = 'postgres:18-alpine';
const connectionsMax = 200;
/** Tests lose nothing in a power cut. */
const hasty = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

/** @throws ServerNotFoundError when none can be had */
export async function startPostgresServer(options: { durable: boolean }): Promise<TestServer> {
  return (await fromDocker('PostgreSQL', () => containerised(options))) ?? local(options);
}

function settings({ durable }: { durable: boolean }): string[] {
  const all = [`max_connections=${connectionsMax}`, 'timezone=GMT', 'log_timezone=GMT'];
  return [...all, ...(durable ? [] : hasty)].flatMap((setting) => ['-c', setting]);
}

async function containerised(options: { durable: boolean }): Promise<TestServer> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const container = await new PostgreSqlContainer(image)
    .withCommand(['postgres', ...settings(options)])
    .start();
  return {
    url: container.getConnectionUri(),
    origin: `Testcontainers, ${image}`,
    async stop() {
      await container.stop();
    },
  };
}

async function local(options: { durable: boolean }): Promise<TestServer> {
  const installed = await installPostgres(options);
  const leashed = await installed.start(installed.folder);
  return { url: installed.url, origin: installed.origin, stop: () => leashed.stop() };
}

/** A PostgreSQL that has its data and is not running. */
export interface InstalledPostgres {
  readonly url: string;
  readonly origin: string;
  /** All that is its own. */
  readonly folder: string;
  readonly dataFolder: string;
  /** Starts it and waits until it answers; `removed` is the folder that goes when it ends, its own or one within. */
  start(removed: string): Promise<LeashedProcess>;
}

/** Data for a server of this machine, in a new folder. @throws ServerNotFoundError */
export async function installPostgres(options: { durable: boolean }): Promise<InstalledPostgres> {
  const postgres = await findPostgres(testDataFolder, (message) =>
    process.stderr.write(`PostgreSQL: ${message}\n`),
  );
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-postgres-'));
  const user = process.getuid?.() === 0 ? somebodyElse() : undefined;
  const { bin, env } = user === undefined ? postgres : withinReach(postgres, folder);
  // All of it, so that the server's leash can remove it.
  if (user !== undefined) await run('chown', ['-R', `${user.uid}:${user.gid}`, folder]);
  const data = path.join(folder, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--auth=trust', '--no-sync'];
  await run(path.join(bin, 'initdb'), initdb, {
    cwd: folder,
    env: { ...process.env, ...env, LC_ALL: 'C', TZ: 'GMT' },
    ...user,
  });
  const port = await lastingPort();
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  return {
    url,
    origin: postgres.origin,
    folder,
    dataFolder: data,
    async start(removed) {
      mkdirSync(removed, { recursive: true });
      if (user !== undefined) await run('chown', [`${user.uid}:${user.gid}`, removed]);
      const leashed = spawnLeashed({
        file: path.join(bin, 'postgres'),
        args: ['-D', data, '-k', folder, '-h', '127.0.0.1', '-p', `${port}`, ...settings(options)],
        env,
        folder: removed,
        endSignal: 'INT', // Does not wait for clients to leave.
        ...(user === undefined ? {} : { user }),
      });
      await untilItAnswers('PostgreSQL', leashed, () => ask(url));
      return leashed;
    },
  };
}

async function ask(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    await client.end().catch(() => undefined);
  }
}

function somebodyElse(): User {
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const account = accounts.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  return { uid: 65534, gid: 65534 };
}

/** Packages inside folders that only root may enter are copied to where the server's user can read them. */
function withinReach(postgres: Postgres, folder: string): Pick<Postgres, 'bin' | 'env'> {
  const { packages, bin, env } = postgres;
  if (packages === undefined || isOpenToAll(packages)) return { bin, env };
  const copy = path.join(folder, 'packages');
  cpSync(packages, copy, { recursive: true, verbatimSymlinks: true });
  const moved = Object.entries(env).map(([name, value]) => [name, value.replaceAll(packages, copy)]);
  return { bin: bin.replace(packages, copy), env: Object.fromEntries(moved) as Record<string, string> };
}

function isOpenToAll(folder: string): boolean {
  const mayEnter = (statSync(folder).mode & 0o005) === 0o005;
  return mayEnter && (folder === path.dirname(folder) || isOpenToAll(path.dirname(folder)));
}
