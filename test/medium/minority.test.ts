/**
 * A master of a Redis Cluster is cut off from the other nodes together with an instance of the service, which reaches the
 * ledger still: for a while two masters decide about the same units. Real namespaces of the kernel, real packets lost.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lastingPort, systemTimers } from '#platform';
import { partitionOf } from '#stock';
import { send } from '../faults/http.js';
import { keys, Member } from '../faults/servers/fleet.js';
import { openFolder, type WorldFolder } from '../faults/servers/folder.js';
import { NetworkNamespace } from '../faults/servers/network-namespace.js';
import { LossyProxy } from '../faults/servers/lossy-proxy.js';
import { RedisCluster } from '../faults/servers/redis-cluster.js';
import { eventually, openInstance, type Instance } from '../fixtures/holdfast.js';
import { describeWithPostgres, testPostgres, type TestDatabase } from '../servers/index.js';

const longMs = 120_000;
const patienceMs = 60_000;
const partitions = 8;
const units = 5_000;
const master = 0;

describeWithPostgres('a minority', () => {
  let folder: WorldFolder;
  let namespace: NetworkNamespace | string;
  let closing: (() => Promise<unknown>)[];

  beforeEach(async () => {
    closing = [];
    namespace = await NetworkNamespace.open();
    folder = openFolder();
  });
  afterEach(async () => {
    for (const close of closing.toReversed()) await close();
    await folder.stop();
    if (typeof namespace !== 'string') await namespace.close();
  }, longMs);

  const opened = <Part>(part: Part, close: (part: Part) => Promise<unknown>): Part => {
    closing.push(() => close(part));
    return part;
  };

  async function openCluster(cut: NetworkNamespace): Promise<RedisCluster> {
    const { redis, other } = cut;
    const outside = { host: redis.outside, askedAt: redis.outside };
    const command: NetworkNamespace['command'] = (file, args) => cut.command(file, args);
    const inside = { host: redis.inside, askedAt: other.inside, command };
    return opened(
      await RedisCluster.start(folder, 3, (index) => (index === master ? inside : outside)),
      (cluster) => cluster.stop(),
    );
  }

  async function openMember(
    cut: NetworkNamespace,
    cluster: RedisCluster,
    ledger: TestDatabase,
  ): Promise<Member> {
    const address = new URL(ledger.url);
    const { outside } = cut.other;
    const port = Number(address.port);
    const proxy = opened(await LossyProxy.listen(() => port, outside), (open) => open.stop());
    address.host = `${outside}:${proxy.port}`;
    const environment = {
      HOST: '0.0.0.0',
      REDIS_URL: cluster.url,
      DATABASE_URL: address.href,
      PARTITIONS: `${partitions}`,
    };
    const command = (file: string, args: readonly string[]) => cut.command(file, args);
    const member = opened(new Member(await lastingPort(), { instances: 1, environment, command }), (open) =>
      open.kill(),
    );
    await member.start();
    return member;
  }

  /** A SKU that the master which will be cut off decides about. */
  async function skuOf(cluster: RedisCluster): Promise<string> {
    for (let number = 0; ; number += 1) {
      const key = `holdfast:{${partitionOf(`sku-${number}`, partitions)}}:meta`;
      if ((await cluster.masterOf(key)) === cluster.nodes[master]) return `sku-${number}`;
    }
  }

  test(
    'that goes on deciding: nothing acknowledged is lost, nothing is sold twice',
    async () => {
      if (typeof namespace === 'string') return process.stderr.write(`SKIPPED, ${namespace}: a minority\n`);
      const cut = namespace;
      const ledger = opened(await testPostgres(), (database) => database.stop());
      const cluster = await openCluster(cut);
      const outside = opened(
        await openInstance({ redisUrl: cluster.url, databaseUrl: ledger.url, partitions }),
        (instance) => instance.close(),
      );
      const inside = await openMember(cut, cluster, ledger);
      const sku = await skuOf(cluster);
      await outside.put(sku, units);
      const key = `holdfast:{${partitionOf(sku, partitions)}}:meta`;

      const acknowledged = { inside: [] as string[], outside: [] as string[] };
      const closed = { yet: false };
      const sell = async (
        side: 'inside' | 'outside',
        reserve: () => Promise<string | null>,
      ): Promise<void> => {
        while (!closed.yet) {
          const id = await reserve().catch(() => null);
          if (id !== null) acknowledged[side].push(id);
          await systemTimers.sleep(5);
        }
      };
      const shops = [
        ...Array.from({ length: 4 }, () => sell('outside', () => outside.hold(sku))),
        ...Array.from({ length: 4 }, () =>
          sell('inside', () => reserveAt(cut.other.inside, inside.port, sku)),
        ),
      ];
      closing.push(() => {
        closed.yet = true;
        return Promise.all(shops);
      });
      const both = (what: string): Promise<void> => {
        const before = { inside: acknowledged.inside.length, outside: acknowledged.outside.length };
        const went = (side: 'inside' | 'outside') => acknowledged[side].length >= before[side] + 5;
        return eventually(what, async () => went('inside') && went('outside'), patienceMs);
      };
      await both('both sides sell');
      await cut.cut();
      await eventually(
        'the majority has another master',
        async () => (await cluster.masterOf(key)) !== cluster.nodes[master],
        patienceMs,
      );
      const before = acknowledged.outside.length;
      const goesOn = async () => acknowledged.outside.length >= before + 5;
      await eventually('the majority sells', goesOn, patienceMs);
      await cut.restore();
      await both('both sides sell again');
      closed.yet = true;
      await Promise.all(shops);

      const ids = [...acknowledged.inside, ...acknowledged.outside];
      await eventually('Redis and the ledger agree', async () => await isAgreed(outside, sku), patienceMs);
      const { held } = (await outside.services.stock.find(sku))!;
      expect(new Set(ids).size).toBe(ids.length);
      expect(held).toBeGreaterThanOrEqual(ids.length);
      for (const id of ids) expect((await outside.services.reservations.find(id))?.status).toBe('held');
      expect(await outside.brokenInvariants()).toEqual([]);
      return undefined;
    },
    longMs,
  );
});

async function isAgreed(instance: Instance, sku: string): Promise<boolean> {
  const partition = partitionOf(sku, partitions);
  const [state, level] = [await instance.store.state(partition), await instance.services.stock.find(sku)];
  return state.holds === level!.held;
}

let buyers = 0;

async function reserveAt(host: string, port: number, sku: string): Promise<string | null> {
  const key = `minority-${(buyers += 1)}`;
  const body = JSON.stringify({ buyerId: key, lines: [{ sku, quantity: 1 }] });
  const call = { host, port, method: 'POST', path: '/v1/reservations', secret: keys.storefront, body };
  const { status, text } = await send({ ...call, idempotencyKey: key });
  return status === 201 ? (JSON.parse(text) as { id: string }).id : null;
}
