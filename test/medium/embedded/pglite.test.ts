/**
 * The embedded database under `kill -9`: every row that was acknowledged is there again, rows of transactions are
 * there together or not at all, and the database stays usable, round after round on one folder.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DataFolderError, openPGlite } from '#platform';
import { runCompiled } from '../../fixtures/run-compiled.js';

const rounds = 5;
let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'holdfast-pglite-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** Inserts pairs of rows and changes one row, in transactions, with checkpoints in between; prints what was acknowledged. */
const writer = (folder: string) => `
  const db = await embedded.openPGlite({ dataDir: ${JSON.stringify(folder)} });
  await db.exec('create table if not exists pair (id bigint, half int, filler text, primary key (id, half))');
  await db.exec('create table if not exists total (one int primary key, pairs bigint)');
  await db.exec('insert into total values (1, 0) on conflict do nothing');
  let id = (await db.query('select coalesce(max(id), 0)::int as id from pair')).rows[0].id;
  say('writing');
  for (;;) {
    id += 1;
    await db.transaction(async (tx) => {
      await tx.query('insert into pair values ($1, 1, $2), ($1, 2, $2)', [id, 'x'.repeat(id % 3000)]);
      await tx.query('update total set pairs = pairs + 1');
    });
    say('ack ' + id);
    if (id % 400 === 0) await db.query('checkpoint');
  }`;

it('keeps every acknowledged row and no half transaction when it is killed in the middle of writing', async () => {
  let acknowledged = 0;
  for (let round = 0; round < rounds; round++) {
    const child = runCompiled(writer(dataDir));
    await child.line('writing');
    await sleep(300 + round * 150);
    child.child.kill('SIGKILL');
    await child.ended;
    const last = child.lines.findLast((line) => line.startsWith('ack '));
    const before = acknowledged;
    acknowledged = Number(last?.slice(4));
    expect(acknowledged).toBeGreaterThan(before);

    const database = await openPGlite({ dataDir });
    const { rows } = await database.query<
      Record<string, number>
    >(`select count(*)::int as halves, max(id)::int as last,
      count(distinct id)::int as ids, (select pairs::int from total) as total from pair`);
    const { halves, ids, total, last: lastId } = rows[0]!;
    // The one in flight when the process died may be there too, whole.
    expect(lastId).toBeGreaterThanOrEqual(acknowledged);
    expect(lastId).toBeLessThanOrEqual(acknowledged + 1);
    expect({ halves, ids, total }).toEqual({ halves: 2 * lastId!, ids: lastId, total: lastId });
    acknowledged = lastId!;
    // Read through the table and through its index, which a broken page would not survive.
    await database.exec('reindex table pair; analyze pair');
    await database.close();
  }
}, 120_000);

it('reaches the disk with every commit', async () => {
  const child = runCompiled(`
    const { default: fs } = await import('node:fs');
    const { syncBuiltinESMExports } = await import('node:module');
    const fsyncSync = fs.fsyncSync;
    let synced = 0;
    fs.fsyncSync = (descriptor) => { synced += 1; fsyncSync(descriptor); };
    syncBuiltinESMExports();
    const db = await embedded.openPGlite({ dataDir: ${JSON.stringify(dataDir)} });
    await db.exec('create table t (id int)');
    const before = synced;
    for (let id = 0; id < 10; id++) await db.query('insert into t values ($1)', [id]);
    say('synced ' + (synced - before));
    await db.close();`);
  expect(Number((await child.line('synced ')).slice(7))).toBeGreaterThanOrEqual(10);
  await child.ended;
}, 60_000);

it('has fsync on, with a method that exists', async () => {
  const database = await openPGlite({ dataDir });
  const { rows } = await database.query<{ name: string; setting: string }>(
    `select name, setting from pg_settings
     where name in ('fsync', 'wal_sync_method', 'synchronous_commit', 'full_page_writes')`,
  );
  expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
    fsync: 'on',
    wal_sync_method: 'fsync',
    synchronous_commit: 'on',
    full_page_writes: 'on',
  });
  await database.close();
}, 30_000);

it('starts from nothing again when its first start was cut short', async () => {
  const child = runCompiled(`await embedded.openPGlite({ dataDir: ${JSON.stringify(dataDir)} })`);
  const unfinished = path.join(dataDir, 'postgres.unfinished');
  const deadlineMs = performance.now() + 20_000;
  while (!existsSync(path.join(unfinished, 'base'))) {
    if (performance.now() > deadlineMs) throw new Error('the database was not made in a folder beside');
    await sleep(1);
  }
  child.child.kill('SIGKILL');
  await child.ended;
  expect(existsSync(path.join(dataDir, 'postgres'))).toBe(false);
  const database = await openPGlite({ dataDir });
  expect((await database.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await database.close();
  expect(existsSync(unfinished)).toBe(false);

  // Made by another version.
  writeFileSync(path.join(dataDir, 'postgres', 'PG_VERSION'), '99\n');
  await expect(openPGlite({ dataDir })).rejects.toThrow(
    'it holds a database of PostgreSQL 99 that is damaged, or',
  );
}, 60_000);

it('says where none can be made, and why', async () => {
  const nowhere = '/proc/holdfast';
  await expect(openPGlite({ dataDir: nowhere })).rejects.toThrow(DataFolderError);
  await expect(openPGlite({ dataDir: nowhere })).rejects.toThrow(
    /\/proc\/holdfast\/postgres .*could be made there \(.+\)/,
  );
});
