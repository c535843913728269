/**
 * Where a Redis server comes from when nobody names one: PATH, else the distribution's packages in the data folder,
 * else Docker, else an error that says what to install here. Functions (`FCALL`) want Redis 7 or Valkey.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fetchDebianPackages, libraryPath } from './debian-packages.js';
import { dockerAnswers } from './docker.js';
import { findOnPath, isExecutable, type Program, type Report, runToEnd } from './programs.js';

export type RedisServer =
  | { readonly kind: 'program'; readonly program: Program }
  | { readonly kind: 'docker'; readonly image: string };

/** No server of this kind can be had; the message says what was tried and what to install. */
export class ServerNotFoundError extends Error {
  readonly code = 'server-not-found';
}

export const redisImage = 'redis:8-alpine';
const majorMin = 7;
const binaries = ['redis-server', 'valkey-server'];
/** A server started by hand needs no accounts, no init system and no documentation. */
const leaveOut = /^(adduser|passwd|lsb-base|init-system-helpers|sysvinit|procps|logrotate|.*-doc)/;

/**
 * @param dataDir where packages may be unpacked (`<dataDir>/packages`)
 * @param options.searchPath replaces PATH
 * @throws ServerNotFoundError
 */
export async function findRedisServer(
  dataDir: string,
  report: Report,
  options: { searchPath?: string } = {},
): Promise<RedisServer> {
  const tried: string[] = [];
  const local = await onPath(tried, options.searchPath);
  if (local !== undefined) return { kind: 'program', program: local };
  const packaged = await fromPackages(dataDir, report, tried);
  if (packaged !== undefined) return { kind: 'program', program: packaged };
  if (await dockerAnswers()) {
    report(`running Redis in Docker (${redisImage})`);
    return { kind: 'docker', image: redisImage };
  }
  tried.push('no Docker engine answers');
  throw new ServerNotFoundError(
    `No Redis server (7 or newer, or Valkey) found: ${tried.join('; ')}. ` +
      `${await advice('redis')} Or name a running one in REDIS_URL.`,
  );
}

/** What to type on this system to get a server. */
export async function advice(what: 'redis' | 'postgresql'): Promise<string> {
  if (process.platform === 'darwin') return `Install one: brew install ${what}.`;
  if (process.platform === 'win32') return 'Install Docker Desktop, or run this in WSL.';
  const system = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const ids = [...system.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)/gm)].map((match) => match[1]).join(' ');
  const debian = { redis: 'redis-server', postgresql: 'postgresql' }[what];
  const redHat = { redis: 'redis', postgresql: 'postgresql-server' }[what];
  if (/debian|ubuntu/.test(ids)) return `Install one: sudo apt-get install ${debian}.`;
  if (/fedora|rhel|centos/.test(ids)) return `Install one: sudo dnf install ${redHat}.`;
  if (/alpine/.test(ids)) return `Install one: apk add ${what}.`;
  if (/arch/.test(ids)) return `Install one: sudo pacman -S ${what}.`;
  return `Install ${what} with this system's package manager, or Docker.`;
}

async function onPath(tried: string[], searchPath?: string): Promise<Program | undefined> {
  const file = await findOnPath(binaries, searchPath);
  if (file === undefined) {
    tried.push(`neither ${binaries.join(' nor ')} on PATH`);
    return undefined;
  }
  const version = await versionOf(file, {});
  if (version !== undefined && majorOf(version) >= majorMin) {
    return { file, env: {}, origin: `${version}, ${file}` };
  }
  tried.push(`${file} is ${version ?? 'of unknown version'}, too old`);
  return undefined;
}

async function fromPackages(dataDir: string, report: Report, tried: string[]): Promise<Program | undefined> {
  for (const name of binaries) {
    const outcome = await fetchDebianPackages({
      folder: path.resolve(dataDir, 'packages'),
      name,
      packages: [name],
      leaveOut,
      report,
      works: async (root) => (await programIn(root, name)) !== undefined,
    });
    if (outcome.kind !== 'refused') return programIn(outcome.root, name);
    const why = `from the packages of this system: ${outcome.reason}`;
    if (!tried.includes(why)) tried.push(why);
  }
  return undefined;
}

async function programIn(root: string, name: string): Promise<Program | undefined> {
  const file = path.join(root, 'usr/bin', name);
  if (!(await isExecutable(file))) return undefined;
  const env = { LD_LIBRARY_PATH: await libraryPath(root) };
  const version = await versionOf(file, env);
  if (version === undefined || majorOf(version) < majorMin) return undefined;
  return { file, env, origin: `${version}, ${file}` };
}

async function versionOf(file: string, env: Record<string, string>): Promise<string | undefined> {
  const { stdout } = await runToEnd(file, ['--version'], { env, timeoutMs: 10_000 });
  const match = /^(\w+) server v=(\S+)/i.exec(stdout);
  return match === null ? undefined : `${match[1]} ${match[2]}`;
}

function majorOf(version: string): number {
  return Number.parseInt(/\d+/.exec(version)?.[0] ?? '0', 10);
}
