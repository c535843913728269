import { expect, test } from '@jest/globals';
import { Worker } from 'bullmq';
import { connectForQueues, systemTimers, type RedisTarget } from '#platform';
import { openQueues } from './queues.js';

/** Nobody listens there. */
const away: RedisTarget = { kind: 'cluster', nodes: [{ host: '127.0.0.1', port: 1 }], tls: false };
const sleep = (ms: number): Promise<void> => systemTimers.sleep(ms);

// What BullMQ opens fails once and for all when its first connection does: the queue would be of no use to this process
// any more, and its worker would ask again in the same turn, for ever.
test('a queue that is opened while the cluster is away waits for it', async () => {
  const queues = openQueues(away, [], { onError: () => undefined, sleep });
  const opened = queues.general.waitUntilReady().then(
    () => 'is open',
    (error: unknown) => String(error),
  );
  expect(await Promise.race([opened, sleep(1_000).then(() => 'waits')])).toBe('waits');
  await queues.close();
});

test('a worker that is opened while the cluster is away leaves the process to others', async () => {
  const connection = connectForQueues(away);
  connection.on('error', () => undefined);
  const errors: Error[] = [];
  const worker = new Worker('nobody', async () => undefined, { connection });
  worker.on('error', (error) => {
    errors.push(error);
    // Or this test would never end.
    if (errors.length > 100) void worker.close(true);
  });
  await sleep(1_000);
  expect(errors.length).toBeLessThan(100);
  await worker.close(true);
  connection.disconnect();
});
