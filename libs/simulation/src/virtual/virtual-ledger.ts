/**
 * The ledger in memory, for virtual time: takes the journal as the real one does, in order, without gaps and each entry
 * once, and knows every reservation. A commit takes its time.
 */
import type { JournalEntry, Order, Reservation, ReservationLine } from '#domain';
import { type CommitBatch, type CommitResult, type LedgerWriter, orderIdOf } from '#ledger';
import type { Timers } from '#platform';

type Mutable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

export class VirtualLedger implements LedgerWriter {
  private readonly reservations = new Map<string, Mutable<Reservation>>();
  private readonly orders = new Map<string, Order>();
  private readonly positions = new Map<number, number>();

  constructor(
    private readonly timers: Pick<Timers, 'sleep'>,
    private readonly commitMs: number,
  ) {}

  async commit({ entries }: CommitBatch): Promise<CommitResult> {
    await this.timers.sleep(this.commitMs);
    for (const entry of entries) {
      const { partition, epoch, sequence } = entry;
      const after = this.positionOf(partition);
      if (sequence <= after) continue;
      if (sequence > after + 1) return { kind: 'gap', partition, epoch, after };
      this.positions.set(entry.partition, entry.sequence);
      this.apply(entry);
    }
    return { kind: 'committed', others: [] };
  }

  async find(id: string): Promise<Reservation | undefined> {
    const found = this.reservations.get(id);
    return found && { ...found };
  }

  async findOrder(id: string): Promise<Order | undefined> {
    return this.orders.get(id);
  }

  /** The last entry of a partition's journal that it has. */
  positionOf(partition: number): number {
    return this.positions.get(partition) ?? 0;
  }

  /** Newest first. */
  async list(
    {
      buyerId,
      status,
      sku,
    }: { buyerId?: string | undefined; status?: string | undefined; sku?: string | undefined },
    { limit }: { readonly limit: number },
  ): Promise<{ data: Reservation[]; next: null }> {
    const data = [...this.reservations.values()].filter(
      (reservation) =>
        (buyerId === undefined || reservation.buyerId === buyerId) &&
        (status === undefined || reservation.status === status) &&
        (sku === undefined || reservation.lines.some((line) => line.sku === sku)),
    );
    return { data: data.toReversed().slice(0, limit), next: null };
  }

  /** What moves a reservation of a sale; levels are the store's to know, here as in a rebuild. */
  private apply(entry: JournalEntry): void {
    switch (entry.kind) {
      case 'held': {
        const { reservationId: id, buyerId, expiresAtMs, metadata, atMs: createdAtMs } = entry;
        const lines = entry.lines.map(({ sku, quantity }): ReservationLine => ({ sku, quantity }));
        const held = { id, buyerId, lines, createdAtMs, expiresAtMs, metadata, orderId: null, paying: null };
        this.reservations.set(id, { ...held, status: 'held' });
        return;
      }
      case 'released':
      case 'expired':
      case 'confirmed': {
        const reservation = this.reservations.get(entry.reservationId)!;
        reservation.status = entry.kind;
        if (entry.kind === 'confirmed') this.sell(reservation, entry.atMs);
        return;
      }
      default:
    }
  }

  private sell(reservation: Mutable<Reservation>, createdAtMs: number): void {
    const { id: reservationId, buyerId, lines } = reservation;
    const id = orderIdOf(reservationId);
    reservation.orderId = id;
    this.orders.set(id, { id, reservationId, buyerId, lines, status: 'confirmed', createdAtMs });
  }
}
