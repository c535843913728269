/**
 * Redis in Docker, for machines that have an engine but no Redis server. The container is named after its data folder, so that
 * one left behind by a killed service is found again. Its port is chosen once and kept, so that clients find a restarted one.
 */
import { userInfo } from 'node:os';
import { systemTimers } from '../adapters/system.js';
import { freePort } from './free-ports.js';
import { runToEnd, tail } from './programs.js';
import { RedisStartError, redisSettings } from './redis-process.js';
import type { RunningServer } from './supervise.js';

const dockerTimeoutMs = 300_000; // The first run downloads the image.
const removalAsksMax = 300;
const removalPauseMs = 200;
const host = '127.0.0.1';

export async function launchRedisContainer(options: {
  name: string;
  folder: string;
  image: string;
}): Promise<{
  connection: { host: string; port: number };
  launch: () => Promise<RunningServer>;
}> {
  const port = await freePort(host);
  return { connection: { host, port }, launch: () => launch({ ...options, port }) };
}

async function launch(options: {
  name: string;
  folder: string;
  image: string;
  port: number;
}): Promise<RunningServer> {
  const { name, folder, image, port } = options;
  await removeLeftBehind(name);
  const { uid, gid } = userInfo();
  const container = ['run', '--rm', '--detach', '--name', name, '--publish', `${host}:${port}:6379`];
  const owner = uid >= 0 ? ['--user', `${uid}:${gid}`] : [];
  const place = ['--volume', `${folder}:/data`, '--workdir', '/data', image, 'redis-server'];
  const settings = Object.entries(redisSettings).flatMap(([setting, value]) => [`--${setting}`, value]);
  const started = await runToEnd('docker', [...container, ...owner, ...place, ...settings], {
    timeoutMs: dockerTimeoutMs,
  });
  if (started.code !== 0) throw new RedisStartError(`Docker could not run ${image}: ${tail(started.stderr)}`);
  const ended = runToEnd('docker', ['wait', name]).then(({ stdout }) => `exit ${stdout.trim()}`);
  const ready = await answers(name);
  if (!ready) {
    const logs = await runToEnd('docker', ['logs', '--tail', '5', name]);
    await runToEnd('docker', ['rm', '--force', name]);
    throw new RedisStartError(`Redis in ${image} did not start: ${tail(logs.stdout + logs.stderr)}`);
  }
  return {
    ended,
    async end() {
      await runToEnd('docker', ['stop', name]);
      await ended;
    },
  };
}

/** One that has stopped is removed by the engine, which takes its time; until then its name is taken. */
async function removeLeftBehind(name: string): Promise<void> {
  await runToEnd('docker', ['stop', name], { timeoutMs: dockerTimeoutMs });
  for (let asked = 0; asked < removalAsksMax; asked++) {
    await runToEnd('docker', ['rm', '--force', name], { timeoutMs: dockerTimeoutMs });
    const { code } = await runToEnd('docker', ['container', 'inspect', name]);
    if (code !== 0) return;
    await systemTimers.sleep(removalPauseMs);
  }
}

/** Asks until it answers, or has gone. `redis-cli` waits for nothing, `docker exec` takes a tenth of a second. */
async function answers(name: string): Promise<boolean> {
  for (let asked = 0; asked < 600; asked++) {
    const { code, stdout, stderr } = await runToEnd('docker', ['exec', name, 'redis-cli', 'ping']);
    if (code === 0 && stdout.startsWith('PONG')) return true;
    if (/No such container|is not running/.test(stderr)) return false;
  }
  return false;
}
