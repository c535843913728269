/** The clock of a server's machine is set by an hour while holds and claims rest on it: real Redis and PostgreSQL. */
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { IdempotencyRepository, sql } from '#ledger';
import { systemTimers } from '#platform';
import { eventually, openInstance, sha256, type Instance } from '../fixtures/holdfast.js';
import { TestProvider } from '../fixtures/provider.js';
import { openFolder, type WorldFolder } from '../faults/servers/folder.js';
import { PostgresNode } from '../faults/servers/postgres-node.js';
import { RedisNode } from '../faults/servers/redis-node.js';
import { SettableClock } from '../faults/servers/settable-clock.js';
import { describeWithPostgres, testPostgres, type TestDatabase } from '../servers/index.js';

const hourMs = 3_600_000;

describeWithPostgres('a clock that is set', () => {
  let folder: WorldFolder;
  let redis: RedisNode;
  let ledger: TestDatabase;
  let one: Instance;
  let provider: TestProvider;

  beforeEach(async () => {
    folder = openFolder();
    [redis, ledger] = await Promise.all([RedisNode.start({ folder, name: 'redis' }), testPostgres()]);
    provider = new TestProvider();
    one = await openInstance({ redisUrl: redis.url, databaseUrl: ledger.url, providers: [provider] });
    await one.put('A', 2);
  });
  afterEach(async () => {
    await one.close();
    await Promise.all([redis.stop(), ledger.stop()]);
    await folder.stop();
  });

  const status = async (id: string) => (await one.services.reservations.find(id))!.status;

  test.each([
    ['forward', hourMs],
    ['back', -hourMs],
  ])('an hour %s: nothing expires early, and nothing is stuck', async (_name, byMs) => {
    if (!redis.clock.canBeSet)
      return process.stderr.write('SKIPPED, no C compiler for a clock that can be set\n');
    const short = await one.hold('A', { ttlSeconds: 3 });
    const long = await one.hold('A', { ttlSeconds: 600 });
    await redis.clock.set(byMs);
    await systemTimers.sleep(1_000);
    expect([await status(short), await status(long)]).toEqual(['held', 'held']);
    await eventually('the short one expires', async () => (await status(short)) === 'expired');
    expect((await one.confirm(long)).kind).toBe('confirmed');
    // A Redis that loses what it knew of its clock as well is told by those who saw it before.
    const kept = await one.hold('A', { ttlSeconds: 600 });
    await redis.ask((connection) => connection.flushall());
    await eventually('it is rebuilt', async () => (await one.store.state(0)).epoch === 2);
    await systemTimers.sleep(1_000);
    expect(await status(kept)).toBe('held');
    expect(await one.brokenInvariants()).toEqual([]);
    return undefined;
  });

  test.each([
    ['forward', hourMs, 'emptied'],
    ['forward', hourMs, 'kept'],
    ['back', -hourMs, 'emptied'],
    ['back', -hourMs, 'kept'],
  ])(
    'an hour %s (%i ms) while no instance runs, Redis %s: the same',
    async (_name, byMs, what) => {
      if (!redis.clock.canBeSet)
        return process.stderr.write('SKIPPED, no C compiler for a clock that can be set\n');
      const short = await one.hold('A', { ttlSeconds: 3 });
      const long = await one.hold('A', { ttlSeconds: 600 });
      await one.close();
      await redis.clock.set(byMs);
      if (what === 'emptied') await redis.ask((connection) => connection.flushall());
      one = await openInstance({ redisUrl: redis.url, databaseUrl: ledger.url, providers: [provider] });
      await systemTimers.sleep(600);
      expect([await status(short), await status(long)]).toEqual(['held', 'held']);
      await eventually('the short one expires', async () => (await status(short)) === 'expired');
      expect((await one.confirm(long)).kind).toBe('confirmed');
      expect(await one.brokenInvariants()).toEqual([]);
      return undefined;
    },
    30_000,
  );

  /** What PostgreSQL noted before its clock was set back lies an hour ahead of it. */
  test('that of PostgreSQL an hour back: what was claimed before is taken over, what was put off is done', async () => {
    const id = await one.hold('A', { ttlSeconds: 600 });
    const died = { keyDigest: sha256('of a process that died'), fingerprint: sha256('same body') };
    await new IdempotencyRepository(one.db).claim([died]);
    provider.before = async () => {
      throw new Error('the provider is away');
    };
    const paymentId = await one.paying(await one.hold('A'));
    await eventually('it was put off', async () => one.log.some(({ facts }) => facts['attempts'] === 2));
    await sql`update idempotency_keys set claimed_at = claimed_at + interval '1 hour' where status is null`.execute(
      one.db,
    );
    await sql`update outbox set due_at = due_at + interval '1 hour' where done_at is null`.execute(one.db);
    provider.before = async () => undefined;
    expect((await one.release(id, 'of a process that died')).kind).toBe('done');
    await eventually('the provider is asked', async () => provider.charges.has(paymentId));
  });
});

/** A fault that is not injected finds nothing. */
describeWithPostgres('the harness', () => {
  test('the clocks of PostgreSQL and of a Node process are set, and set back', async () => {
    const folder = openFolder();
    const postgres = await PostgresNode.start();
    const service = await SettableClock.in(folder.path, 'service');
    const client = new Client(postgres.urlOf('postgres'));
    try {
      await client.connect();
      const ofPostgres = async () => {
        const { rows } = await client.query<{ at: Date }>('select clock_timestamp() as at');
        return rows[0]!.at.getTime();
      };
      const ofNode = () => {
        const env = { ...process.env, ...service.environment() };
        const program = 'process.stdout.write(String(Date.now()))';
        return Number(execFileSync(process.execPath, ['-e', program], { env, encoding: 'utf8' }));
      };
      const isOffBy = (now: number, byMs: number) => Math.abs(now - Date.now() - byMs) < 5_000;
      if (!service.canBeSet)
        return process.stderr.write('SKIPPED, no C compiler for a clock that can be set\n');
      for (const byMs of [hourMs, -hourMs, 0]) {
        await Promise.all([postgres.clock.set(byMs), service.set(byMs)]);
        expect([byMs, isOffBy(await ofPostgres(), byMs), isOffBy(ofNode(), byMs)]).toEqual([
          byMs,
          true,
          true,
        ]);
      }
      return undefined;
    } finally {
      await client.end();
      await postgres.stop();
      await folder.stop();
    }
  });
});
