/**
 * The faults, each a row: what it does to a world, and how the world is put together again afterwards. A fault is over
 * when its function settles; that the service recovers from it is for the checks to say.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.js';
import type { SettableClock } from './servers/settable-clock.js';
import type { World } from './world.js';

export type Fault = {
  /** What is counted: how many processes of each kind it killed, and so on. */
  readonly run: (world: World) => Promise<Counts>;
  readonly what: string;
};
export type Counts = { readonly [counted: string]: number };

const hourMs = 3_600_000;
/** How long something stays away, at most. */
const awayMaxMs = 300;

export const faults = {
  'app-kill': {
    what: 'SIGKILL to some of the service processes, at once',
    async run({ fleet, options: { random } }) {
      let count = 0;
      for (let times = random.integer(1, 5); times > 0; times -= 1) {
        const killed = random.sample(fleet.members, random.integer(1, fleet.members.length));
        await Promise.all(killed.map((member) => member.kill()));
        await away(random.fraction());
        await Promise.all(killed.map((member) => member.start()));
        count += killed.length;
      }
      return { 'app killed': count };
    },
  },
  'redis-kill': {
    what: 'SIGKILL to Redis; it comes back with what it had written',
    async run({ redis, options: { random } }) {
      const times = random.integer(1, 3);
      for (let time = 1; time <= times; time += 1) {
        await redis.kill();
        await away(random.fraction());
        await redis.start();
        await away(random.fraction());
      }
      return { 'Redis killed': times };
    },
  },
  'power-cut': {
    what: 'SIGKILL to Redis; it comes back with what the disk had been told to keep',
    async run({ redis, options: { random } }) {
      const times = random.integer(1, 3);
      let lost = 0;
      for (let time = 1; time <= times; time += 1) {
        lost += await redis.cutPower(random.fraction());
        await away(random.fraction());
        await redis.start();
        await away(random.fraction());
      }
      return { 'power cut': times, 'bytes of the log lost': lost };
    },
  },
  'redis-flush': {
    what: 'FLUSHALL and FUNCTION FLUSH, while it runs',
    async run({ redis }) {
      await redis.ask((connection) => connection.multi().flushall().call('FUNCTION', 'FLUSH').exec());
      return { 'Redis emptied': 1 };
    },
  },
  'redis-replaced': {
    what: 'an empty Redis in the place of the old one',
    async run({ redis }) {
      await redis.kill();
      await redis.replaceData(null);
      await redis.start();
      return { 'Redis replaced by an empty one': 1 };
    },
  },
  'stale-snapshot': {
    what: 'Redis is put back to how it was some time ago, under load: an old primary that comes back',
    async run({ redis, options: { random } }) {
      await redis.snapshot('old');
      await sleep(random.integer(50, 500));
      await redis.kill();
      await redis.replaceData('old');
      await redis.start();
      return { 'Redis put back in time': 1 };
    },
  },
  'postgres-stop': {
    what: 'PostgreSQL is stopped at once (SIGQUIT) and recovers from its log',
    async run({ postgres, options: { random } }) {
      const times = random.integer(1, 3);
      for (let time = 1; time <= times; time += 1) {
        await postgres.kill();
        await away(random.fraction());
        await postgres.start();
        await away(random.fraction());
      }
      return { 'PostgreSQL killed': times };
    },
  },
  'lost-replies': {
    what: 'replies of Redis and of PostgreSQL are lost after they did what was asked',
    async run({ redisProxy, postgresProxy, options: { random } }) {
      const [ofRedis, ofPostgres] = [random.integer(1, 6), random.integer(0, 4)];
      redisProxy.loseReplies(ofRedis, random.chance(0.5) ? 'reserve' : '');
      postgresProxy.loseReplies(ofPostgres);
      await sleep(random.integer(100, 300));
      return { 'replies lost': ofRedis + ofPostgres - redisProxy.stopLosing() - postgresProxy.stopLosing() };
    },
  },
  'connections-cut': {
    what: 'every connection to Redis and to PostgreSQL breaks at once',
    async run({ redisProxy, postgresProxy }) {
      redisProxy.cut();
      postgresProxy.cut();
      return { 'all connections cut': 1 };
    },
  },
  'redis-stall': {
    what: 'Redis stands still for up to three seconds, and then goes on',
    async run({ redis, options: { random } }) {
      await redis.stall(random.chance(0.2) ? random.integer(2_000, 3_000) : random.integer(50, 600));
      return { 'Redis stalled': 1 };
    },
  },
  'clock-jump': {
    what: 'the wall clock of Redis is set by an hour, or back to where it was',
    run: ({ redis, options }) => jump(redis.clock, options.random, 'clock set'),
  },
  'postgres-clock-jump': {
    what: 'the same of PostgreSQL',
    run: ({ postgres, options }) => jump(postgres.clock, options.random, 'clock of PostgreSQL set'),
  },
  'app-clock-jump': {
    what: 'the same of the service',
    run: ({ fleetClock, options }) => jump(fleetClock, options.random, 'clock of the service set'),
  },
  'failover-behind': {
    what: 'cluster: a replica that had fallen behind takes over from its master; the old one comes back',
    async run({ cluster, options: { random, partitions } }) {
      const key = keyIn(random.integer(0, partitions - 1));
      const old = await cluster.failOverBehind(key, random.integer(20, 400));
      await away(random.fraction());
      await cluster.bringBack(old);
      return { 'failovers, the link cut first': 1 };
    },
  },
  'failover-planned': {
    what: 'cluster: a replica takes over in an orderly way',
    async run({ cluster, options: { random, partitions } }) {
      await cluster.failOver(keyIn(random.integer(0, partitions - 1)));
      return { 'failovers as planned': 1 };
    },
  },
  'slot-moved': {
    what: 'cluster: the slot of a partition moves to another master, key by key',
    async run({ cluster, options: { random, partitions } }) {
      await cluster.moveSlot(keyIn(random.integer(0, partitions - 1)));
      return { 'slots moved': 1 };
    },
  },
  'memory-full': {
    what: 'Redis is at maxmemory for a while',
    async run({ redis, options: { random } }) {
      await redis.ask((connection) => connection.config('SET', 'maxmemory', '1'));
      await sleep(random.integer(100, 400));
      await redis.ask((connection) => connection.config('SET', 'maxmemory', '0'));
      return { 'memory full': 1 };
    },
  },
} satisfies { readonly [name: string]: Fault };

async function jump(clock: SettableClock, random: Random, counted: string): Promise<Counts> {
  if (!clock.canBeSet) return { 'clock not set, for want of a C compiler': 1 };
  await clock.set(random.pick([-hourMs, 0, hourMs]));
  await sleep(random.integer(300, 1_200));
  await clock.set(random.pick([-hourMs, 0, hourMs]));
  return { [counted]: 2 };
}

export type FaultName = keyof typeof faults;
export const faultNames = Object.keys(faults) as FaultName[];

const ofClusters: readonly FaultName[] = ['failover-behind', 'failover-planned', 'slot-moved'];
const ofAllWorlds: readonly FaultName[] = [
  'app-kill',
  'app-clock-jump',
  'postgres-stop',
  'postgres-clock-jump',
];

/** The faults that a world can have, with a cluster or with a single Redis. */
export function faultsOf(kind: 'cluster' | 'single'): readonly FaultName[] {
  if (kind === 'cluster') return [...ofAllWorlds, ...ofClusters];
  return faultNames.filter((name) => !ofClusters.includes(name));
}

function keyIn(partition: number): string {
  return `holdfast:{${partition}}:meta`;
}

/** Parts that faults take hold of: two faults on the same one wait for each other. */
export function partOf(name: FaultName): 'apps' | 'redis' | 'postgres' | 'network' {
  if (name.startsWith('app-')) return 'apps';
  if (name.startsWith('postgres-')) return 'postgres';
  return name === 'lost-replies' || name === 'connections-cut' ? 'network' : 'redis';
}

function away(fraction: number): Promise<void> {
  return sleep(Math.floor(fraction * awayMaxMs));
}
