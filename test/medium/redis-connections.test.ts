/** Connections to Redis that are cut while Redis itself is well, and a Redis that hangs: on real Redis and PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { UnavailableError } from '#domain';
import { systemTimers } from '#platform';
import { openFolder } from '../faults/servers/folder.js';
import { LossyProxy } from '../faults/servers/lossy-proxy.js';
import { RedisNode } from '../faults/servers/redis-node.js';
import { eventually, openInstance, type Instance } from '../fixtures/holdfast.js';
import { describeWithPostgres, testPostgres, testRedis, type TestDatabase } from '../servers/index.js';

describeWithPostgres('connections to Redis', () => {
  let redisDatabase: TestDatabase;
  let ledgerDatabase: TestDatabase;
  let one: Instance;

  beforeEach(async () => {
    [redisDatabase, ledgerDatabase] = await Promise.all([testRedis({ own: true }), testPostgres()]);
    one = await openInstance({ redisUrl: redisDatabase.url, databaseUrl: ledgerDatabase.url });
  });
  afterEach(async () => {
    await one.close();
    await redisDatabase.stop();
    await ledgerDatabase.stop();
  });

  test('that are cut again and again cost nobody a refusal: who calls meanwhile waits', async () => {
    await one.put('A', 100_000);
    const done = new AbortController();
    const refusals = new Set<string>();
    let held = 0;
    const buyers = Array.from({ length: 8 }, async () => {
      while (!done.signal.aborted) {
        await one.hold('A').then(
          () => (held += 1),
          (error: unknown) => refusals.add(String(error)),
        );
      }
    });
    // Time enough between two cuts to be connected again, also on a machine that is busy.
    for (let cut = 0; cut < 6; cut += 1) {
      await systemTimers.sleep(600);
      await one.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => undefined);
    }
    done.abort();
    await Promise.all(buyers);
    expect([...refusals]).toEqual([]);
    expect(held).toBeGreaterThan(6);
    const [level] = await one.services.stock.findMany(['A']);
    expect(level).toMatchObject({ held });
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('that bring the news and lead nowhere any more are noticed: all is forgotten, and others take their place', async () => {
    const { port, pathname } = new URL(redisDatabase.url);
    const proxy = await LossyProxy.listen(() => Number(port));
    const newsUrl = `redis://127.0.0.1:${proxy.port}${pathname}`;
    const two = await openInstance({
      redisUrl: redisDatabase.url,
      databaseUrl: ledgerDatabase.url,
      newsUrl,
    });
    const hears = async (): Promise<boolean> => {
      const buyerId = randomUUID();
      await one.hold('A', { buyerId });
      await systemTimers.sleep(100);
      return two.refusesAtOnce('A', buyerId);
    };
    try {
      await one.put('A', 1_000);
      await eventually('it hears', hears);
      await one.hold('A', { buyerId: 'me' });
      await eventually('it knows', async () => two.refusesAtOnce('A', 'me'));
      proxy.strand();
      await eventually('it has forgotten', async () => !two.refusesAtOnce('A', 'me'), 6_000);
      await eventually('it hears again', hears);
    } finally {
      await two.close();
      await proxy.stop();
    }
  }, 30_000);

  test('to a Redis that hangs: callers wait for a bounded time, then are refused at once, until it goes on', async () => {
    const folder = openFolder();
    const node = await RedisNode.start({ folder, name: 'redis' });
    // The ledger belongs to one Redis alone: instances on two would take the epoch from each other.
    const ledger = await testPostgres();
    const hung = await openInstance({ redisUrl: node.url, databaseUrl: ledger.url });
    const closings = () => hung.log.filter(({ message }) => message === 'a partition is closed');
    const isRefusedAtOnce = async (): Promise<boolean> => {
      const askedMs = performance.now();
      const outcome = await hung.hold('A').catch((error: unknown) => error);
      return outcome instanceof UnavailableError && performance.now() - askedMs < 100;
    };
    try {
      await hung.put('A', 100);
      const before = closings().length;
      const sinceMs = performance.now();
      const stalled = node.stall(6_000);
      await eventually('who calls is refused at once', isRefusedAtOnce);
      expect(performance.now() - sinceMs).toBeLessThan(4_500);
      await stalled;
      expect(closings()[before]).toMatchObject({ facts: { partition: 0, code: 'stock-not-ready' } });
      await eventually('it is open', async () => hung.services.closedPartitions().length === 0);
      await hung.hold('A');
      expect(await hung.brokenInvariants()).toEqual([]);
    } finally {
      await hung.close();
      await ledger.stop();
      await node.stop();
      await folder.stop();
    }
  }, 60_000);
});
