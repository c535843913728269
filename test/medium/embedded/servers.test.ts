/** The servers that tests take: each call gives a database of its own, empty, on a real server. */
import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import {
  describeWithPostgres,
  describeWithRedis,
  testPglite,
  testPostgres,
  testRedis,
} from '../../servers/index.js';

describeWithRedis('a Redis for tests', () => {
  it('gives each caller a database of its own', async () => {
    const [one, two] = [await testRedis(), await testRedis()];
    const clients = [new Redis(one.url), new Redis(two.url)] as const;
    await clients[0].set('key', 'one');
    expect(await clients[1].get('key')).toBeNull();
    expect(await clients[0].get('key')).toBe('one');
    await one.stop();
    expect(await clients[0].get('key')).toBeNull();
    for (const client of clients) client.disconnect();
    await two.stop();
  });

  it('gives a durable server that is nobody else’s', async () => {
    const [own, shared] = [await testRedis({ durable: true }), await testRedis()];
    const client = new Redis(own.url);
    expect(await client.config('GET', 'appendfsync')).toEqual(['appendfsync', 'always']);
    expect(new URL(own.url).port).not.toBe(new URL(shared.url).port);
    client.disconnect();
    await Promise.all([own.stop(), shared.stop()]);
  }, 120_000);
});

describeWithPostgres('a PostgreSQL for tests', () => {
  it('gives each caller an empty database of its own, dropped at the end even while in use', async () => {
    const [one, two] = [await testPostgres(), await testPostgres()];
    const clients = [one, two].map(({ url }) => new Client({ connectionString: url }));
    for (const client of clients) client.on('error', () => undefined);
    await Promise.all(clients.map((client) => client.connect()));
    await clients[0]!.query('create table t (id int primary key)');
    await expect(clients[1]!.query('select * from t')).rejects.toThrow('does not exist');
    await one.stop();
    await expect(clients[0]!.query('select 1')).rejects.toThrow();
    await clients[1]!.end();
    await two.stop();
  });

  it('waits for the disk only when asked to', async () => {
    const [hasty, durable] = [await testPostgres(), await testPostgres({ durable: true })];
    expect(await setting(hasty.url, 'fsync')).toBe('off');
    expect(await setting(durable.url, 'fsync')).toBe('on');
    await Promise.all([hasty.stop(), durable.stop()]);
  }, 120_000);
});

it('gives a PGlite', async () => {
  const { pglite, stop } = await testPglite();
  expect((await pglite.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await stop();
});

async function setting(url: string, name: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Record<string, string>>(`show ${name}`);
  await client.end();
  return rows[0]?.[name];
}
