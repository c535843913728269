/** The ledger's tables as the queries see them (migrations/ makes them). */
import type { ColumnType, Generated } from 'kysely';
import type { OrderStatus, ReservationStatus } from '#domain';

export type LineState = 'held' | 'committed' | 'returned';

export type Schema = {
  settings: { name: string; value: string };
  partitions: { partition: number; epoch: number; sequence: number };
  skus: {
    sku: string;
    partition: number;
    on_hand: number;
    held: number;
    committed: number;
    buyer_limit: number | null;
    hold_ttl_seconds: number;
    version: number;
    created_at: Date;
  };
  buyer_units: { sku: string; buyer_id: string; held: number; committed: number; buyer_limit: number | null };
  reservations: {
    id: string;
    status: ReservationStatus | 'pending';
    buyer_id: string;
    partitions: number[];
    metadata: string | null;
    created_at: Date;
    expires_at: Date;
  };
  reservation_lines: {
    reservation_id: string;
    sku: string;
    quantity: number;
    partition: number;
    state: LineState;
    created_at: Date;
  };
  orders: {
    id: string;
    reservation_id: string;
    buyer_id: string;
    status: OrderStatus;
    payment_id: string | null;
    created_at: Date;
  };
  ledger_entries: {
    partition: number;
    epoch: number;
    sequence: number;
    kind: string;
    at: Date;
    reservation_id: string | null;
    operation_id: string | null;
    body: ColumnType<unknown, string>;
  };
  idempotency_keys: {
    digest: Buffer;
    fingerprint: Buffer;
    claimed_at: Date;
    status: number | null;
    body: string | null;
  };
  outbox: {
    id: Generated<number>;
    kind: string;
    reservation_id: string;
    created_at: Generated<Date>;
    done_at: Date | null;
  };
};
