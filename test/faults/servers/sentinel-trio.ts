/** A master, a replica, and three sentinels that decide which is which. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  findRedisServer,
  lastingPort,
  ServerNotFoundError,
  spawnLeashed,
  untilItAnswers,
  type LeashedProcess,
} from '#platform';
import { testDataFolder } from '../../servers/server.js';
import type { WorldFolder } from './folder.js';
import { RedisNode } from './redis-node.js';
import { cutLink, linkUser, mendLink, untilIt } from './replication.js';

const masterName = 'stock';
const downAfterMs = 1_000;

export class SentinelTrio {
  private constructor(
    readonly nodes: readonly RedisNode[],
    private readonly sentinels: readonly { readonly port: number; readonly leash: LeashedProcess }[],
  ) {}

  static async start(folder: WorldFolder): Promise<SentinelTrio> {
    const [master, replica] = await Promise.all(
      ['master', 'replica'].map((name) =>
        RedisNode.start({ folder, name, fsync: 'everysec', settings: linkUser }),
      ),
    );
    await replica!.ask((redis) => redis.replicaof('127.0.0.1', master!.port));
    await untilIt('the replica is in step', () => isInStep(replica!));
    const sentinels = await Promise.all(
      [1, 2, 3].map((number) => startSentinel(folder, number, master!.port)),
    );
    const trio = new SentinelTrio([master!, replica!], sentinels);
    await untilIt('the sentinels know each other and the replica', async () => {
      const known = await Promise.all(sentinels.map(({ port }) => ask(port, 'MASTER', masterName)));
      return known.every(
        (facts) => factOf(facts, 'num-other-sentinels') === '2' && factOf(facts, 'num-slaves') === '1',
      );
    });
    return trio;
  }

  get url(): string {
    const hosts = this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return `redis+sentinel://${hosts}/${masterName}`;
  }

  /** The replica falls behind, the master dies, and the sentinels make the replica master. Gives the old one. */
  async failOverBehind(behindMs: number): Promise<RedisNode> {
    const master = await this.master();
    await cutLink(master);
    await sleep(behindMs);
    await master.kill();
    await untilIt('the sentinels agree on another', async () => (await this.master()) !== master);
    return master;
  }

  /** The old master comes back, believing that it is master still, until the sentinels tell it otherwise. */
  async bringBack(node: RedisNode): Promise<void> {
    await node.start();
    await mendLink(node);
    await untilIt('the old master follows', () => isInStep(node));
  }

  async stop(): Promise<void> {
    await Promise.all(this.sentinels.map(({ leash }) => leash.stop()));
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  private async master(): Promise<RedisNode> {
    const answers = await Promise.all(
      this.sentinels.map(({ port }) => ask(port, 'GET-MASTER-ADDR-BY-NAME', masterName)),
    );
    const ports = new Set(answers.map(([, port]) => Number(port)));
    if (ports.size > 1) throw new Error('the sentinels do not agree');
    return this.nodes.find(({ port }) => ports.has(port))!;
  }
}

async function isInStep(node: RedisNode): Promise<boolean> {
  return (await node.ask((redis) => redis.info('replication'))).includes('master_link_status:up');
}

async function startSentinel(
  folder: WorldFolder,
  number: number,
  masterPort: number,
): Promise<{ port: number; leash: LeashedProcess }> {
  const server = await findRedisServer(testDataFolder, () => undefined);
  if (server.kind === 'docker') throw new ServerNotFoundError('faults want a Redis program on this machine');
  const port = await lastingPort();
  const own = await folder.sub(`sentinel-${number}`);
  const file = path.join(await folder.sub('sentinels'), `${number}.conf`);
  // Written to by the sentinel itself from then on.
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${own}`,
      `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${masterName} ${downAfterMs}`,
      `sentinel failover-timeout ${masterName} 5000`,
      '',
    ].join('\n'),
  );
  const { file: program, env } = server.program;
  const leash = spawnLeashed({
    file: program,
    args: [file, '--sentinel'],
    env,
    folder: own,
    endSignal: 'TERM',
  });
  await untilItAnswers('a sentinel', leash, () => ask(port, 'MYID'));
  return { port, leash };
}

async function ask(port: number, ...question: string[]): Promise<string[]> {
  const settings = { retryStrategy: () => null, maxRetriesPerRequest: 0, disconnectTimeout: 100 };
  const redis = new Redis({ port, lazyConnect: true, ...settings });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return [(await redis.call('SENTINEL', ...question)) as string[] | string].flat();
  } finally {
    redis.disconnect();
  }
}

function factOf(facts: readonly string[], name: string): string | undefined {
  return facts[facts.indexOf(name) + 1];
}
