/** The levels of a partition's SKUs and what each buyer has of them: numbers that only ever move together. */
import { assert, availableOf, type StockLevel } from '#domain';

type Mutable<Type> = { -readonly [Name in keyof Type]: Type[Name] };
export type Level = Mutable<StockLevel>;
export type BuyerUnits = { reservationId: string | null; held: number; committed: number };

export class StockShelf {
  readonly levels = new Map<string, Level>();
  private readonly buyers = new Map<string, BuyerUnits>();

  levelOf(sku: string): Level {
    const level = this.levels.get(sku);
    assert(level, 'a SKU that is held or sold is unknown', { sku });
    return level;
  }

  /** Of those SKUs that there are. */
  levelsOf(skus: readonly string[]): StockLevel[] {
    return skus.flatMap((sku) => {
      const level = this.levels.get(sku);
      return level ? [{ ...level }] : [];
    });
  }

  /** Moves the level and says so with a new version. */
  move(level: Level, change: { onHand?: number; held?: number; committed?: number }): number {
    level.onHand += change.onHand ?? 0;
    level.held += change.held ?? 0;
    level.committed += change.committed ?? 0;
    assert(level.held >= 0 && level.committed >= 0 && availableOf(level) >= 0, 'I1 would break', {
      ...level,
    });
    level.version += 1;
    return level.version;
  }

  buyerOf(sku: string, buyerId: string): BuyerUnits {
    return this.buyers.get(`${sku} ${buyerId}`) ?? { reservationId: null, held: 0, committed: 0 };
  }

  putBuyer(sku: string, buyerId: string, units: BuyerUnits): void {
    if (units.held === 0 && units.committed === 0) this.buyers.delete(`${sku} ${buyerId}`);
    else this.buyers.set(`${sku} ${buyerId}`, units);
  }

  moveBuyer(sku: string, buyerId: string, change: Partial<BuyerUnits>): void {
    const units = this.buyerOf(sku, buyerId);
    const held = units.held + (change.held ?? 0);
    const committed = units.committed + (change.committed ?? 0);
    assert(held >= 0 && committed >= 0, 'a buyer would hold less than nothing', { sku, buyerId });
    const reservationId = change.reservationId === undefined ? units.reservationId : change.reservationId;
    this.putBuyer(sku, buyerId, { reservationId, held, committed });
  }
}
