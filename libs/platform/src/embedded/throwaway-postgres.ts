/**
 * A PostgreSQL server of this machine on a new folder, for tests and simulations: it ends with the process that started it.
 * PostgreSQL refuses to run as root, so root starts it as an unprivileged user, on a folder of that user's.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { findPostgres, type Postgres } from './find-postgres.js';
import { spawnLeashed, type LeashedProcess } from './leashed-process.js';
import type { Report } from './programs.js';
import { untilItAnswers } from './until-it-answers.js';

/** A PostgreSQL that has its data and is not running. */
export interface InstalledPostgres {
  readonly url: string;
  readonly origin: string;
  /** All that is its own. */
  readonly folder: string;
  readonly dataFolder: string;
  /**
   * Starts it, and waits until it answers.
   * @param removed the folder that goes when it ends, its own or one within
   * @param more of its environment
   */
  start(removed: string, more?: Readonly<Record<string, string>>): Promise<LeashedProcess>;
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

const run = promisify(execFile);

/**
 * Makes the data of a server in a new temporary folder.
 * @param options.dataDir where packages may be unpacked, when the machine has no PostgreSQL
 * @param options.settings as on its command line: `name=value`
 * @throws ServerNotFoundError when none can be had
 */
export async function installPostgres(options: {
  readonly dataDir: string;
  readonly port: number;
  readonly settings: readonly string[];
  readonly report: Report;
}): Promise<InstalledPostgres> {
  const { port } = options;
  const postgres = await findPostgres(options.dataDir, options.report);
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
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  return {
    url,
    origin: postgres.origin,
    folder,
    dataFolder: data,
    async start(removed, more = {}) {
      mkdirSync(removed, { recursive: true });
      if (user !== undefined) await run('chown', [`${user.uid}:${user.gid}`, removed]);
      const settings = options.settings.flatMap((setting) => ['-c', setting]);
      const server = spawnLeashed({
        file: path.join(bin, 'postgres'),
        args: ['-D', data, '-k', folder, '-h', '127.0.0.1', '-p', `${port}`, ...settings],
        env: { ...env, ...more },
        folder: removed,
        endSignal: 'INT', // Does not wait for clients to leave.
        ...(user === undefined ? {} : { user }),
      });
      await untilItAnswers('PostgreSQL', server, () => ask(url));
      return server;
    },
  };
}

async function ask(url: string): Promise<void> {
  const { Client } = await import('pg');
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
