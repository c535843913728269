/**
 * One redis-server process in the data folder, reached over a Unix socket that only its owner may open.
 *
 * It leads its own process group, so that Ctrl-C in a terminal does not end it before the service has closed. The price: a
 * service that is killed outright leaves it behind, while one that ends in any other way takes it along. Such an orphan is found
 * again by its working directory and adopted, or ended if we would have started it differently. Two servers writing one
 * append-only file would destroy it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { systemClock, systemTimers } from '../adapters/system.js';
import { isAlive } from './debian-packages.js';
import { type Program, type Report, tail } from './programs.js';
import type { RunningServer } from './supervise.js';

export interface RedisPlace {
  /** The server's working directory, absolute and without symbolic links. */
  readonly folder: string;
  readonly socket: string;
  readonly logFile: string;
}

/** The server did not start; the message has the end of its log. */
export class RedisStartError extends Error {
  readonly code = 'redis-start-failed';
}

/** Durable before it answers, never forgetting a key for want of memory. */
export const redisSettings = {
  appendonly: 'yes',
  appendfsync: 'always',
  save: '',
  'maxmemory-policy': 'noeviction',
} as const;

const socketPathBytesMax = 100; // The kernel's limit is 107, and Redis makes a temporary name beside it.
const logBytesMax = 8 * 1024 * 1024;
/** Loading a large append-only file takes its time. */
const startTimeoutMs = 120_000;
const endTimeoutMs = 10_000;
const pollMs = 20;
const adoptedPollMs = 250;

/** The places of the server of a data folder. The socket moves to the temporary folder when its path gets too long. */
export async function redisPlace(dataDir: string): Promise<RedisPlace> {
  const wanted = path.resolve(dataDir, 'redis');
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  const folder = await realpath(wanted);
  const logFile = path.join(path.dirname(folder), 'redis.log');
  const socket = path.join(path.dirname(folder), 'redis.sock');
  if (Buffer.byteLength(socket) <= socketPathBytesMax) return { folder, socket, logFile };
  const digest = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  return { folder, socket: path.join(ownTemporaryFolder(), `${digest}.sock`), logFile };
}

/** Adopts the server that an earlier service left in this place, or starts one. Settles when it serves. */
export async function launchRedis(
  place: RedisPlace,
  program: Program,
  report: Report,
): Promise<RunningServer> {
  const orphans = await processesIn(place.folder);
  const adopted = await adopt(place, orphans);
  if (adopted !== undefined) {
    report(`found the Redis server that an earlier run left behind (process ${adopted}): using it`);
    const gone = goneOf(adopted);
    endWithUs(adopted, gone);
    return { ended: gone, end: () => endProcess(adopted) };
  }
  for (const pid of orphans) {
    report(`ending a Redis server that an earlier run left behind (process ${pid})`);
    await endProcess(pid);
  }
  return startRedisProcess(place, program);
}

async function startRedisProcess(place: RedisPlace, program: Program): Promise<RunningServer> {
  if ((statSync(place.logFile, { throwIfNoEntry: false })?.size ?? 0) > logBytesMax) {
    renameSync(place.logFile, `${place.logFile}.1`);
  }
  const log = openSync(place.logFile, 'a', 0o600);
  const child = spawn(program.file, ['-'], {
    cwd: place.folder,
    env: { ...process.env, ...program.env },
    detached: true,
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit ${code}` : `killed by ${signal}`));
  });
  child.stdin?.on('error', () => undefined); // It ended before it had read its configuration: `ended` tells.
  child.stdin?.end(configuration(place));
  child.unref();
  if (child.pid !== undefined) endWithUs(child.pid, ended);
  const outcome = await Promise.race([ended, servesIn(place, child.pid)]);
  if (outcome === undefined) return { ended, end: () => endChild(child, ended) };
  await endChild(child, ended);
  throw new RedisStartError(
    `${program.file} did not start (${outcome}). The end of ${place.logFile}:\n${tail(readLog(place.logFile))}`,
  );
}

function configuration({ folder, socket }: RedisPlace): string {
  const settings = {
    ...redisSettings,
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir: folder,
    daemonize: 'no',
    loglevel: 'notice',
    logfile: '',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}\n`)
    .join('');
}

/** Settles with nothing when the process serves, with a reason when it takes too long. */
async function servesIn(place: RedisPlace, pid: number | undefined): Promise<string | undefined> {
  const deadlineMs = systemClock.monotonicMs() + startTimeoutMs;
  while (systemClock.monotonicMs() < deadlineMs) {
    if (pid === undefined) return 'it could not be started';
    const found = await interview(place.socket);
    if (found?.pid === pid && !found.loading) return undefined;
    if (!isAlive(pid)) return 'it ended';
    await systemTimers.sleep(pollMs);
  }
  return `it did not serve within ${startTimeoutMs / 1000} s`;
}

/** The process to adopt, when the one on the socket is in our place and set up as we set it up. */
async function adopt(place: RedisPlace, orphans: readonly number[]): Promise<number | undefined> {
  const deadlineMs = systemClock.monotonicMs() + startTimeoutMs;
  while (systemClock.monotonicMs() < deadlineMs) {
    const found = await interview(place.socket);
    if (found === undefined || found.settings['dir'] !== place.folder) return undefined;
    if (orphans.length > 1 || (orphans.length === 1 && orphans[0] !== found.pid)) return undefined;
    const same = Object.entries(redisSettings).every(([name, value]) => found.settings[name] === value);
    if (!same) return undefined;
    if (!found.loading) return found.pid;
    await systemTimers.sleep(adoptedPollMs);
  }
  return undefined;
}

interface Interview {
  readonly pid: number;
  readonly loading: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

/** Asks the server on a socket who it is; nothing when nobody answers. */
async function interview(socket: string): Promise<Interview | undefined> {
  const redis = new Redis({
    path: socket,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    connectTimeout: 1000,
    socketTimeout: 2000,
    disconnectTimeout: 100, // It stays pending, and with it the process, even when the connection has closed.
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    const info = await redis.info();
    const names = ['dir', ...Object.keys(redisSettings)];
    const settings: Record<string, string> = {};
    for (const name of names) settings[name] = (await redis.config('GET', name))[1] ?? '';
    return {
      pid: Number(/^process_id:(\d+)/m.exec(info)?.[1]),
      loading: /^(async_)?loading:1/m.test(info),
      settings,
    };
  } catch {
    return undefined;
  } finally {
    redis.disconnect();
  }
}

/** Redis servers whose working directory is the folder. Only Linux can tell; elsewhere the socket has to. */
async function processesIn(folder: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const there = await readlink(`/proc/${name}/cwd`).catch(() => '');
      if (there !== folder) return undefined;
      const command = await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '');
      return /^(redis|valkey)-/.test(command) ? Number(name) : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined);
}

/** Also when this process ends in a hurry: a second Ctrl-C, an error that nobody caught. */
function endWithUs(pid: number, ended: Promise<string>): void {
  const onExit = () => signal(pid, 'SIGTERM');
  process.once('exit', onExit);
  void ended.then(() => process.off('exit', onExit));
}

async function goneOf(pid: number): Promise<string> {
  while (isAlive(pid)) await systemTimers.sleep(adoptedPollMs);
  return 'it was not ours to see why';
}

async function endChild(child: ChildProcess, ended: Promise<string>): Promise<void> {
  const timer = systemTimers.after(endTimeoutMs, () => child.kill('SIGKILL'));
  child.kill('SIGTERM');
  await ended;
  timer.cancel();
}

async function endProcess(pid: number): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + endTimeoutMs;
  signal(pid, 'SIGTERM');
  while (isAlive(pid)) {
    if (systemClock.monotonicMs() > deadlineMs) signal(pid, 'SIGKILL');
    await systemTimers.sleep(pollMs);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has gone already.
  }
}

function ownTemporaryFolder(): string {
  const { uid } = userInfo();
  const folder = path.join(tmpdir(), `holdfast-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = statSync(folder);
  if (uid >= 0 && (found.uid !== uid || (found.mode & 0o077) !== 0)) {
    throw new RedisStartError(
      `${folder} belongs to somebody else or is open to others: remove it, or choose a shorter HOLDFAST_DATA_DIR.`,
    );
  }
  return folder;
}

function readLog(file: string): string {
  return readFileSync(file, 'utf8');
}
