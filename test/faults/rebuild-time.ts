/**
 * How long Redis is closed when it lost everything: holds of the ledger, brought back for the next epoch by the code that
 * does it in the service.
 */
import { migrate, openPostgres, PartitionRepository } from '#ledger';
import { connectForDecisions, systemClock } from '#platform';
import { RedisStockStore } from '#stock';
import { fillLedger } from '../fixtures/full-ledger.js';
import { openFolder } from './servers/folder.js';
import { PostgresNode } from './servers/postgres-node.js';
import { RedisNode } from './servers/redis-node.js';

const skusOf = (holds: number): number => Math.ceil(holds / 1_000);

/** Answers with the seconds that it took. */
export async function measureRebuild(holds: number): Promise<number> {
  const folder = openFolder();
  const [postgres, node] = await Promise.all([
    PostgresNode.start(),
    RedisNode.start({ folder, name: 'redis', fsync: 'everysec' }),
  ]);
  const db = openPostgres(postgres.urlOf('postgres'), () => undefined, { queryTimeoutMs: 600_000 });
  const redis = connectForDecisions({ kind: 'standalone', url: node.url });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await migrate(db);
    const partitions = new PartitionRepository(db);
    await partitions.initialise(1);
    await fillLedger(db, { holds, skus: skusOf(holds) });
    const store = new RedisStockStore(redis, 'holdfast', systemClock, () => undefined);
    const startedMs = performance.now();
    const begun = await partitions.begin(0, 0, async (next, _, records) => {
      const incarnation = await store.restore(next, records);
      return { sequence: 0, incarnation, reason: 'measured' };
    });
    await store.admit(0, begun!);
    const seconds = (performance.now() - startedMs) / 1_000;
    const state = await store.state(0);
    if (state.holds !== holds) throw new Error(`${state.holds} holds were brought back of ${holds}`);
    return seconds;
  } finally {
    redis.disconnect();
    await db.destroy();
    await Promise.all([postgres.stop(), node.stop()]);
    await folder.stop();
  }
}
