/** The embedded Redis in Docker, for machines without a server. Runs where an engine has the image or can fetch it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { redisImage, runToEnd, startRedis } from '#platform';
import { withClient } from '../../fixtures/redis-client.js';
import { runCompiled } from '../../fixtures/run-compiled.js';

const runs = await runToEnd('docker', ['run', '--rm', redisImage, 'redis-server', '--version']);
const describeOnDocker = runs.code === 0 ? describe : describe.skip;
if (runs.code !== 0) process.stderr.write('SKIPPED, Docker cannot run Redis: the embedded Redis in Docker\n');

describeOnDocker('the embedded Redis in Docker', () => {
  let dataDir: string;
  const messages: string[] = [];
  const start = () =>
    startRedis({
      dataDir,
      report: (message) => void messages.push(message),
      server: { kind: 'docker', image: redisImage },
    });
  beforeEach(() => {
    dataDir = mkdtempSync(path.join(tmpdir(), 'holdfast-container-'));
    messages.length = 0;
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  it('keeps its data over a restart, and replaces a container that was left behind', async () => {
    const service = runCompiled(`
      const { connection } = await embedded.startRedis({
        dataDir: ${JSON.stringify(dataDir)}, report: say,
        server: { kind: 'docker', image: ${JSON.stringify(redisImage)} } });
      say('serving ' + connection.port);
      setInterval(() => 0, 1000);`);
    const port = Number((await service.line('serving ')).slice(8));
    const first = { connection: { host: '127.0.0.1', port } };
    await withClient(first, (client) => client.set('key', 'value'));
    service.child.kill('SIGKILL');
    await service.ended;
    expect(await containers(dataDir)).toHaveLength(1);
    const second = await start();
    expect(await withClient(second, (client) => client.get('key'))).toBe('value');
    expect(await withClient(second, (client) => client.config('GET', 'appendfsync'))).toEqual([
      'appendfsync',
      'always',
    ]);
    expect(await containers(dataDir)).toHaveLength(1);
    await second.stop();
  }, 120_000);

  it('is started again on the same port with its data when it dies, and is gone after stop', async () => {
    const redis = await start();
    const name = (await containers(dataDir))[0]!;
    await withClient(redis, (client) => client.set('key', 'value'));
    await runToEnd('docker', ['kill', name]);
    const deadlineMs = performance.now() + 60_000;
    while ((await withClient(redis, (client) => client.get('key')).catch(() => null)) !== 'value') {
      if (performance.now() > deadlineMs) throw new Error(`not there again: ${messages.join('; ')}`);
      await sleep(200);
    }
    await redis.stop();
    expect(await containers(dataDir)).toEqual([]);
  }, 120_000);
});

async function containers(dataDir: string): Promise<string[]> {
  const filter = `volume=${path.join(dataDir, 'redis')}`;
  const { stdout } = await runToEnd('docker', ['ps', '--filter', filter, '--format', '{{.Names}}']);
  return stdout.split('\n').filter(Boolean);
}
