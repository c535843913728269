import { expect, test } from '@jest/globals';
import { systemTimers } from './adapters/system.js';
import { connectForDecisions, connectForQueues, type RedisTarget } from './redis.js';

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
