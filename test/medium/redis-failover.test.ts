/** Redis Cluster and Sentinel for real: failover, resharding and old masters under load. Nothing acknowledged is lost. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectForDecisions, connectOnce, parseRedisUrl, systemTimers } from '#platform';
import { partitionOf } from '#stock';
import { openFolder, type WorldFolder } from '../faults/servers/folder.js';
import { RedisCluster } from '../faults/servers/redis-cluster.js';
import type { RedisNode } from '../faults/servers/redis-node.js';
import { SentinelTrio } from '../faults/servers/sentinel-trio.js';
import { eventually, openInstance, type Instance } from '../fixtures/holdfast.js';
import { describeWithPostgres, testPostgres, type TestDatabase } from '../servers/index.js';

const partitions = 6;
const skus = Array.from({ length: 24 }, (_, index) => `sku-${index}`);
const onHand = 100_000;

/** Buyers who reserve until they are told to stop, and remember what they were promised. */
class Load {
  readonly promised: string[] = [];
  private ended = false;
  private readonly buyers: Promise<void>[];

  constructor(instance: Instance, buyers = 8) {
    this.buyers = Array.from({ length: buyers }, async (_, buyer) => {
      for (let order = 0; !this.ended; order += 1) {
        const sku = skus[(order + buyer) % skus.length]!;
        const cart = { lines: [sku, skus[(order * 7 + buyer + 1) % skus.length]!] };
        const lines = [...new Set(cart.lines)].map((line) => ({ sku: line, quantity: 1 }));
        const outcome = await instance.reserve('', { lines }).catch(() => null);
        if (outcome?.kind === 'held') this.promised.push(outcome.reservation.id);
        else await systemTimers.sleep(20);
      }
    });
  }

  async end(): Promise<readonly string[]> {
    this.ended = true;
    await Promise.all(this.buyers);
    return this.promised;
  }
}

async function under(instance: Instance, fault: () => Promise<unknown>): Promise<void> {
  const load = new Load(instance);
  await eventually('the load runs', async () => load.promised.length > 20);
  await fault();
  const before = load.promised.length;
  await eventually('the load goes on', async () => load.promised.length > before + 20, 30_000);
  const promised = await load.end();
  await eventually('every partition is open', async () => instance.services.closedPartitions().length === 0);
  for (const id of promised)
    expect(await instance.services.reservations.find(id)).toMatchObject({ status: 'held' });
  expect(await instance.brokenInvariants()).toEqual([]);
}

const each = (instance: Instance, fact: 'epoch' | 'filled'): Promise<number[]> =>
  Promise.all(Array.from({ length: partitions }, async (_, of) => (await instance.store.state(of))[fact]));
const epochs = (instance: Instance): Promise<number[]> => each(instance, 'epoch');
/** In which epoch each partition was filled from the ledger. */
const filled = (instance: Instance): Promise<number[]> => each(instance, 'filled');

describeWithPostgres('Redis Cluster, three masters with a replica each', () => {
  let folder: WorldFolder;
  let cluster: RedisCluster;
  let ledger: TestDatabase;
  let one: Instance;

  beforeAll(async () => {
    folder = openFolder();
    [cluster, ledger] = await Promise.all([RedisCluster.start(folder, 3), testPostgres()]);
    one = await openInstance({ redisUrl: cluster.url, databaseUrl: ledger.url, partitions });
    await Promise.all(skus.map((sku) => one.put(sku, onHand)));
  }, 90_000);
  afterAll(async () => {
    await one.close();
    await Promise.all([cluster.stop(), ledger.stop()]);
    await folder.stop();
  }, 60_000);

  test('partitions live on all masters, and a cart over them is held whole or not at all', async () => {
    const masters = await Promise.all(
      Array.from({ length: partitions }, (_, of) => cluster.masterOf(`holdfast:{${of}}:meta`)),
    );
    expect(new Set(masters).size).toBeGreaterThan(1);
    const lines = skus.map((sku) => ({ sku, quantity: 1 }));
    expect(new Set(skus.map((sku) => partitionOf(sku, partitions))).size).toBe(partitions);
    expect((await one.reserve('', { lines })).kind).toBe('held');
    const tooMuch = lines.map(({ sku }, index) => ({ sku, quantity: index === 11 ? onHand : 1 }));
    expect((await one.reserve('', { lines: tooMuch })).kind).toBe('insufficient-stock');
    const held = (await one.services.stock.findMany(skus)).map((level) => level.held);
    expect(held).toEqual(skus.map(() => 1));
  });

  test('when nodes end the subscription to the news, nothing is refused by what was known before', async () => {
    const [sku] = skus as [string];
    const two = await openInstance({ redisUrl: cluster.url, databaseUrl: ledger.url, partitions });
    try {
      for (let round = 0; round < 5; round += 1) {
        let [buyerId, id] = ['', ''];
        await eventually('it hears of a hold', async () => {
          buyerId = randomUUID();
          id = await one.hold(sku, { buyerId });
          await systemTimers.sleep(50);
          return two.refusesAtOnce(sku, buyerId);
        });
        const kill = (redis: Redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await Promise.all(cluster.nodes.map((node) => node.ask(kill)));
        await one.release(id);
        await systemTimers.sleep(50);
        expect(two.refusesAtOnce(sku, buyerId)).toBe(false);
      }
    } finally {
      await two.close();
    }
  }, 60_000);

  test('a master that has lost its functions is given them again', async () => {
    const master = await cluster.masterOf('holdfast:{0}:meta');
    await master.ask((redis) => redis.call('FUNCTION', 'FLUSH'));
    await under(one, async () => undefined);
  });

  test('whoever connects while the cluster is not well is told so, and is connected once it is', async () => {
    const connection = connectForDecisions(parseRedisUrl(cluster.url)!);
    connection.on('error', () => undefined);
    await cluster.whileNotWell('of nobody', () =>
      expect(connectOnce(connection)).rejects.toThrow('Redis is not ready'),
    );
    await eventually('it is connected', async () => connection.status === 'ready');
    connection.disconnect();
    await under(one, async () => undefined);
  }, 60_000);

  test('a planned failover loses nothing and rebuilds nothing, and begins an epoch', async () => {
    const before = await filled(one);
    const [, epoch] = await epochs(one);
    await under(one, () => cluster.failOver('holdfast:{1}:meta'));
    expect(await filled(one)).toEqual(before);
    expect((await epochs(one))[1]).toBeGreaterThan(epoch!);
  }, 60_000);

  test('a slot moves to another master, key by key, under load', async () => {
    const before = await filled(one);
    const master = await cluster.masterOf('holdfast:{2}:meta');
    await under(one, () => cluster.moveSlot('holdfast:{2}:meta'));
    expect(await cluster.masterOf('holdfast:{2}:meta')).not.toBe(master);
    expect(await filled(one)).toEqual(before);
  }, 60_000);

  test('a replica that had fallen behind takes over: nothing acknowledged is lost', async () => {
    const before = await epochs(one);
    let old!: RedisNode;
    await under(one, async () => {
      old = await cluster.failOverBehind('holdfast:{3}:meta', 300);
    });
    expect((await epochs(one))[3]).toBeGreaterThan(before[3]!);
    await cluster.bringBack(old);
    await under(one, async () => undefined);
  }, 90_000);
});

describeWithPostgres('Redis under three sentinels', () => {
  test('a replica that had fallen behind is made master, the old one comes back: nothing is lost', async () => {
    const folder = openFolder();
    const [trio, ledger] = await Promise.all([SentinelTrio.start(folder), testPostgres()]);
    const one = await openInstance({ redisUrl: trio.url, databaseUrl: ledger.url, partitions });
    try {
      await Promise.all(skus.map((sku) => one.put(sku, onHand)));
      let old!: RedisNode;
      await under(one, async () => {
        old = await trio.failOverBehind(300);
      });
      expect(Math.min(...(await epochs(one)))).toBeGreaterThan(1);
      await under(one, () => trio.bringBack(old));
    } finally {
      await one.close();
      await Promise.all([trio.stop(), ledger.stop()]);
      await folder.stop();
    }
  }, 120_000);
});
