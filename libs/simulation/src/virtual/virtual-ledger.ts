/**
 * The ledger in memory, for virtual time: it takes the journal as the real one does, in order, without gaps and each entry once
 * (`test/contract/ledger-writer.suite.ts` tests both), and knows every reservation. A commit takes virtual time. It leaves out
 * levels, payments and answers under keys: a virtual sale keeps them elsewhere, or has none.
 */
import { crc32 } from 'node:zlib';
import type { JournalEntry, JournalPosition, Order, Reservation, ReservationLine } from '#domain';
import { type CommitBatch, type CommitResult, type LedgerWriter, orderIdOf } from '#ledger';
import type { Timers } from '#platform';

type Mutable<Type> = { -readonly [Name in keyof Type]: Type[Name] };
type Refused = Exclude<CommitResult, { kind: 'committed' }>;

export class VirtualLedger implements LedgerWriter {
  private readonly reservations = new Map<string, Mutable<Reservation>>();
  private readonly orders = new Map<string, Order>();
  /** Of each partition, a digest of every entry in the order of its journal. */
  private readonly journals = new Map<number, number[]>();

  constructor(
    private readonly timers: Pick<Timers, 'sleep'>,
    private readonly commitMs: number,
    private readonly epoch: number,
  ) {}

  async commit({ entries, requires }: CommitBatch): Promise<CommitResult> {
    await this.timers.sleep(this.commitMs);
    const positions = new Map<number, number>();
    const refused = this.refusalOf(entries, requires, positions);
    if (refused) return refused;
    for (const entry of entries) {
      if (entry.sequence <= this.positionOf(entry.partition)) continue;
      const journal = this.journals.get(entry.partition) ?? [];
      journal.push(digestOf(entry));
      this.journals.set(entry.partition, journal);
      this.apply(entry);
    }
    return { kind: 'committed', earlier: [] };
  }

  /** What is in the way of a batch, looked for before any of it is taken. `positions`: where the batch would lead. */
  private refusalOf(
    entries: readonly JournalEntry[],
    requires: readonly JournalPosition[],
    positions: Map<number, number>,
  ): Refused | undefined {
    for (const entry of entries) {
      const { partition, epoch, sequence } = entry;
      const after = positions.get(partition) ?? this.positionOf(partition);
      if (epoch !== this.epoch) return { kind: 'fenced', partition, epoch: this.epoch };
      if (sequence > after + 1) return { kind: 'gap', partition, epoch, after };
      if (sequence === after + 1) positions.set(partition, sequence);
      else if (sequence <= this.positionOf(partition)) {
        if (this.journals.get(partition)![sequence - 1] !== digestOf(entry))
          return { kind: 'clash', partition };
      }
    }
    for (const { partition, epoch, sequence } of requires) {
      const after = positions.get(partition) ?? this.positionOf(partition);
      if (epoch !== this.epoch) return { kind: 'fenced', partition, epoch: this.epoch };
      if (sequence > after) return { kind: 'gap', partition, epoch, after };
    }
    return undefined;
  }

  async find(id: string): Promise<Reservation | undefined> {
    const found = this.reservations.get(id);
    return found && { ...found };
  }

  async firstMade(id: string): Promise<Reservation | undefined> {
    const found = this.reservations.get(id);
    return found && { ...found, status: 'held' };
  }

  async findOrder(id: string): Promise<Order | undefined> {
    return this.orders.get(id);
  }

  /** The last entry of a partition's journal that it has. */
  positionOf(partition: number): number {
    return this.journals.get(partition)?.length ?? 0;
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
      case 'extended':
        this.reservations.get(entry.reservationId)!.expiresAtMs = entry.expiresAtMs;
        return;
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

/** By the same as the ledger compares entries. */
function digestOf(entry: JournalEntry): number {
  return crc32(`${entry.kind} ${entry.atMs} ${'reservationId' in entry ? entry.reservationId : ''}`);
}
