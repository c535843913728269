/**
 * How long Redis is closed when it lost everything: holds of the ledger, brought back for the next epoch by the code that
 * does it in the service.
 */
import { migrate, openPostgres, PartitionRepository, sql, type Database } from '#ledger';
import { connectForDecisions, systemClock } from '#platform';
import { RedisStockStore } from '#stock';
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
    await fill(db, holds, skusOf(holds));
    const store = new RedisStockStore(redis, 'holdfast', systemClock, () => undefined);
    const startedMs = performance.now();
    const rebuilt = await partitions.rebuild(0, 0, 'measured', (at, records) => store.restore(at, records));
    await store.admit(rebuilt!);
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

/** A ledger with so many holds of one unit each, by as many buyers. */
async function fill(db: Database, holds: number, skus: number): Promise<void> {
  const perSku = Math.ceil(holds / skus);
  const ids = sql`select i, md5(i::text)::uuid as id, 'sku-' || (i % ${skus}::int) as sku, 'buyer-' || i as buyer
    from generate_series(0, ${holds}::int - 1) i`;
  await sql`insert into skus (sku, partition, on_hand, held, committed, hold_ttl_seconds, version, created_at)
    select 'sku-' || i, 0, 2 * ${perSku}::int, (${holds}::int - i + ${skus}::int - 1) / ${skus}::int, 0, 600, 1, now()
    from generate_series(0, ${skus}::int - 1) i`.execute(db);
  await sql`insert into reservations (id, status, buyer_id, partitions, created_at, expires_at)
    select id, 'held', buyer, '{0}', now(), now() + interval '1 hour' from (${ids}) h`.execute(db);
  await sql`insert into reservation_lines (reservation_id, sku, quantity, partition, state, created_at)
    select id, sku, 1, 0, 'held', now() from (${ids}) h`.execute(db);
  await sql`insert into buyer_units (sku, buyer_id, held, committed)
    select sku, buyer, 1, 0 from (${ids}) h`.execute(db);
  for (const table of ['skus', 'reservations', 'reservation_lines', 'buyer_units'])
    await sql`analyze ${sql.table(table)}`.execute(db);
}
