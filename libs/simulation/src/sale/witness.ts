/**
 * What the buyers were told, against what there was to sell. The figures of a simulation come from here and never from the
 * system under test: an acknowledgement is a unit gone, whatever anybody else believes about the stock.
 *
 * A unit counts as given away from its acknowledgement until its buyer asks to give it back or its hold has reached the promised
 * time. So a unit that is resold at that instant is not counted twice, and one that is resold earlier is.
 */
import type { PlannedLine } from '../scenario/plan.js';

export type Acknowledgement = {
  readonly id: string;
  readonly buyerId: string;
  readonly lines: readonly PlannedLine[];
  readonly atMs: number;
  /** The promised end of the hold; null: it is sold. */
  readonly expiresAtMs: number | null;
};

type Held = Acknowledgement & { live: boolean; expiresAtMs: number | null };
type Sku = {
  units: number;
  given: number;
  /** The most that was given away beyond what there was. */
  over: number;
};

export class Witness {
  private readonly skus = new Map<string, Sku>();
  private readonly held = new Map<string, Held>();
  /** Holds in the order of their promised end. */
  private readonly ends: { readonly atMs: number; readonly held: Held }[] = [];
  private endsSeen = 0;
  private readonly unitsOfBuyers = new Map<string, number>();
  private limitBroken = 0;
  private twice = 0;

  constructor(private readonly buyerLimit: number | null = null) {}

  stocked(sku: string, units: number): void {
    this.skus.set(sku, { units, given: 0, over: 0 });
  }

  /** Before it is asked for: from now on the units may be there. */
  restocking(sku: string, units: number): void {
    this.sku(sku).units += units;
  }

  acknowledged(acknowledgement: Acknowledgement): void {
    this.lapse(acknowledgement.atMs);
    // One answer under two keys: the second buyer was promised what the first has.
    if (this.held.has(acknowledgement.id)) this.twice += 1;
    const held: Held = { ...acknowledgement, live: false };
    this.held.set(acknowledgement.id, held);
    if (held.expiresAtMs !== null) this.willEnd(held, held.expiresAtMs);
    this.give(held);
  }

  /** Before it is asked for: from now on somebody else may have the units. */
  givingBack(id: string): void {
    const held = this.held.get(id);
    if (held) this.take(held);
  }

  /** It is sold: it ends no more. */
  confirmed(id: string): void {
    const held = this.held.get(id);
    if (!held) return;
    held.expiresAtMs = null;
    if (!held.live) this.give(held);
  }

  /** Units beyond those there were, at the worst moment of each SKU. */
  oversold(): number {
    return this.sum(({ over }) => over);
  }

  /**
   * Units left over though they were wanted: those of carts that could still be filled whole.
   * @param unserved the carts of buyers who got nothing
   */
  undersold(nowMs: number, unserved: Iterable<readonly PlannedLine[]>): number {
    this.lapse(nowMs);
    const left = new Map(Array.from(this.skus, ([sku, { units, given }]) => [sku, units - given]));
    let wanted = 0;
    for (const lines of unserved) {
      if (!lines.every(({ sku, quantity }) => left.get(sku)! >= quantity)) continue;
      for (const { sku, quantity } of lines) {
        left.set(sku, left.get(sku)! - quantity);
        wanted += quantity;
      }
    }
    return wanted;
  }

  unitsLeft(nowMs: number): number {
    this.lapse(nowMs);
    return this.sum(({ units, given }) => units - given);
  }

  /** Acknowledgements that took a buyer above the limit. */
  get beyondLimit(): number {
    return this.limitBroken;
  }

  /** Reservations that were acknowledged to two requests. */
  get acknowledgedTwice(): number {
    return this.twice;
  }

  /** Those whose units are gone as far as their buyers know. */
  live(nowMs: number): readonly Acknowledgement[] {
    this.lapse(nowMs);
    return [...this.held.values()].filter(({ live }) => live);
  }

  all(): readonly Acknowledgement[] {
    return [...this.held.values()];
  }

  private give(held: Held): void {
    held.live = true;
    for (const { sku, quantity } of held.lines) {
      const of = this.sku(sku);
      of.given += quantity;
      of.over = Math.max(of.over, of.given - of.units);
      const buyer = `${sku} ${held.buyerId}`;
      const has = (this.unitsOfBuyers.get(buyer) ?? 0) + quantity;
      this.unitsOfBuyers.set(buyer, has);
      if (this.buyerLimit !== null && has > this.buyerLimit) this.limitBroken += 1;
    }
  }

  private take(held: Held): void {
    if (!held.live) return;
    held.live = false;
    for (const { sku, quantity } of held.lines) {
      this.sku(sku).given -= quantity;
      const buyer = `${sku} ${held.buyerId}`;
      this.unitsOfBuyers.set(buyer, this.unitsOfBuyers.get(buyer)! - quantity);
    }
  }

  /** Answers overtake each other a little, so the place is near the end. */
  private willEnd(held: Held, atMs: number): void {
    let place = this.ends.length;
    while (place > this.endsSeen && this.ends[place - 1]!.atMs > atMs) place -= 1;
    this.ends.splice(place, 0, { atMs, held });
  }

  /** Takes back what is held past its promised end. */
  private lapse(nowMs: number): void {
    for (; this.endsSeen < this.ends.length; this.endsSeen += 1) {
      const { atMs, held } = this.ends[this.endsSeen]!;
      if (atMs > nowMs) return;
      if (held.expiresAtMs !== null) this.take(held);
    }
  }

  private sku(sku: string): Sku {
    const found = this.skus.get(sku);
    if (!found) throw new Error(`the witness knows no SKU ${sku}`);
    return found;
  }

  private sum(of: (sku: Sku) => number): number {
    return [...this.skus.values()].reduce((sum, sku) => sum + of(sku), 0);
  }
}
