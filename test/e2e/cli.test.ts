/** The command line as people and scripts use it: its output, its files, its exit codes. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { openPostgres, sql } from '#ledger';
import { openInstance } from '../fixtures/holdfast.js';
import { startProcess } from '../fixtures/service-process.js';
import { describeWithPostgres, testPostgres, testRedis, type TestDatabase } from '../servers/index.js';

const main = path.resolve(import.meta.dirname, '../../dist/apps/cli/src/main.js');

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

function holdfast(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE, ...environment };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, ...args],
      { env },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('holdfast', () => {
  test('helps, with every command and every option', async () => {
    const help = await holdfast(['--help']);
    expect(help.code).toBe(0);
    for (const command of ['up', 'simulate', 'audit', 'doctor', 'migrate']) {
      expect(help.stdout).toContain(command);
      expect(await holdfast([command, '--help'])).toMatchObject({ code: 0, stderr: '' });
    }
    expect((await holdfast(['audit', '--help'])).stdout).toContain('--json=<FILE>');
  });

  const wrong: [string[], string][] = [
    [['bogus'], 'no command bogus'],
    [['audit', '--nope'], '--nope'],
    [['audit', 'extra'], 'extra'],
    [['audit', '--json'], '--json needs a value'],
    [['audit', '--json', '/nowhere/a.json'], 'cannot be written'],
    [['audit', '--json', tmpdir()], 'it is a folder'],
    [['audit', '--json='], 'no name'],
    [['reconcile', '--html', tmpdir()], 'it is a folder'],
    [['audit', '--url', 'localhost'], '--url is the address of a service'],
  ];
  test.each(wrong)('wrong usage exits 2 and says what is wrong: %j', async (args, what) => {
    const { code, stderr } = await holdfast(args);
    expect(code).toBe(2);
    expect(stderr).toContain(what);
  });

  test('says its version', async () => {
    expect(await holdfast(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  test('a result that cannot be written any more is said in one sentence', async () => {
    const { code, stderr } = await holdfast(['replay', '--orders', '1', '--json', '/dev/full']);
    expect(stderr).toMatch(/^holdfast: \/dev\/full could not be written: ENOSPC.*\n$/);
    expect(code).toBe(1);
  }, 60_000);

  test('a bad environment exits 78 with every problem', async () => {
    const { code, stderr } = await holdfast(['audit'], { PORT: 'x', PARTITIONS: '0' });
    expect(code).toBe(78);
    expect(stderr).toContain('PORT');
    expect(stderr).toContain('PARTITIONS');
  });
});

test('audit opens a data folder, or asks the service that has it, and makes none', async () => {
  const environment = { HOLDFAST_DATA_DIR: path.join(folder, 'data') };
  const empty = await holdfast(['audit'], environment);
  expect(empty).toMatchObject({
    code: 78,
    stdout: '',
    stderr: expect.stringContaining('there is no ledger at'),
  });
  expect(existsSync(environment.HOLDFAST_DATA_DIR)).toBe(false);

  const service = await startProcess(environment);
  try {
    const { port } = new URL(service.baseUrl);
    const asked = await holdfast(['audit', '--json', '-'], { ...environment, PORT: port });
    expect(JSON.parse(asked.stdout)).toMatchObject({ ok: true, invariants: expect.any(Array) });
    expect(asked.stderr).toContain(`is in use by process ${service.child.pid}: asking ${service.baseUrl}.`);
    expect(asked.stderr).not.toContain('Stop that process');
    const doctor = await holdfast(['doctor'], environment);
    expect(doctor.stdout).toContain(`in use by process ${service.child.pid}: the service runs`);
    expect(doctor.stdout).not.toContain('Stop that process');
    const unknown = await holdfast(['reconcile', '--provider', 'nobody', '--url', service.baseUrl]);
    expect(unknown).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('provider: There is no provider'),
    });
    const nobody = await holdfast(['audit', '--url', 'http://127.0.0.1:2']);
    expect(nobody).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('http://127.0.0.1:2: ECONNREFUSED'),
    });
  } finally {
    await service.stop();
  }
  const file = path.join(folder, 'audit.json');
  const alone = await holdfast(['audit', '--json', file], environment);
  expect(alone).toMatchObject({ code: 0 });
  expect(alone.stdout).toMatch(/^ok {5}I1 /m);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ ok: true });
}, 120_000);

describeWithPostgres('on servers', () => {
  let redis: TestDatabase;
  let postgres: TestDatabase;
  let environment: Record<string, string>;
  beforeAll(async () => {
    [redis, postgres] = await Promise.all([testRedis(), testPostgres()]);
    environment = {
      REDIS_URL: redis.url,
      DATABASE_URL: postgres.url,
      HOLDFAST_API_KEYS: 'ops:admin:a-secret-of-sixteen',
    };
  });
  afterAll(() => Promise.all([redis.stop(), postgres.stop()]));

  test('migrates, once; no command wants keys but the one that looks at what the service has', async () => {
    const empty = await holdfast(['audit'], environment);
    expect(empty).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('there is no ledger at 127.0.0.1'),
    });
    const { HOLDFAST_API_KEYS: _, ...keyless } = environment;
    expect((await holdfast(['migrate', '--json', '-'], keyless)).stdout).toContain('0001-ledger');
    expect((await holdfast(['migrate'], environment)).stdout).toContain('up to date');
    const production = { ...keyless, NODE_ENV: 'production' };
    expect((await holdfast(['audit'], production)).stderr).not.toContain('HOLDFAST_API_KEYS');
    expect(
      await holdfast(['reconcile', '--provider', 'sandbox', '--url', 'http://127.0.0.1:2'], production),
    ).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await holdfast(['doctor'], production)).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('HOLDFAST_API_KEYS'),
    });
  }, 60_000);

  test('audit exits 1 and names the invariant that is broken', async () => {
    const instance = await openInstance({ redisUrl: redis.url, databaseUrl: postgres.url });
    await instance.put('A', 5);
    await instance.hold('A', { quantity: 2 });
    await instance.close();
    expect(await holdfast(['audit'], environment)).toMatchObject({ code: 0 });
    const db = openPostgres(postgres.url, () => undefined, { connectionsMax: 1 });
    await sql`update skus set held = 3`.execute(db);
    await db.destroy();
    const { code, stdout } = await holdfast(['audit'], environment);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^BROKEN I1 /m);
  });

  test('audit says that Redis has lost its data, and mends nothing', async () => {
    const db = openPostgres(postgres.url, () => undefined, { connectionsMax: 1 });
    const positions = () => sql`select * from partitions`.execute(db).then(({ rows }) => rows);
    const before = await positions();
    const client = new Redis(redis.url);
    await client.flushdb();
    client.disconnect();
    for (const _ of [1, 2]) {
      const { code, stdout } = await holdfast(['audit'], environment);
      expect(code).toBe(1);
      expect(stdout).toContain('Redis stands at 0-0');
    }
    expect(await positions()).toEqual(before);
    await db.destroy();
  });

  test('reconciles a file: figures, exit codes, nothing twice', async () => {
    const statement = path.resolve(
      import.meta.dirname,
      '../fixtures/statements/stripe-payout-reconciliation.csv',
    );
    const reconcile = async (...args: string[]) => {
      const ended = await holdfast(['reconcile', ...args, '--json', '-'], environment);
      return { ...ended, result: ended.stdout === '' ? undefined : JSON.parse(ended.stdout) };
    };
    const named = ['--file', statement, '--format', 'stripe-payout-csv'];
    const dry = await reconcile(...named, '--dry-run');
    const page = path.join(folder, 'report.html');
    const first = await reconcile(...named, '--html', page);
    expect(first.result).toEqual(dry.result);
    const { rows, inserted, duplicates, quarantined, tieOut } = first.result;
    expect(rows).toBe(inserted + duplicates + quarantined);
    expect(first.code).toBe(tieOut.every(({ ties }: { ties: boolean }) => ties) ? 0 : 1);
    expect(await readFile(page, 'utf8')).toContain('<h2>Totals</h2>');
    const second = await reconcile(...named);
    expect(second.result).toMatchObject({ inserted: 0, duplicates: rows - quarantined, tieOut });

    const cut = path.join(folder, 'cut.csv');
    await writeFile(cut, (await readFile(statement)).subarray(0, -20));
    expect(await reconcile('--file', cut, '--format', 'stripe-payout-csv', '--dry-run')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('breaks off'),
      result: { inserted: 0 },
    });

    expect(await reconcile('--file', statement, '--format', 'mt940')).toMatchObject({
      code: 1,
      result: undefined,
    });
    for (const [args, what] of [
      [['--file', path.join(folder, 'nowhere'), '--format', 'mt940'], 'cannot be read'],
      [['--file', statement, '--format', 'xlsx'], 'mt940'],
    ] as const) {
      const { code, stderr } = await reconcile(...args);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(what) });
    }
  }, 120_000);

  test('the number of partitions cannot change: exit 78', async () => {
    const { code, stderr } = await holdfast(['audit'], { ...environment, PARTITIONS: '7' });
    expect(code).toBe(78);
    expect(stderr).toContain('PARTITIONS=1');
  });

  test('doctor judges what it finds', async () => {
    const { code, stdout } = await holdfast(['doctor', '--json', '-'], environment);
    expect(code).toBe(0);
    const { findings } = JSON.parse(stdout) as { findings: { part: string; found: string }[] };
    expect(findings.map(({ part }) => part)).toEqual(['node', 'redis', 'ledger']);
    const gone = await holdfast(['doctor'], { ...environment, REDIS_URL: 'redis://127.0.0.1:9' });
    expect(gone.code).toBe(1);
    expect(gone.stdout).toContain('Redis at 127.0.0.1:9 did not answer: connect ECONNREFUSED');
    expect(gone.stdout).toContain('leave REDIS_URL out');
    const full = await testRedis({ own: true });
    const admin = new Redis(full.url);
    const memory = Number(/^used_memory:(\d+)/m.exec(await admin.info('memory'))![1]);
    await admin.config('SET', 'maxmemory', memory);
    const filling = await holdfast(['doctor'], { ...environment, REDIS_URL: full.url });
    await admin.quit();
    await full.stop();
    expect(filling).toMatchObject({ code: 0, stdout: expect.stringContaining('Raise maxmemory: 1') });
    const standby = `${postgres.url}?options=-c%20default_transaction_read_only=on`;
    const readOnly = await holdfast(['doctor'], { ...environment, DATABASE_URL: standby });
    expect(readOnly).toMatchObject({ code: 1, stdout: expect.stringContaining('name the primary') });
    expect(await holdfast(['migrate'], { ...environment, DATABASE_URL: standby })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('was not the primary: it is read-only'),
    });
    const hasty = `${postgres.url}?options=-c%20synchronous_commit=off`;
    const advised = await holdfast(['doctor'], { ...environment, DATABASE_URL: hasty });
    expect(advised).toMatchObject({ code: 0, stdout: expect.stringContaining('Set synchronous_commit on') });
    // The service says the same when it starts.
    const service = await startProcess({ ...environment, DATABASE_URL: hasty, HOST: '127.0.0.1' });
    await service.stop();
    expect(service.output.join()).toMatch(/Set synchronous_commit on.*Set appendonly yes/);
  }, 60_000);

  test('an audit that cannot see Redis does not say that something is broken', async () => {
    const { code, stdout, stderr } = await holdfast(['audit'], {
      ...environment,
      REDIS_URL: 'redis://:secret@127.0.0.1:9',
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^holdfast: Redis at 127\.0\.0\.1:9 did not answer: connect ECONNREFUSED \S+ Start it, or correct REDIS_URL\.\n$/,
    );
  });
});
