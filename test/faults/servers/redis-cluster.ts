/**
 * A Redis Cluster of masters with a replica each, made of single nodes by the cluster's own commands. Its replication
 * links can be cut while everything else goes on: killing a master on one machine loses nothing by itself, because the
 * kernel still delivers what it has sent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { WorldFolder } from './folder.js';
import { RedisNode, type Place } from './redis-node.js';
import { cutLink, linkUser, mendLink, untilFound, untilIt } from './replication.js';

const slotCount = 16_384;
const nodeTimeoutMs = 1_000;
const failOverAgainMs = 6_000;

export class RedisCluster {
  private constructor(
    readonly nodes: readonly RedisNode[],
    private readonly ids: ReadonlyMap<RedisNode, string>,
  ) {}

  /** Starts `masters` masters, each with one replica, and waits until they agree. The first `masters` nodes begin as masters. */
  static async start(
    folder: WorldFolder,
    masters: number,
    placeOf: (index: number) => Place | undefined = () => undefined,
  ): Promise<RedisCluster> {
    const nodes = await Promise.all(
      Array.from({ length: 2 * masters }, (_, index) => {
        const place = placeOf(index);
        const its = place ? { place, settings: [...settings, ...placed(place)] } : { settings };
        return RedisNode.start({ folder, name: `node-${index}`, fsync: 'everysec', ...its });
      }),
    );
    const ids = new Map<RedisNode, string>();
    for (const node of nodes) ids.set(node, await node.ask((redis) => redis.cluster('MYID')));
    const cluster = new RedisCluster(nodes, ids);
    await cluster.join(masters);
    return cluster;
  }

  get url(): string {
    return `redis+cluster://${this.nodes.map(({ host, port }) => `${host}:${port}`).join(',')}`;
  }

  /** The master that has the slot of a key. */
  async masterOf(key: string): Promise<RedisNode> {
    const slot = await this.slotOf(key);
    return untilFound('the master of a slot', async () => {
      const range = (await this.ranges()).find(({ from, to }) => from <= slot && slot <= to);
      return this.nodes.find(({ port }) => port === range?.masterPort);
    });
  }

  async replicaOf(master: RedisNode): Promise<RedisNode> {
    const ask = (redis: Redis) => redis.call('CLUSTER', 'REPLICAS', this.ids.get(master)!);
    return untilFound('the replica of a master', async () => {
      const [line] = (await this.anyRunning().ask(ask)) as string[];
      const id = line?.split(' ')[0];
      return this.nodes.find((node) => this.ids.get(node) === id);
    });
  }

  /** A planned failover: the replica has everything when it takes over. */
  async failOver(key: string): Promise<void> {
    const master = await this.masterOf(key);
    const replica = await this.replicaOf(master);
    let askedAtMs = -Infinity;
    await untilIt('the replica takes over', async () => {
      if ((await this.masterOf(key)) === replica) return true;
      // Given up after five seconds, by the replica itself, when the others were busy with something else.
      if (performance.now() - askedAtMs > failOverAgainMs) {
        askedAtMs = performance.now();
        await replica.ask((redis) => redis.cluster('FAILOVER'));
      }
      return false;
    });
  }

  /** The replica falls behind, the master dies, the replica takes over without what it never heard of. */
  async failOverBehind(key: string, behindMs: number): Promise<RedisNode> {
    const master = await this.masterOf(key);
    await cutLink(master);
    await sleep(behindMs);
    await master.kill();
    await untilIt('a replica takes over', async () => (await this.masterOf(key)) !== master);
    return master;
  }

  /** A node that was away comes back; as what, the others tell it. */
  async bringBack(node: RedisNode): Promise<void> {
    await node.start();
    await mendLink(node);
    await untilIt('the node is a replica in step', async () =>
      (await node.ask((redis) => redis.info('replication'))).includes('master_link_status:up'),
    );
  }

  /** Moves the slot of a key to another master, key by key, as a resharding does. */
  async moveSlot(key: string): Promise<void> {
    const slot = await this.slotOf(key);
    const source = await this.masterOf(key);
    const target = (await this.masters()).find((node) => node !== source)!;
    const [from, to] = [this.ids.get(source)!, this.ids.get(target)!];
    await target.ask((redis) => redis.call('CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', from));
    await source.ask((redis) => redis.call('CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', to));
    for (;;) {
      const keys = await source.ask((redis) => redis.cluster('GETKEYSINSLOT', slot, 2));
      if (keys.length === 0) break;
      await source.ask((redis) =>
        redis.call('MIGRATE', target.host, `${target.port}`, '', '0', '5000', 'KEYS', ...keys),
      );
      await sleep(20);
    }
    for (const node of [target, source, ...(await this.masters())])
      await node.ask((redis) => redis.call('CLUSTER', 'SETSLOT', `${slot}`, 'NODE', to));
  }

  /** As long as the slot of a key belongs to nobody, every node says that the cluster is not well. */
  async whileNotWell(key: string, work: () => Promise<void>): Promise<void> {
    const slot = await this.slotOf(key);
    const master = await this.masterOf(key);
    await Promise.all(
      this.nodes.map((node) => node.ask((redis) => redis.call('CLUSTER', 'DELSLOTS', `${slot}`))),
    );
    await this.allSay('cluster_state:fail');
    await work();
    await master.ask((redis) => redis.call('CLUSTER', 'ADDSLOTS', `${slot}`));
    await this.allSay('cluster_state:ok');
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  private async allSay(what: string): Promise<void> {
    for (const node of this.nodes)
      await untilIt(`every node says ${what}`, async () =>
        (await node.ask((redis) => redis.cluster('INFO'))).includes(what),
      );
  }

  private async masters(): Promise<RedisNode[]> {
    const ports = new Set((await this.ranges()).map(({ masterPort }) => masterPort));
    return this.nodes.filter(({ port }) => ports.has(port));
  }

  private async ranges(): Promise<{ from: number; to: number; masterPort: number }[]> {
    type Range = [from: number, to: number, master: [host: string, port: number]];
    const table = (await this.anyRunning().ask((redis) => redis.call('CLUSTER', 'SLOTS'))) as Range[];
    return table.map(([from, to, [, masterPort]]) => ({ from, to, masterPort }));
  }

  private slotOf(key: string): Promise<number> {
    return this.anyRunning().ask((redis) => redis.cluster('KEYSLOT', key));
  }

  private anyRunning(): RedisNode {
    // The last one: whoever cuts off a node takes the first.
    return this.nodes.findLast((node) => node.isRunning())!;
  }

  private async join(masters: number): Promise<void> {
    const [first, ...others] = this.nodes;
    for (const node of others) await node.ask((redis) => redis.cluster('MEET', first!.host, first!.port));
    for (const [index, node] of this.nodes.slice(0, masters).entries()) {
      const [from, to] = [index, index + 1].map((share) => Math.floor((share * slotCount) / masters));
      await node.ask((redis) => redis.call('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to! - 1}`));
    }
    const knowsAll = async (node: RedisNode): Promise<boolean> =>
      (await node.ask((redis) => redis.cluster('INFO'))).includes(`known_nodes:${this.nodes.length}`);
    for (const node of this.nodes) await untilIt('the nodes know each other', () => knowsAll(node));
    for (const [index, node] of this.nodes.slice(masters).entries()) {
      const master = this.ids.get(this.nodes[index]!)!;
      await untilIt('a replica finds its master', () =>
        node
          .ask((redis) => redis.cluster('REPLICATE', master))
          .then(
            () => true,
            () => false,
          ),
      );
    }
    await this.allSay('cluster_state:ok');
    for (const node of this.nodes.slice(masters))
      await untilIt('the replica is in step', async () =>
        (await node.ask((redis) => redis.info('replication'))).includes('master_link_status:up'),
      );
  }
}

const settings = [
  `--cluster-enabled yes --cluster-node-timeout ${nodeTimeoutMs}`,
  // A replica that has fallen behind takes over all the same: that is what is to be survived.
  '--cluster-replica-validity-factor 0',
]
  .flatMap((setting) => setting.split(' '))
  .concat(linkUser);

function placed({ host, askedAt }: Place): string[] {
  const bound = [...new Set([host, askedAt])];
  return ['--bind', ...bound, '--protected-mode', 'no', '--cluster-announce-ip', host];
}
