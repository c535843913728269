import { describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { systemTimers } from './adapters/system.js';
import {
  connectForDecisions,
  connectForQueues,
  connectOnce,
  parseRedisUrl,
  type RedisTarget,
} from './redis.js';

/** Nobody listens on the first port. */
const away: RedisTarget = { kind: 'cluster', nodes: [{ host: '127.0.0.1', port: 1 }], tls: false };

test.each([
  // A worker that hears of it at once asks again at once, in the same turn: the process does nothing else any more.
  ['a queue waits for a cluster that is away', connectForQueues, 'waits'],
  ['a decision hears at once that the cluster is away', connectForDecisions, 'fails'],
] as const)('%s', async (_, connectFor, expected) => {
  const connection = connectFor(away);
  connection.on('error', () => undefined);
  const asked = connection.get('key').then(
    () => 'is answered',
    () => 'fails',
  );
  expect(await Promise.race([asked, systemTimers.sleep(100).then(() => 'waits')])).toBe(expected);
  connection.disconnect();
});

test('sentinels that are away are heard of, and asked again', async () => {
  const connection = connectForDecisions(parseRedisUrl('redis+sentinel://127.0.0.1:1/main')!);
  connection.on('error', () => undefined);
  const attempt = connectOnce(connection).catch((error: Error) => String(error.cause));
  const silence = systemTimers.sleep(2_000).then(() => 'not a word');
  expect(await Promise.race([attempt, silence])).toContain('All sentinels are unreachable');
  expect(connection.status).not.toBe('end');
  connection.disconnect();
});

describe('a REDIS_URL of several addresses', () => {
  test('has a user, a password with what is percent-encoded in it, and addresses of both kinds', () => {
    expect(parseRedisUrl('rediss+cluster://shop:p%40ss:w/rd@[::1]:7000,redis.example')).toEqual({
      kind: 'cluster',
      nodes: [
        { host: '::1', port: 7_000 },
        { host: 'redis.example', port: 6_379 },
      ],
      tls: true,
      username: 'shop',
      password: 'p@ss:w/rd',
    });
    expect(parseRedisUrl('redis+sentinel://:secret@a,b:2/main')).toEqual({
      kind: 'sentinel',
      name: 'main',
      nodes: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 2 },
      ],
      tls: false,
      password: 'secret',
    });
  });

  test.each([
    ['a user alone', 'redis+cluster://shop@a:1'],
    ['two users', 'redis+cluster://shop:one@a:1,shop:two@b:1'],
    ['half a percent-encoding', 'redis+cluster://:100%@a:1'],
  ])('with %s is refused', (_, url) => {
    expect(parseRedisUrl(url)).toBeUndefined();
  });

  test('with TLS says nothing in the clear, to the sentinels neither, and both hear who asks', () => {
    const connection = connectForDecisions(parseRedisUrl('rediss+sentinel://shop:secret@127.0.0.1:1/main')!);
    expect((connection as Redis).options).toMatchObject({
      tls: {},
      enableTLSForSentinelMode: true,
      sentinelTLS: {},
      username: 'shop',
      password: 'secret',
      sentinelUsername: 'shop',
      sentinelPassword: 'secret',
    });
    connection.disconnect();
  });
});
