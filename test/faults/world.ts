/**
 * A world to break: the service as several processes, on a Redis and a PostgreSQL that wait for their disks, each behind
 * a proxy that can lose replies, and a crowd of buyers who remember what they were told.
 */
import { Pool } from 'pg';
import { partitionOf } from '#stock';
import type { Sandbox } from '../../apps/payment-sandbox/src/index.js';
import { Crowd } from './crowd.js';
import { send } from './http.js';
import { openProvider, providerEnvironment } from './provider.js';
import type { Random } from './random.js';
import { Witness } from './witness.js';
import { Fleet, keys, type Member } from './servers/fleet.js';
import { openFolder, type WorldFolder } from './servers/folder.js';
import { LossyProxy } from './servers/lossy-proxy.js';
import { PostgresNode } from './servers/postgres-node.js';
import { RedisCluster } from './servers/redis-cluster.js';
import { RedisNode } from './servers/redis-node.js';
import { SettableClock } from './servers/settable-clock.js';

export type WorldOptions = {
  readonly random: Random;
  readonly instances: number;
  readonly partitions: number;
  readonly buyers: number;
  readonly durability: 'ledger' | 'redis';
  readonly fsync: 'always' | 'everysec';
  /** Redis as a cluster of so many masters, each with a replica; 0 or none: a single server behind a proxy. */
  readonly masters?: number;
  /** A PostgreSQL to use, in a database of its own; else one is started for this world. */
  readonly postgres?: PostgresNode;
  /** Modules that the service loads first: planted bugs. */
  readonly imports?: readonly string[];
  readonly environment?: { readonly [name: string]: string };
  /** How long the service may take to recover, and Redis to agree with the ledger (30 s). */
  readonly patienceMs?: number;
};

/** How long anything may take until it counts as stuck. */
export const patienceMsDefault = 30_000;

let worldsMade = 0;

export class World {
  readonly witness: Witness;
  readonly crowd: Crowd;
  private probes = 0;

  private constructor(
    readonly options: WorldOptions,
    readonly folder: WorldFolder,
    private readonly stores: { readonly single: RedisNode | null; readonly cluster: RedisCluster | null },
    readonly postgres: PostgresNode,
    readonly redisProxy: LossyProxy,
    readonly postgresProxy: LossyProxy,
    readonly provider: Sandbox,
    /** Where the provider's webhooks go: to any of the instances. */
    private readonly webhooks: LossyProxy,
    readonly fleet: Fleet,
    /** Of every instance of the service. */
    readonly fleetClock: SettableClock,
    /** The harness's own way to the ledger, past the proxy. */
    readonly ledger: Pool,
    /** One in each partition, with units without end. */
    readonly skus: readonly string[],
  ) {
    const { random, buyers } = options;
    const witness = new Witness((paymentId) => provider.chargeFor(paymentId)?.status);
    this.witness = witness;
    const ports = fleet.members.map(({ port }) => port);
    this.crowd = new Crowd({ witness, random, buyers, ports, patienceMs: this.patienceMs });
  }

  /** @throws ServerNotFoundError where this machine has no Redis or PostgreSQL to start and kill */
  static async open(options: WorldOptions): Promise<World> {
    const { instances, partitions, durability, fsync, masters = 0, imports = [], environment = {} } = options;
    const folder = openFolder();
    const [single, cluster, postgres] = await Promise.all([
      masters === 0 ? RedisNode.start({ folder, name: 'redis', fsync }) : null,
      masters === 0 ? null : RedisCluster.start(folder, masters),
      options.postgres ?? PostgresNode.start(),
    ]);
    const [redisProxy, postgresProxy] = await Promise.all([
      LossyProxy.listen(() => single?.port ?? 0),
      LossyProxy.listen(() => postgres.port),
    ]);
    const provider = await openProvider();
    const database = `world_${process.pid}_${(worldsMade += 1)}`;
    await postgres.createDatabase(database);
    const ledger = new Pool({ connectionString: postgres.urlOf(database), max: 2 });
    ledger.on('error', () => undefined);
    const fleetClock = await SettableClock.in(folder.path, 'service');
    const fleet = await Fleet.start({
      instances,
      imports,
      clock: fleetClock,
      environment: {
        REDIS_URL: cluster?.url ?? `redis://127.0.0.1:${redisProxy.port}`,
        DATABASE_URL: `postgres://postgres@127.0.0.1:${postgresProxy.port}/${database}`,
        PARTITIONS: `${partitions}`,
        DURABILITY: durability,
        ...providerEnvironment(provider),
        ...environment,
      },
    });
    const webhooks = await LossyProxy.listen(() => options.random.pick(fleet.members).port);
    provider.deliverTo(`http://127.0.0.1:${webhooks.port}/v1/payments/webhooks/sandbox`);
    const skus = skusByPartition(partitions);
    const stores = { single, cluster };
    const world = new World(
      options,
      folder,
      stores,
      postgres,
      redisProxy,
      postgresProxy,
      provider,
      webhooks,
      fleet,
      fleetClock,
      ledger,
      skus,
    );
    for (const sku of skus) await world.crowd.put(sku, 1_000_000_000);
    return world;
  }

  /** The single Redis of this world. */
  get redis(): RedisNode {
    const { single } = this.stores;
    if (!single) throw new Error('this world has a cluster');
    return single;
  }

  get cluster(): RedisCluster {
    const { cluster } = this.stores;
    if (!cluster) throw new Error('this world has no cluster');
    return cluster;
  }

  get patienceMs(): number {
    return this.options.patienceMs ?? patienceMsDefault;
  }

  /** Instances that ended by themselves are findings, and are started again. */
  async reviveCrashed(): Promise<void> {
    const crashed = this.fleet.members.filter((member) => member.hasCrashed());
    for (const member of crashed) {
      this.witness.add('error', `an instance ended by itself:\n${member.log().slice(-1_500)}`);
      await member.start();
    }
  }

  /**
   * Waits until every instance acknowledges reservations in every partition. Answers with how long that took, from now;
   * throws when it takes too long.
   */
  async recovered(withinMs = this.patienceMs): Promise<number> {
    const startedMs = performance.now();
    const probes = this.fleet.members.flatMap((member) =>
      this.skus.map((sku) => this.probe(member, sku, startedMs + withinMs)),
    );
    await Promise.all([
      ...probes,
      ...this.fleet.members.map((member) => ready(member, startedMs + withinMs)),
    ]);
    return performance.now() - startedMs;
  }

  /** The levels of a partition as Redis has them, the ids of its holds, and how far its journal is. */
  async store(
    partition: number,
  ): Promise<[levels: { [sku: string]: string }, holds: string[], position: (string | null)[]]> {
    const { single, cluster } = this.stores;
    const node = single ?? (await cluster!.masterOf(`holdfast:{${partition}}:meta`));
    return node.ask((redis) =>
      Promise.all([
        redis.hgetall(`holdfast:{${partition}}:levels`),
        redis.hkeys(`holdfast:{${partition}}:holds`),
        redis.hmget(`holdfast:{${partition}}:meta`, 'epoch', 'sequence'),
      ]),
    );
  }

  async stop(): Promise<void> {
    await this.crowd.stop();
    await this.provider.close();
    await this.fleet.stop();
    await Promise.all([
      this.webhooks.stop(),
      this.redisProxy.stop(),
      this.postgresProxy.stop(),
      this.ledger.end(),
    ]);
    await this.stores.single?.stop();
    await this.stores.cluster?.stop();
    // The next world finds the machine's own time.
    if (this.options.postgres) await this.postgres.clock.set(0);
    else await this.postgres.stop();
    await this.folder.stop();
  }

  private async probe(member: Member, sku: string, giveUpAtMs: number): Promise<void> {
    // One request, asked again until it is answered.
    const key = `probe-${(this.probes += 1)}`;
    const lines = [{ sku, quantity: 1 }];
    const intent = { kind: 'reserve', key, buyerId: key, lines, ttlSeconds: 60 } as const;
    while (performance.now() < giveUpAtMs) {
      if (await this.crowd.carryOut(intent, 1, member.port)) return;
      await pause(10);
    }
    throw new Error(`port ${member.port} does not acknowledge in the partition of ${sku}:\n${member.log()}`);
  }
}

async function ready(member: Member, giveUpAtMs: number): Promise<void> {
  while (performance.now() < giveUpAtMs) {
    const call = {
      port: member.port,
      method: 'GET',
      path: '/readyz',
      secret: keys.storefront,
      timeoutMs: 1_000,
    };
    const answer = await send(call).catch(() => null);
    if (answer?.status === 200) return;
    await pause(10);
  }
  throw new Error(`port ${member.port} does not become ready:\n${member.log()}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** One SKU in each partition, found by trying names. */
function skusByPartition(partitions: number): string[] {
  const found = new Map<number, string>();
  for (let tried = 0; found.size < partitions; tried += 1) {
    const sku = `probe-${tried}`;
    const partition = partitionOf(sku, partitions);
    if (!found.has(partition)) found.set(partition, sku);
  }
  return [...found.values()];
}
