/** Work that waits, as whoever is on call sees it: in the metrics, by count and age. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPostgres, sql, type Database } from '#ledger';
import { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/holdfast.js';
import { startProcess, type ServiceProcess } from '../fixtures/service-process.js';
import { describeWithPostgres, testPostgres, testRedis, type TestDatabase } from '../servers/index.js';

const hourSeconds = 3_600;
/** Twice as long as the time between two counts. */
const countedWithinMs = 20_000;

describeWithPostgres('the backlog', () => {
  let servers: { redis: TestDatabase; postgres: TestDatabase };
  let db: Database;
  let service: ServiceProcess;
  let client: Client;

  beforeAll(async () => {
    servers = { redis: await testRedis(), postgres: await testPostgres() };
    db = openPostgres(servers.postgres.url, () => undefined, { connectionsMax: 1 });
    service = await startProcess({
      REDIS_URL: servers.redis.url,
      DATABASE_URL: servers.postgres.url,
      HOLDFAST_API_KEYS: 'shop:storefront:hf_dev_storefront,ops:admin:hf_dev_admin',
      HTTP_THREADS: '2',
    });
    client = new Client(service);
  });
  afterAll(async () => {
    await service.stop();
    await db.destroy();
    await servers.redis.stop();
    await servers.postgres.stop();
  });

  const gauge = async (name: string) => {
    const { text } = await client.request('/metrics', { key: null });
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length));
  };
  const pending = (kind: string) => gauge(`holdfast_errands_pending{kind="${kind}"}`);
  const oldest = (kind: string) => gauge(`holdfast_errands_oldest_seconds{kind="${kind}"}`);

  test('has the errands of the ledger that nobody has carried out, and how long the oldest has waited', async () => {
    for (const kind of ['charge', 'settle', 'refund', 'return-stock']) {
      await eventually('it is counted', async () => (await pending(kind)) === 0);
      expect(await oldest(kind)).toBe(0);
    }
    const ids = [];
    const sku = await client.newSku(10);
    for (let count = 0; count < 2; count += 1) ids.push((await client.hold(sku)).id);
    // Of carts that were never sold: nobody finds them to be done.
    await sql`insert into outbox (kind, reservation_id, created_at)
      select 'return-stock', id, now() - make_interval(secs => ${hourSeconds}) from unnest(${ids}::uuid[]) id`.execute(
      db,
    );
    await eventually('they are counted', async () => (await pending('return-stock')) === 2, countedWithinMs);
    expect(await oldest('return-stock')).toBeGreaterThanOrEqual(hourSeconds);
    expect(await pending('settle')).toBe(0);
    await sql`update outbox set done_at = now()`.execute(db);
    await eventually('they are done', async () => (await pending('return-stock')) === 0, countedWithinMs);
  }, 60_000);

  test('has what Redis has decided and the ledger does not have, and the calls that wait for it', async () => {
    const sku = await client.newSku(10);
    await eventually(
      'the ledger has all',
      async () => (await gauge('holdfast_journal_entries_behind')) === 0,
    );
    const [held] = await db.transaction().execute(async (tx) => {
      // No decision is committed while somebody has the partition's row.
      await sql`select from partitions for update`.execute(tx);
      const reply = client.hold(sku);
      await eventually('it is behind', async () => (await gauge('holdfast_journal_entries_behind')) === 1);
      expect(await gauge('holdfast_calls_in_flight')).toBe(1);
      return [reply];
    });
    expect((await held).status).toBe('held');
    await eventually('it is not', async () => (await gauge('holdfast_journal_entries_behind')) === 0);
    await eventually('nobody waits', async () => (await gauge('holdfast_calls_in_flight')) === 0);
  });
});
