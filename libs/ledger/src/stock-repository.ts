/** Stock levels as the ledger has them. */
import { sql } from 'kysely';
import type { StockLevel } from '#domain';
import type { Database } from './database.js';
import { nextPosition, type KeysetPage, type ListPage } from './paging.js';
import type { Schema } from './schema.js';
import { guarded } from './unavailable.js';

export type Adjustment = { readonly sku: string; readonly delta: number; readonly reason: string };

export class StockRepository {
  constructor(private readonly db: Database) {}

  async find(sku: string): Promise<StockLevel | undefined> {
    return (await this.findMany([sku]))[0];
  }

  async findMany(skus: readonly string[]): Promise<StockLevel[]> {
    if (skus.length === 0) return [];
    const found = await guarded(
      this.db
        .selectFrom('skus')
        .selectAll()
        .where('sku', 'in', [...skus])
        .execute(),
    );
    return found.map(toLevel);
  }

  /** An adjustment that the ledger has, by the id of its operation. */
  async adjustment(operationId: string): Promise<Adjustment | undefined> {
    const { rows } = await guarded(
      sql<Adjustment>`
        select body->>'sku' as sku, (body->>'delta')::bigint as delta, body->>'reason' as reason
        from ledger_entries where operation_id = ${operationId}`.execute(this.db),
    );
    return rows[0];
  }

  /** Buyers who hold or have bought units of a SKU; at most `limit`. */
  async buyersOf(sku: string, limit: number): Promise<string[]> {
    const found = await guarded(
      this.db
        .selectFrom('buyer_units')
        .select('buyer_id')
        .where('sku', '=', sku)
        .where(sql<boolean>`held + committed > 0`)
        .limit(limit)
        .execute(),
    );
    return found.map((row) => row.buyer_id);
  }

  /** By SKU, in the order of its bytes. */
  async list(page: KeysetPage): Promise<ListPage<StockLevel>> {
    let query = this.db
      .selectFrom('skus')
      .selectAll()
      .orderBy('sku')
      .limit(page.limit + 1);
    if (page.after) query = query.where('sku', '>', String(page.after[0]));
    return nextPosition(await guarded(query.execute()), page.limit, toLevel, (row) => [row.sku]);
  }
}

/** A row of `skus`. */
export function toLevel(row: Schema['skus']): StockLevel {
  return {
    sku: row.sku,
    onHand: row.on_hand,
    held: row.held,
    committed: row.committed,
    buyerLimit: row.buyer_limit,
    holdTtlSeconds: row.hold_ttl_seconds,
    version: row.version,
  };
}
