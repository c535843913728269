/**
 * Who has units of a SKU that has sold out: read once from the ledger, and kept current by the news. Until the ledger's list is
 * in, no buyer is known to have nothing; nor ever again, once there are too many to remember.
 */
export class SkuBuyers {
  /** The sequence of the last word on each buyer who has units. */
  private readonly lastWord = new Map<string, number>();
  private state: 'begun' | 'complete' | 'too-many' = 'begun';

  constructor(private readonly buyersMax: number) {}

  /** What they have at a sequence, held and bought. */
  heard(buyerId: string, units: number, sequence: number): void {
    if (units > 0) this.add(buyerId, sequence);
    else if ((this.lastWord.get(buyerId) ?? 0) <= sequence) this.lastWord.delete(buyerId);
  }

  /** Everybody whom the ledger knows; what was heard meanwhile is newer. */
  complete(buyerIds: readonly string[]): void {
    for (const buyerId of buyerIds) if (!this.lastWord.has(buyerId)) this.add(buyerId, 0);
    if (this.state === 'begun') this.state = 'complete';
  }

  hasNothing(buyerId: string): boolean {
    return this.state === 'complete' && !this.lastWord.has(buyerId);
  }

  private add(buyerId: string, sequence: number): void {
    if (this.state === 'too-many') return;
    this.lastWord.set(buyerId, sequence);
    if (this.lastWord.size <= this.buyersMax) return;
    this.state = 'too-many';
    this.lastWord.clear();
  }
}
