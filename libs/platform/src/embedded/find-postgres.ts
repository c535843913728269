/**
 * Where a PostgreSQL server comes from, for tests and simulations (the embedded ledger is PGlite): PATH, else where Debian and
 * others put it, else the distribution's packages in the data folder.
 */
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { fetchDebianPackages, libraryPath } from './debian-packages.js';
import { advice, ServerNotFoundError } from './find-redis-server.js';
import { findOnPath, isExecutable, type Report, runToEnd } from './programs.js';

export interface Postgres {
  /** The folder with `postgres`, `initdb` and `pg_ctl`. */
  readonly bin: string;
  readonly env: Readonly<Record<string, string>>;
  /** The unpacked packages that it lives in, where it does. */
  readonly packages?: string;
  /** For people: the version and where it came from. */
  readonly origin: string;
}

const majorMin = 15;
const systemFolder = '/usr/lib/postgresql';
/** `postgres` and `initdb` run without the just-in-time compiler, Perl, accounts and the cluster tools of Debian. */
const leaveOut =
  /^(libllvm|libz3|.*perl|postgresql-common|postgresql-client-common|ssl-cert|adduser|passwd|sysstat|netbase|sensible-utils|ucf|debconf|openssl|locales|lsb-|init-)/;

/**
 * @param dataDir where packages may be unpacked (`<dataDir>/packages`)
 * @param options.searchPath replaces PATH; an empty one also leaves out the system's own folder
 * @throws ServerNotFoundError
 */
export async function findPostgres(
  dataDir: string,
  report: Report,
  options: { searchPath?: string } = {},
): Promise<Postgres> {
  for (const bin of await localFolders(options.searchPath)) {
    const found = await postgresIn(bin, {});
    if (found !== undefined) return found;
  }
  const reason = await packagedPostgres(dataDir, report);
  if (typeof reason !== 'string') return reason;
  throw new ServerNotFoundError(
    `No PostgreSQL server (${majorMin} or newer) found: not on PATH, not in ${systemFolder}; ` +
      `from the packages of this system: ${reason}. ${await advice('postgresql')}`,
  );
}

async function localFolders(searchPath?: string): Promise<string[]> {
  const onPath = await findOnPath(['postgres'], searchPath);
  const versions = searchPath === '' ? [] : await readdir(systemFolder).catch(() => []);
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a));
  return [
    ...(onPath === undefined ? [] : [path.dirname(await realpath(onPath))]),
    ...newestFirst.map((version) => path.join(systemFolder, version, 'bin')),
  ];
}

async function packagedPostgres(dataDir: string, report: Report): Promise<Postgres | string> {
  const reasons = new Set<string>();
  for (const name of await packageNames()) {
    const outcome = await fetchDebianPackages({
      folder: path.resolve(dataDir, 'packages'),
      name,
      packages: [name],
      leaveOut,
      report,
      works: async (root) => (await unpackedPostgres(root)) !== undefined,
    });
    if (outcome.kind !== 'refused') return (await unpackedPostgres(outcome.root))!;
    reasons.add(outcome.reason);
  }
  return [...reasons].join('; ');
}

/** The package of the release's one version where apt already knows it, else the one that depends on it. */
async function packageNames(): Promise<readonly string[]> {
  const { stdout } = await runToEnd('apt-cache', ['depends', 'postgresql'], { timeoutMs: 60_000 });
  const known = /Depends: (postgresql-\d+)/.exec(stdout)?.[1];
  return known === undefined ? ['postgresql'] : [known, 'postgresql'];
}

async function unpackedPostgres(root: string): Promise<Postgres | undefined> {
  const versions = await readdir(path.join(root, systemFolder)).catch(() => []);
  if (versions.length === 0) return undefined;
  const env = { LD_LIBRARY_PATH: await libraryPath(root) };
  const found = await postgresIn(path.join(root, systemFolder, versions[0]!, 'bin'), env);
  return found && { ...found, packages: root };
}

async function postgresIn(bin: string, env: Record<string, string>): Promise<Postgres | undefined> {
  if (!(await isExecutable(path.join(bin, 'initdb')))) return undefined;
  const { stdout } = await runToEnd(path.join(bin, 'postgres'), ['--version'], { env, timeoutMs: 10_000 });
  const version = /\(PostgreSQL\) (\d+)\S*/.exec(stdout);
  if (version === null || Number(version[1]) < majorMin) return undefined;
  return { bin, env, origin: `PostgreSQL ${version[0].split(' ')[1]}, ${bin}` };
}
