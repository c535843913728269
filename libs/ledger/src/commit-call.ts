/**
 * A batch as the arguments of `ledger_commit` (migrations/0014-lines.ts): each kind of row as columns, each column as
 * one text. What the function does not do is left over, for the writer.
 */
import { sql, type RawBuilder } from 'kysely';
import type { JournalEntry } from '#domain';
import { column, texts } from './columns.js';
import type { Effects, ReservationRow } from './effects.js';
import type { Receipt } from './ledger-writer.js';

/** Which entries are taken from a partition, and how far it must be then. */
export type PositionChange = {
  readonly partition: number;
  readonly epoch: number;
  /** Where the ledger must be for these entries to be the next ones. */
  readonly before: number;
  /** The same as `before`: none are taken. */
  readonly after: number;
  readonly required: number;
};

export type CommitReply = null | {
  /** In the way: nothing was written. */
  readonly positions?: readonly { readonly partition: number; readonly epoch: number | null }[];
  /** What keys of the receipts, by index, had been answered with before. */
  readonly kept?: readonly {
    readonly index: number;
    readonly same: boolean;
    readonly status: number;
    readonly body: string;
  }[];
};

/** The call, for `positions`, the entries taken, what they come to, and the receipts. */
export function commitCall(batch: {
  readonly positions: readonly PositionChange[];
  readonly entries: readonly JournalEntry[];
  readonly effects: Effects;
  readonly receipts: readonly Receipt[];
}): RawBuilder<{ reply: CommitReply }> {
  const { positions, entries, receipts } = batch;
  const levels = batch.effects.levels.filter(isMove);
  const buyers = batch.effects.buyers.filter(isGrant);
  const columns = [
    column(positions, ({ partition }) => partition),
    column(positions, ({ epoch }) => epoch),
    column(positions, ({ before }) => before),
    column(positions, ({ after }) => after),
    column(positions, ({ required }) => required),
    column(entries, ({ partition }) => partition),
    column(entries, ({ epoch }) => epoch),
    column(entries, ({ sequence }) => sequence),
    column(entries, ({ kind }) => kind),
    column(entries, ({ atMs }) => atMs),
    column(entries, reservationOf),
    column(entries, operationOf),
    sql`${texts(entries, bodyOf)}::json[]`,
    column(levels, ({ sku }) => sku),
    column(levels, ({ on_hand }) => on_hand),
    column(levels, ({ held }) => held),
    column(levels, ({ committed }) => committed),
    column(levels, ({ version }) => version),
    ...reservationColumns(batch.effects.reservations),
    column(buyers, ({ sku }) => sku),
    column(buyers, ({ buyer_id }) => buyer_id),
    column(buyers, ({ held }) => held),
    column(buyers, ({ committed }) => committed),
    column(buyers, ({ buyer_limit }) => buyer_limit),
    Buffer.concat(receipts.map(({ keyDigest }) => keyDigest)),
    Buffer.concat(receipts.map(({ fingerprint }) => fingerprint)),
    column(receipts, ({ status }) => status),
    texts(receipts, ({ body }) => body),
  ];
  return sql<{ reply: CommitReply }>`select ledger_commit(${sql.join(columns)}) as reply`;
}

/** New reservations, each with the number of its cart, because in a sale many are the same. */
function reservationColumns(reservations: Effects['reservations']): unknown[] {
  const carts = new Map<string, number>();
  const cartOf = (row: ReservationRow): number => {
    const { partitions: list, lines, held_in, committed_in } = row;
    const cart = JSON.stringify({ partitions: list, lines, held_in, committed_in });
    if (!carts.has(cart)) carts.set(cart, carts.size + 1);
    return carts.get(cart)!;
  };
  const listed = reservations
    .filter(isOfSeveral)
    .flatMap(({ id, created_at, partitions, lines }) =>
      lines.map(({ sku }) => ({ sku, created_at, id, part: String(partitions.length > 1) })),
    );
  return [
    column(reservations, ({ id }) => id),
    column(reservations, ({ status }) => status),
    column(reservations, ({ buyer_id }) => buyer_id),
    column(reservations, cartOf),
    column(reservations, ({ metadata }) => metadata),
    column(reservations, ({ created_at }) => created_at),
    column(reservations, ({ expires_at }) => expires_at),
    texts([...carts.keys()], (cart) => cart),
    column(listed, ({ sku }) => sku),
    column(listed, ({ created_at }) => created_at),
    column(listed, ({ id }) => id),
    column(listed, ({ part }) => part),
  ];
}

/** A level that exists, and moves; one that is created or gets another policy is written by itself. */
export const isMove = (level: Effects['levels'][number]): boolean => !level.created && !level.policy;

/** One that its SKUs find by `cart_skus`. */
const isOfSeveral = ({ partitions, lines }: ReservationRow): boolean =>
  partitions.length > 1 || lines.length > 1;

/** A buyer who only gains, so that nothing has to be there yet. */
export const isGrant = (buyer: Effects['buyers'][number]): boolean =>
  buyer.granted && buyer.held >= 0 && buyer.committed >= 0;

export function reservationOf(entry: JournalEntry): string | null {
  return 'reservationId' in entry ? entry.reservationId : null;
}

function operationOf(entry: JournalEntry): string | null {
  return 'operationId' in entry ? entry.operationId : null;
}

/** What has a column of its own is left out of an entry's body. */
const inColumns = {
  partition: undefined,
  epoch: undefined,
  sequence: undefined,
  kind: undefined,
  atMs: undefined,
  reservationId: undefined,
  operationId: undefined,
};

function bodyOf(entry: JournalEntry): string {
  return JSON.stringify({ ...entry, ...inColumns });
}
