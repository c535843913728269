/** The stock cache on real servers: what it refuses, that it costs Redis nothing, and how soon it hears otherwise. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemTimers, uuidOf } from '#platform';
import { StockCells } from '#stock';
import { eventually, openInstance, present, sha256, type Instance } from '../../fixtures/holdfast.js';
import { describeWithPostgres, testPostgres, testRedis, type TestDatabase } from '../../servers/index.js';

describeWithPostgres('the stock cache', () => {
  let redisDatabase: TestDatabase;
  let ledgerDatabase: TestDatabase;
  let one: Instance;
  let two: Instance;

  beforeEach(async () => {
    [redisDatabase, ledgerDatabase] = await Promise.all([testRedis({ own: true }), testPostgres()]);
    const urls = { redisUrl: redisDatabase.url, databaseUrl: ledgerDatabase.url };
    one = await openInstance(urls);
    two = await openInstance(urls);
  });
  afterEach(async () => {
    await one.close();
    await two.close();
    await redisDatabase.stop();
    await ledgerDatabase.stop();
  });

  /** How often `reserve` ran in Redis. */
  async function reserveCalls(): Promise<number> {
    const stats = await one.redis.info('commandstats');
    return Number(/cmdstat_fcall:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  }

  /** Until both refuse without asking Redis. */
  async function sellOut(sku: string): Promise<string> {
    await one.put(sku, 1);
    const id = await one.hold(sku, { buyerId: 'holder' });
    for (const instance of [one, two]) {
      await eventually('the cache refuses', async () => {
        const before = await reserveCalls();
        await instance.reserve(sku);
        await instance.reserve(sku);
        // The sweepers call functions as well, five times a second.
        return (await reserveCalls()) - before < 2;
      });
    }
    return id;
  }

  test('what another installation says in another database of the same server is not heard', async () => {
    const ledger = await testPostgres();
    const neighbour = await openInstance({
      redisUrl: `${redisDatabase.url.replace(/\/$/, '')}/7`,
      databaseUrl: ledger.url,
    });
    try {
      await one.put('A', 5);
      await neighbour.put('A', 1);
      await neighbour.hold('A');
      await systemTimers.sleep(300);
      expect((await one.reserve('A')).kind).toBe('held');
    } finally {
      await neighbour.close();
      await ledger.stop();
    }
  });

  test('a sold-out crowd costs Redis nothing', async () => {
    await sellOut('A');
    const before = await reserveCalls();
    const startedAt = performance.now();
    const outcomes = [];
    for (let index = 0; index < 500; index += 1) outcomes.push(await two.reserve('A'));
    const sweeps = ((performance.now() - startedAt) / 200) * 4 + 10;
    expect(outcomes.every(({ kind }) => kind === 'sold-out')).toBe(true);
    expect((await reserveCalls()) - before).toBeLessThan(sweeps);
    expect(await one.brokenInvariants()).toEqual([]);
  });

  test('who has the unit is told so, by the cache that knows and by the one that does not', async () => {
    const reservationId = await sellOut('A');
    for (const instance of [one, two, two]) {
      expect(await instance.reserve('A', { buyerId: 'holder' })).toMatchObject({
        kind: 'duplicate-reservation',
        reservationId,
      });
    }
  });

  test('units that come back on one instance are had on the other within 100 ms, however they come back', async () => {
    const id = await sellOut('A');
    await one.release(id);
    await systemTimers.sleep(100);
    const again = await two.reserve('A', { ttlSeconds: 1 });
    expect(again.kind).toBe('held');
    await eventually('the hold lapses', async () => (await one.reserve('A')).kind === 'held', 1_500);
  });

  test('a refusal that the cache gave is kept, and given again after the units came back', async () => {
    const id = await sellOut('A');
    const refused = await two.reserve('A', { key: 'k', buyerId: 'me' });
    expect(refused.kind).toBe('sold-out');
    await one.release(id);
    await systemTimers.sleep(100);
    expect(await one.reserve('A', { key: 'k', buyerId: 'me' })).toEqual(refused);
    expect((await one.reserve('A', { key: 'l', buyerId: 'me' })).kind).toBe('held');
  });

  test('the same key with another body is refused as reused, also when the cache would refuse', async () => {
    await sellOut('A');
    await two.reserve('A', { key: 'k', buyerId: 'me' });
    const other = { keyDigest: sha256('k'), fingerprint: Buffer.alloc(32) };
    const command = {
      buyerId: 'x',
      lines: [{ sku: 'A', quantity: 1 }],
      ttlSeconds: undefined,
      metadata: null,
    };
    const present = () => ({ status: 409, body: '{}' });
    const result = await two.services.idempotency.once(other, async () => ({ status: 500, body: '' }), {
      refuse: (request) => two.services.reservations.refuse(request, command, present),
    });
    expect(result).toEqual({ kind: 'reused' });
  });

  test('when news was lost, the levels are looked at: a second later at the latest', async () => {
    const id = await sellOut('A');
    // The second instance does not hear of this release.
    const at = { partition: 0, epoch: (await one.store.state(0)).epoch };
    await two.newsConnections.at(-1)!.unsubscribe();
    await one.store.release(at, [{ reservationId: id }]);
    await two.reserve('A');
    await eventually('the other one knows', async () => (await two.reserve('A')).kind === 'held', 2_500);
  });

  test('when news was lost, the holds that refuse are looked at: a second later at the latest', async () => {
    await one.put('A', 5);
    const [gone, kept] = [await one.hold('A', { buyerId: 'gone' }), await one.hold('A', { buyerId: 'kept' })];
    await eventually('the other one knows', async () =>
      ['gone', 'kept'].every((id) => two.refusesAtOnce('A', id)),
    );
    await two.newsConnections.at(-1)!.unsubscribe();
    await one.release(gone);
    expect(await two.reserve('A', { buyerId: 'gone' })).toMatchObject({ reservationId: gone });
    const again = async () => (await two.reserve('A', { buyerId: 'gone' })).kind === 'held';
    await eventually('it knows once more', again, 1_500);
    expect(two.refusesAtOnce('A', 'kept')).toBe(true);
    expect(await two.reserve('A', { buyerId: 'kept' })).toMatchObject({ reservationId: kept });
  });

  test.each([
    ['held', 1],
    ['held, and it has ended since', 0],
  ])('what was taken for an attempt is there for others when an earlier one had %s', async (_, held) => {
    await two.release(await sellOut('A'));
    const adjustment = { sku: 'A', delta: held, expectedVersions: null, reason: 'count' };
    const operation = { id: randomUUID(), repeated: false, request: null };
    if (held > 0) await one.services.stock.adjust(operation, adjustment, present);
    // The earlier one was not answered: its instance has died.
    const at = { partition: 0, epoch: (await one.store.state(0)).epoch };
    const reservationId = uuidOf(sha256('k'));
    const mine = { buyerId: 'me', ttlSeconds: 60, metadata: null, lines: [{ sku: 'A', quantity: 1 }] };
    await one.store.reserve(at, [{ reservationId, partitions: [0], ...mine }]);
    if (held === 0) await one.store.release(at, [{ reservationId }]);
    await systemTimers.sleep(100);

    const answer = await two.reserve('A', { key: 'k', ...mine });
    expect(answer).toMatchObject({ kind: 'held', reservation: { id: reservationId } });
    expect((await two.reserve('A')).kind).toBe('held');
  });

  test('a broken connection for news: nothing is refused without asking until it is back', async () => {
    const id = await sellOut('A');
    two.newsConnections.at(-1)!.disconnect();
    await one.release(id);
    expect((await two.reserve('A')).kind).toBe('held');
  });

  test('two threads of a process share the last unit, and what is sold out to one the other refuses', async () => {
    const cells = StockCells.create();
    const urls = { redisUrl: redisDatabase.url, databaseUrl: ledgerDatabase.url };
    const threads = await Promise.all(
      [1, 2].map(() => openInstance({ ...urls, cells: StockCells.attach(cells.buffer) })),
    );
    const [first, second] = threads as [Instance, Instance];
    try {
      await first.put('T', 1);
      await first.hold('T', { buyerId: 'holder' });
      await eventually('the other refuses without Redis', async () => {
        const before = await reserveCalls();
        const outcomes = [await second.reserve('T'), await second.reserve('T'), await second.reserve('T')];
        expect(outcomes.map(({ kind }) => kind)).toEqual(['sold-out', 'sold-out', 'sold-out']);
        return (await reserveCalls()) - before < 2;
      });
      await eventually('and knows the holder', async () => {
        const before = await reserveCalls();
        const again = await second.reserve('T', { buyerId: 'holder' });
        expect(again.kind).toBe('duplicate-reservation');
        return (await reserveCalls()) - before < 1;
      });
    } finally {
      for (const thread of threads) await thread.close();
    }
  });
});
