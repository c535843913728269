/** One process at a time has a data folder, and a dead one never does. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DataFolderInUseError, openDataFolder, waitForDataFolder } from '#platform';
import { runCompiled } from '../../fixtures/run-compiled.js';

let base: string;
beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), 'holdfast-folder-'));
});
afterEach(() => rmSync(base, { recursive: true }));

it('creates the folder for its owner alone', () => {
  const folder = openDataFolder(path.join(base, 'deep', 'data'));
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  folder.close();
});

it('that cannot be one is named, with the reason and the way out', () => {
  const file = path.join(base, 'file');
  writeFileSync(file, '');
  expect(() => openDataFolder(file)).toThrow(
    `The data folder ${file} cannot be used: EEXIST: file already exists, mkdir '${file}'. Mend that, or give this ` +
      'process another one: HOLDFAST_DATA_DIR=<folder>.',
  );
});

it('where no folder can be made, that is said at once', () => {
  expect(() => openDataFolder('/proc/holdfast/data')).toThrow(/ENOENT.*mkdir '\/proc\/holdfast'/);
});

it('is refused to a second caller of the same process until the first closes it', () => {
  const first = openDataFolder(base);
  expect(() => openDataFolder(base)).toThrow(DataFolderInUseError);
  first.close();
  openDataFolder(base).close();
});

it('is refused to another process, with the holder and the way out named, and free once the holder is killed', async () => {
  const holder = runCompiled(`
    const folder = embedded.openDataFolder(${JSON.stringify(base)});
    say('open');
    setInterval(() => folder, 1000);`);
  await holder.line('open');
  expect(() => openDataFolder(base)).toThrow(
    `The data folder ${base} is in use by process ${holder.child.pid}. Stop that process, or give this one a ` +
      'folder of its own: HOLDFAST_DATA_DIR=<folder>.',
  );
  holder.child.kill('SIGKILL');
  expect((await holder.ended).signal).toBe('SIGKILL');
  openDataFolder(base).close();
});

it('goes to exactly one of several processes that want it at once', async () => {
  const contenders = Array.from({ length: 4 }, () =>
    runCompiled(`
      try { embedded.openDataFolder(${JSON.stringify(base)}); say('won'); setInterval(() => 0, 1000); }
      catch (error) { say(error.code); }`),
  );
  const outcomes = await Promise.all(
    contenders.map((one) => Promise.race([one.line('won'), one.line('data-folder-in-use')])),
  );
  expect(outcomes.sort()).toEqual(['data-folder-in-use', 'data-folder-in-use', 'data-folder-in-use', 'won']);
  for (const one of contenders) one.child.kill('SIGKILL');
  await Promise.all(contenders.map((one) => one.ended));
});

it('waits for a holder that is ending, and no longer than it was told', async () => {
  const messages: string[] = [];
  const report = (message: string) => void messages.push(message);
  const first = openDataFolder(base);
  await expect(waitForDataFolder(base, { waitMs: 150, report })).rejects.toThrow(DataFolderInUseError);
  const second = waitForDataFolder(base, { waitMs: 10_000, report });
  await sleep(150);
  first.close();
  (await second).close();
  const waiting = `the data folder is in use by process ${process.pid}: waiting for it to end`;
  expect(messages).toEqual([waiting, waiting]);
});
