/**
 * A PostgreSQL of ours as a source of transactions: read by the snapshot's horizon instead of by time.
 *
 * Every row bears the database transaction that wrote it. Below `pg_snapshot_xmin(pg_current_snapshot())` all of them have
 * ended, so what is visible there is all that ever will be: read in the order of `(xid, id)` nothing is lost and
 * nothing comes twice, however long writers take. A window is a range of database transactions.
 *
 * A replica shows an older state. It is read only when it has replayed what the primary had written at the start.
 */
import { sql } from 'kysely';
import { assert, UnavailableError } from '#domain';
import type { Database } from '#ledger';
import type {
  ProviderTransaction,
  SourcePage,
  SourceWindow,
  TransactionKind,
  TransactionSource,
} from '#payments';

export type PostgresSourceOptions = {
  readonly provider: string;
  readonly account: string;
  /** The database that is written to: its horizon counts. */
  readonly primary: Database;
  /** Where rows are read from; the primary itself when there is no replica. */
  readonly replica?: Database;
  /**
   * A table or view with the columns of a provider's transaction, snake-case, and `xid xid8`: by default
   * `pg_current_xact_id()`, and never written by hand.
   */
  readonly table: string;
};

type Row = {
  id: string;
  kind: TransactionKind;
  gross: number;
  currency: string;
  fee: number | null;
  net: number;
  net_currency: string;
  payment_reference: string | null;
  merchant_reference: string | null;
  payout_id: string | null;
  occurred_at: number;
  raw: string;
  xid: string;
};

const columns = sql`id, kind, gross, currency, fee, net, net_currency, payment_reference, merchant_reference,
  payout_id, occurred_at, raw, xid::text as xid`;

export class PostgresTransactionSource implements TransactionSource {
  readonly clock = 'commits';
  readonly provider: string;
  readonly account: string;

  constructor(private readonly options: PostgresSourceOptions) {
    this.provider = options.provider;
    this.account = options.account;
  }

  /** The horizon: no transaction below it is still open, on the primary. */
  async now(): Promise<number> {
    return (await this.horizon()).xmin;
  }

  async listTransactions(window: SourceWindow, after: string | null, limit: number): Promise<SourcePage> {
    const { primary, replica, table } = this.options;
    const { xmin, written } = await this.horizon();
    if (replica) await refuseBehind(replica, written);
    const [afterXid, afterId] = after === null ? [String(window.from), ''] : positionOf(after);
    const { rows } = await sql<Row>`
      select ${columns} from ${sql.table(table)}
      where xid >= ${String(window.from)}::xid8 and xid < ${String(Math.min(window.until, xmin))}::xid8
        and (xid, id collate "C") > (${afterXid}::xid8, ${afterId})
      order by xid, id collate "C" limit ${limit}`.execute(replica ?? primary);
    const last = rows.at(-1);
    const next = last && rows.length === limit ? `${last.xid} ${last.id}` : null;
    return { transactions: rows.map(toTransaction), next, now: xmin };
  }

  async fetchTransaction(id: string): Promise<ProviderTransaction | null> {
    const { rows } = await sql<Row>`
      select ${columns} from ${sql.table(this.options.table)} where id = ${id}`.execute(this.options.primary);
    return rows[0] ? toTransaction(rows[0]) : null;
  }

  private async horizon(): Promise<{ xmin: number; written: string | null }> {
    const { rows } = await sql<{ xmin: number; written: string | null }>`
      select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin,
        ${this.options.replica ? sql`pg_current_wal_insert_lsn()::text` : sql`null`} as written`.execute(
      this.options.primary,
    );
    assert(rows[0], 'PostgreSQL has no snapshot');
    return rows[0];
  }
}

async function refuseBehind(replica: Database, written: string | null): Promise<void> {
  const { rows } = await sql<{ caught_up: boolean | null }>`
    select pg_last_wal_replay_lsn() >= ${written}::pg_lsn as caught_up`.execute(replica);
  if (rows[0]?.caught_up === true) return;
  throw new UnavailableError(
    'provider-unavailable',
    `the replica has not replayed ${written} of the primary yet`,
    false,
  );
}

function positionOf(after: string): [xid: string, id: string] {
  const space = after.indexOf(' ');
  return [after.slice(0, space), after.slice(space + 1)];
}

function toTransaction(row: Row): ProviderTransaction {
  return {
    id: row.id,
    kind: row.kind,
    gross: { value: row.gross, currency: row.currency },
    fee: row.fee === null ? null : { value: row.fee, currency: row.net_currency },
    net: { value: row.net, currency: row.net_currency },
    paymentReference: row.payment_reference,
    merchantReference: row.merchant_reference,
    payoutId: row.payout_id,
    occurredAtMs: row.occurred_at,
    raw: row.raw,
  };
}
