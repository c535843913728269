/** SKUs on the wire: their level, what creates them and what adjusts them. */
import { z } from 'zod';
import { quantity, reason, sku, ttlSeconds, units, version } from './scalars.js';

const buyerLimit = quantity
  .nullable()
  .meta({ description: 'Units one buyer may hold or have; null: no limit' });

export const putSkuBody = z.strictObject({
  onHand: units.meta({ description: 'Counts at creation only' }),
  buyerLimit: buyerLimit.optional(),
  holdTtlSeconds: ttlSeconds.optional(),
});
export type PutSkuBody = z.infer<typeof putSkuBody>;

export const adjustBody = z.strictObject({
  delta: z.int().refine((delta) => delta !== 0, { error: 'A delta of zero changes nothing' }),
  reason,
});
export type AdjustBody = z.infer<typeof adjustBody>;

export const stockLevel = z
  .strictObject({
    sku,
    onHand: units,
    available: units,
    held: units,
    committed: units,
    buyerLimit,
    holdTtlSeconds: ttlSeconds,
    version,
  })
  .meta({ id: 'StockLevel' });
export type WireStockLevel = z.infer<typeof stockLevel>;
