/**
 * Pay, release, confirm and the deadline itself at one moment, from two instances on real servers; then money and the
 * payment's own deadline. Whichever way a race goes, one wins, and everybody is told so.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { sql } from '#ledger';
import { systemTimers } from '#platform';
import { eventually, openInstance, type Instance } from '../fixtures/holdfast.js';
import { TestProvider } from '../fixtures/provider.js';
import { describeWithPostgres, testPostgres, testRedis, type TestDatabase } from '../servers/index.js';

const races = 48;
/** Before and after the deadline, at most. */
const spreadMs = 40;

describeWithPostgres('races at the deadline', () => {
  let servers: [redis: TestDatabase, ledger: TestDatabase];
  let one: Instance;
  let two: Instance;
  let provider: TestProvider;

  beforeEach(async () => {
    servers = await Promise.all([testRedis(), testPostgres()]);
    const [redis, ledger] = servers;
    provider = new TestProvider();
    const options = {
      redisUrl: redis.url,
      databaseUrl: ledger.url,
      providers: [provider],
      paymentTtlSeconds: 1,
    };
    [one, two] = [await openInstance(options), await openInstance(options)];
    await one.put('A', races);
  });
  afterEach(async () => {
    await Promise.all([one.close(), two.close()]);
    await Promise.all(servers.map((server) => server.stop()));
  });

  const at = async <Result>(atMs: number, work: () => Promise<Result>): Promise<Result> => {
    await systemTimers.sleep(Math.max(0, atMs - Date.now()));
    return work();
  };
  const around = (deadlineMs: number, race: number): number =>
    deadlineMs + Math.round(((race % 8) / 7 - 0.5) * 2 * spreadMs);
  const find = async (id: string) => (await one.services.reservations.find(id))!;

  test('one wins, whichever way they race', async () => {
    const ids = await Promise.all(Array.from({ length: races }, () => one.hold('A', { ttlSeconds: 1 })));
    const winners = new Map<string, string>();
    await Promise.all(
      ids.map(async (id, race) => {
        const { expiresAtMs } = await find(id);
        const [mine, other] = race % 2 === 0 ? [one, two] : [two, one];
        const outcomes = await Promise.all([
          at(around(expiresAtMs, race), () => mine.pay(id)),
          at(around(expiresAtMs, race + 3), () => other.release(id)),
          at(around(expiresAtMs, race + 5), () => mine.confirm(id)),
        ]);
        const won = outcomes
          .map(({ kind }) => kind)
          .filter((kind) => ['paying', 'done', 'confirmed'].includes(kind));
        expect(won.length).toBeLessThanOrEqual(1);
        winners.set(id, won[0] ?? 'nobody');
      }),
    );
    await eventually('every payment is asked for', async () => {
      const paying = [...winners.values()].filter((winner) => winner === 'paying').length;
      return provider.charges.size === paying;
    });
    await Promise.all(
      [...provider.charges.keys()].map(async (paymentId, race) => {
        const { deadlineMs } = (await one.services.payments.find(paymentId))!;
        const message = provider.decide(paymentId, 'captured');
        await at(around(deadlineMs ?? Date.now(), race), () =>
          Promise.all([one.receive(message), two.receive(message)]),
        );
      }),
    );
    const settled = { done: ['released'], confirmed: ['confirmed'], nobody: ['expired'] };
    for (const [id, winner] of winners) {
      // There is a unit for each: money that came too late buys it again.
      const ends = settled[winner as keyof typeof settled] ?? ['confirmed'];
      await eventually(`${id}, won by ${winner}, is ${ends.join()}`, async () =>
        ends.includes((await find(id)).status),
      );
    }
    const sold = [...winners.values()].filter(
      (winner) => winner === 'paying' || winner === 'confirmed',
    ).length;
    await eventually('Redis and the ledger say so', async () => {
      const level = (await one.services.stock.find('A'))!;
      return level.held === 0 && level.committed === sold;
    });
    const { rows } = await sql`select 1 from payments where status <> 'captured'`.execute(one.db);
    expect(rows).toEqual([]);
    expect(await one.brokenInvariants()).toEqual([]);
  });
});
