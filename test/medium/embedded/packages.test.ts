/**
 * Servers from the distribution's packages on a machine that has none on PATH: fetched for real into a folder, found again
 * without the network, mended when broken, never half there. Only Debian and Ubuntu have such packages.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findPostgres, findRedisServer, openDataFolder, startRedis } from '#platform';
import { runCompiled } from '../../fixtures/run-compiled.js';

const describeOnDebian = existsSync('/usr/bin/apt-get') ? describe : describe.skip;

describeOnDebian('without a server on PATH', () => {
  let dataDir: string;
  const messages: string[] = [];
  const report = (message: string) => void messages.push(message);
  const nowhere = { searchPath: '' };

  beforeEach(() => {
    dataDir = mkdtempSync(path.join(tmpdir(), 'holdfast-packages-'));
    messages.length = 0;
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  it('fetches Redis into the data folder, once, and it serves', async () => {
    const first = await findRedisServer(dataDir, report, nowhere);
    if (first.kind !== 'program') throw new Error('not from the packages');
    expect(first.program.file.startsWith(path.join(dataDir, 'packages'))).toBe(true);
    expect(messages[0]).toMatch(/^fetching redis-server/);
    expect(readdirSync(path.join(dataDir, 'packages'))).toEqual(['redis-server']);
    messages.length = 0;
    expect(await findRedisServer(dataDir, report, nowhere)).toEqual(first);
    expect(messages).toEqual([]);
    const folder = openDataFolder(dataDir);
    const redis = await startRedis({ dataDir, report, server: first });
    await redis.stop();
    folder.close();
  }, 300_000);

  it('fetches again what has been damaged', async () => {
    const first = await findRedisServer(dataDir, report, nowhere);
    if (first.kind !== 'program') throw new Error('not from the packages');
    writeFileSync(first.program.file, 'damaged');
    expect(await findRedisServer(dataDir, report, nowhere)).toEqual(first);
  }, 300_000);

  it('lets two processes fetch at once, and clears up after one that was killed in the middle', async () => {
    const body = `const found = await embedded.findRedisServer(${JSON.stringify(dataDir)}, say, { searchPath: '' });
      say('found ' + found.program.file);`;
    const killed = runCompiled(body);
    await killed.line('fetching');
    killed.child.kill('SIGKILL');
    await killed.ended;
    const two = [runCompiled(body), runCompiled(body)];
    const found = await Promise.all(two.map((one) => one.line('found ')));
    expect(new Set(found).size).toBe(1);
    await Promise.all(two.map((one) => one.ended));
    expect(readdirSync(path.join(dataDir, 'packages'))).toEqual(['redis-server']);
  }, 300_000);

  it('fetches PostgreSQL too, for tests', async () => {
    const postgres = await findPostgres(dataDir, report, nowhere);
    expect(postgres.bin.startsWith(path.join(dataDir, 'packages'))).toBe(true);
    expect(postgres.origin).toMatch(/^PostgreSQL \d+/);
  }, 300_000);
});
