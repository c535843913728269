/**
 * Connections to Redis, of three kinds, because they need opposite things when a connection is lost. Decisions must never run a
 * command twice (ioredis does by default when a reply is lost), so every command is sent once and failures are reported. News
 * must never be lost unnoticed, so that connection ends. Queues must be kept alive whatever happens.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { systemRandom } from './adapters/system.js';

type HostPort = { readonly host: string; readonly port: number };

export type RedisTarget =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'standalone'; readonly url: string }
  | ({ readonly kind: 'cluster'; readonly nodes: readonly HostPort[] } & Secrets)
  | ({ readonly kind: 'sentinel'; readonly nodes: readonly HostPort[]; readonly name: string } & Secrets);

/** How the servers behind several addresses know us, and we them. */
type Secrets = { readonly username?: string; readonly password?: string; readonly tls: boolean };

/**
 * In front of every key and channel. The databases of one server share its channels, so an installation in another
 * than the first has the number in its name: what it says must not be heard by its neighbours.
 */
export function keyPrefixOf(target: RedisTarget): string {
  const database = target.kind === 'standalone' ? Number(new URL(target.url).pathname.slice(1)) : 0;
  return database > 0 ? `holdfast-${database}` : 'holdfast';
}

/** A command that has not answered after this is reported as unknown: it may still run. */
const commandTimeoutMs = 2_000;

/** A connection that owes an answer and has been silent for this long is dead, even if nobody has closed it. */
const silentMaxMs = 5_000;
/** How often a cluster is asked where its slots are: a master that was cut off does not report that it is one no more. */
const slotsRefreshMs = 1_000;

const reconnectDelayMs = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000);

/** 1: reconnect to the new master, do not send the command again (2 would). */
const reconnectOnReadOnly = (error: Error): false | 1 => (error.message.startsWith('READONLY') ? 1 : false);

const sendOnce = {
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  commandTimeout: commandTimeoutMs,
  socketTimeout: silentMaxMs,
  connectTimeout: 5_000,
  retryStrategy: reconnectDelayMs,
  reconnectOnError: reconnectOnReadOnly,
  lazyConnect: true,
} satisfies RedisOptions;

/** Never reconnects: the listener opens another connection, and so knows that it may have missed something. */
const listenOnce = {
  maxRetriesPerRequest: null,
  autoResubscribe: false,
  connectTimeout: 5_000,
  retryStrategy: () => null,
  lazyConnect: true,
} satisfies RedisOptions;

/** Queues wait for a Redis that is away; what they may send twice, jobs, is safe to send twice. */
const waitForever = {
  maxRetriesPerRequest: null,
  connectTimeout: 5_000,
  retryStrategy: reconnectDelayMs,
  reconnectOnError: reconnectOnReadOnly,
  lazyConnect: false,
} satisfies RedisOptions;

/** While a command's master is missing, it fails at once. */
const sendOnceToCluster = { enableOfflineQueue: false, retryDelayOnFailover: 0, lazyConnect: true };

/**
 * Or it waits. A worker whose command fails, or whose connection could not be opened, retries endlessly within the same turn
 * of the event loop, so that nothing else in the process runs any more.
 */
const waitForCluster = {
  enableOfflineQueue: true,
  retryDelayOnFailover: 100,
  maxRedirections: Number.POSITIVE_INFINITY,
  lazyConnect: false,
};

/** The connection that stock is decided over: a command is sent once, and a lost reply is an error. */
export function connectForDecisions(target: RedisTarget): Redis | Cluster {
  return connect(target, sendOnce);
}

/**
 * A connection for listening to published messages, which ends when it breaks. To any node of a cluster, as far as
 * `decisions` knows them: what is published at one is heard at all.
 */
export function connectForNews(target: RedisTarget, decisions: Redis | Cluster): Redis {
  if (target.kind !== 'cluster') return connectToOne(target, listenOnce);
  const known = 'nodes' in decisions ? decisions.nodes('all').map(placeOf) : [];
  const nodes = known.length > 0 ? known : target.nodes;
  const node = nodes[Math.floor(systemRandom.fraction() * nodes.length)]!;
  return new Redis({ ...listenOnce, disconnectTimeout, ...node, ...secretsOf(target) });
}

/** A connection for queues and their workers. Each worker wants one of its own. */
export function connectForQueues(target: RedisTarget): Redis | Cluster {
  return connect(target, waitForever);
}

/**
 * ioredis waits this long for a disconnected connection to close, even if it has closed already: with the default of two
 * seconds, a process whose Redis is gone exits two seconds late.
 */
const disconnectTimeout = 100;

type Manner = typeof sendOnce | typeof listenOnce | typeof waitForever;

function connect(target: RedisTarget, manner: typeof sendOnce | typeof waitForever): Redis | Cluster {
  if (target.kind !== 'cluster') return connectToOne(target, manner);
  return new Cluster([...target.nodes], {
    scaleReads: 'master',
    ...(manner === waitForever ? waitForCluster : sendOnceToCluster),
    ...(target.tls && { dnsLookup: asNamed }),
    slotsRefreshInterval: slotsRefreshMs,
    clusterRetryStrategy: reconnectDelayMs,
    redisOptions: { ...manner, disconnectTimeout, ...secretsOf(target) },
  });
}

/** A certificate is for a name: an address that ioredis has looked up itself is not in it. */
function asNamed(host: string, found: (error: null, address: string) => void): void {
  found(null, host);
}

function connectToOne(target: Exclude<RedisTarget, { kind: 'cluster' }>, manner: Manner): Redis {
  const options = { ...manner, disconnectTimeout };
  switch (target.kind) {
    case 'socket':
      return new Redis({ ...options, path: target.path });
    case 'standalone':
      return new Redis(target.url, options);
    case 'sentinel':
      return new Redis({
        ...options,
        sentinels: [...target.nodes],
        name: target.name,
        ...secretsOf(target),
        ...secretsOfSentinels(target),
      });
  }
}

function placeOf({ options }: Redis): HostPort {
  return { host: options.host!, port: options.port! };
}

function secretsOf({ username, password, tls }: Secrets) {
  return { ...(username && { username }), ...(password && { password }), ...(tls && { tls: {} }) };
}

/** The same as those of the servers that they watch. Without the last of them ioredis speaks to both in the clear, whatever `tls` says. */
function secretsOfSentinels({ username, password, tls }: Secrets) {
  return {
    ...(username && { sentinelUsername: username }),
    ...(password && { sentinelPassword: password }),
    ...(tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
  };
}

/**
 * The first attempt to connect: fulfilled when it is ready, rejected when it fails; the connection keeps trying by itself.
 * The promise of ioredis never settles when a cluster reports at that moment that it is not well, or when no sentinel answers.
 */
export function connectOnce(connection: Redis | Cluster): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause: Error | undefined;
    const fail = () => reject(new Error('Redis is not ready', { cause }));
    connection.once('error', (error: Error) => {
      cause = error;
      if (error.message.startsWith('All sentinels are unreachable')) fail();
    });
    connection.once('close', fail);
    connection.connect().then(resolve, reject);
  });
}

/** In words where it was asked and why it did not answer, without secrets. @param error what `connectOnce` was rejected with. */
export function unanswered(target: RedisTarget, error: unknown): string {
  const { message, cause } = error as Error & { readonly cause?: Error & { readonly code?: string } };
  // Several addresses may have been tried: then the message is empty, and the code says it.
  return `Redis at ${addressOf(target)} did not answer: ${cause?.message || cause?.code || message}`;
}

function addressOf(target: RedisTarget): string {
  if (target.kind === 'socket') return target.path;
  if (target.kind === 'standalone') return new URL(target.url).host;
  return target.nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
}

/**
 * What a REDIS_URL names: `redis://` or `rediss://` host, `redis+cluster://[[user]:password@]host:port,host:port`,
 * `redis+sentinel://[[user]:password@]host:port,host:port/master-name`; `s` after `redis` for TLS. Undefined: none of these.
 */
export function parseRedisUrl(url: string): RedisTarget | undefined {
  if (!isDecodable(url)) return undefined;
  if (/^rediss?:\/\/[^,]+$/.test(url) && URL.canParse(url)) return { kind: 'standalone', url };
  const match = /^redis(s?)\+(cluster|sentinel):\/\/(?:([^:@]*):([^@]*)@)?([^@/]+)(?:\/([\w.-]+))?$/.exec(
    url,
  );
  if (!match) return undefined;
  const [, secure, kind, username, password, hosts = '', name] = match;
  const authorities = hosts.split(',').map((host) => `redis://${host}`);
  if (!authorities.every((authority) => URL.canParse(authority))) return undefined;
  const nodes = authorities.map((authority) => {
    const { hostname, port } = new URL(authority);
    // An IPv6 address stands in brackets there, and nowhere else.
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    return { host, port: Number(port || (kind === 'sentinel' ? 26_379 : 6_379)) };
  });
  const shared = {
    nodes,
    tls: secure === 's',
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  };
  if (kind === 'cluster') return { kind, ...shared };
  return name ? { kind: 'sentinel', name, ...shared } : undefined;
}

function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== '';
  } catch {
    return false;
  }
}
