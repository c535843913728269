/**
 * Stripe's itemised reports: payout reconciliation, balance change from activity, payouts, and the older balance history
 * of the Dashboard. They differ in their columns' names and agree in their rows, which are balance transactions: a row's id
 * is the one that Stripe's API gives it (txn_…). Amounts are decimals in major units of the settlement currency.
 *
 * The row of a payout states what was paid; the rows that name the payout must add up to it. Some reports state it as what
 * leaves the balance (negative), some as what the bank gets. Fee rows may name no payout and be paid out all the same.
 */
import type { ProviderTransaction, TransactionKind } from '../../provider-transaction.js';
import type { StatementItem } from '../../statement.js';
import { kindOf } from '../../stripe/stripe-kinds.js';
import { currencyOf, minorUnits, type DecimalMark } from '../amount.js';
import { isoMoment } from '../moment.js';
import { RowError } from '../row-error.js';
import { contentHash, numbered, Occurrences } from '../row-identity.js';
import { csvReader, type Header, type Row, type Table } from './csv-table.js';
import { PayoutTotals } from './stripe-payout-totals.js';

export const stripePayoutCsv = csvReader({
  format: 'stripe-payout-csv',
  provider: 'stripe',
  expects: '"balance_transaction_id" (or "id"), "currency", "gross" (or "amount"), "fee" and "net"',
  open: (header) => StripeTable.open(header),
});

type Columns = Record<'currency' | 'gross' | 'fee' | 'net' | 'created' | 'category', number> &
  Record<
    'id' | 'payout' | 'effective' | 'source' | 'charge' | 'paymentIntent' | 'description',
    number | undefined
  > & {
    readonly references: readonly number[];
    /** It is the report of the payouts themselves. */
    readonly ofPayouts: boolean;
  };

class StripeTable implements Table {
  private readonly totals = new PayoutTotals();
  private readonly occurrences = new Occurrences();

  private constructor(
    private readonly columns: Columns,
    private readonly mark: DecimalMark,
  ) {}

  static open(header: Header): StripeTable | null {
    const columns = columnsOf(header);
    return columns === null ? null : new StripeTable(columns, header.decimalMark);
  }

  *row(row: Row): Iterable<StatementItem> {
    const { columns, mark } = this;
    const currency = currencyOf(row.text(columns.currency), 'currency');
    const net = minorUnits(stated(row, columns.net, 'net'), currency, 'net', mark);
    const gross = minorUnits(stated(row, columns.gross, 'gross'), currency, 'gross', mark);
    const fee = minorUnits(row.text(columns.fee), currency, 'fee', mark);
    const occurredAtMs = isoMoment(row.text(columns.created), 'created');
    const source = row.optional(columns.source);
    const kind = kindOf(row.text(columns.category), row.text(columns.description), source);
    const isPayout = kind === 'payout';
    const payoutId = this.payoutOf(row, kind, source);
    const id = row.optional(columns.id) ?? this.idOf(row, payoutId);
    const transaction: ProviderTransaction = {
      id,
      kind,
      gross: { value: gross, currency },
      fee: { value: fee, currency },
      net: { value: net, currency },
      paymentReference: this.paymentOf(row, kind, source),
      merchantReference:
        columns.references.map((column) => row.optional(column)).find((text) => text !== null) ?? null,
      payoutId,
      occurredAtMs,
      raw: row.json(),
    };
    const effective = row.text(columns.effective);
    const isFee = kind === 'fee';
    this.totals.add({ id, line: row.line, isPayout, isFee, payoutId, currency, net, effective });
    yield { kind: 'transaction', line: row.line, transaction, batch: isPayout ? null : payoutId };
  }

  end(): Iterable<StatementItem> {
    return this.totals.balances();
  }

  /** A row without an id, as in reports with columns of one's own choice: whichever others they are, and in what order. */
  private idOf(row: Row, payoutId: string | null): string {
    const { created, currency, gross, fee, net, category, source, charge, paymentIntent, description } =
      this.columns;
    const columns = [
      created,
      currency,
      gross,
      fee,
      net,
      category,
      source,
      charge,
      paymentIntent,
      description,
    ];
    const content = contentHash(...columns.map((column) => row.text(column)));
    return numbered(`${payoutId ?? 'balance'}:${content}`, this.occurrences.count(content));
  }

  /** A payout that came back is named by its row in a report of payouts; elsewhere a row names the payout that carries it. */
  private payoutOf(row: Row, kind: TransactionKind, source: string | null): string | null {
    const named = row.optional(this.columns.payout);
    if (kind === 'payout') return named ?? source;
    const namesItself = kind === 'payout-returned' && (this.columns.ofPayouts || named === source);
    return namesItself ? null : named;
  }

  private paymentOf(row: Row, kind: TransactionKind, source: string | null): string | null {
    const payment = row.optional(this.columns.paymentIntent) ?? row.optional(this.columns.charge);
    return payment ?? (kind === 'charge' ? source : null);
  }
}

/** An amount that must be there: an empty one is none, and not 0. */
function stated(row: Row, column: number, field: string): string {
  const text = row.text(column);
  if (text === '') throw new RowError(`${field} is empty.`);
  return text;
}

function columnsOf(header: Header): Columns | null {
  const currency = header.find('currency');
  const gross = header.find('gross', 'amount', 'gross_amount');
  const fee = header.find('fee', 'fees');
  const net = header.find('net', 'net_amount');
  const created = header.find(
    'created_utc',
    'created (utc)',
    'created',
    'created date (utc)',
    'effective_at_utc',
    'effective_at',
  );
  const category = header.find('reporting_category', 'type', 'balance_transaction_type');
  const id = header.find('balance_transaction_id', 'balance_transaction', 'id');
  const payout = header.find('automatic_payout_id', 'payout_id', 'payout', 'transfer');
  if ([currency, gross, fee, net, created, category].includes(undefined) || (id ?? payout) === undefined)
    return null;
  return {
    ...({ currency, gross, fee, net, created, category } as Record<
      'currency' | 'gross' | 'fee' | 'net' | 'created' | 'category',
      number
    >),
    id,
    payout,
    effective: header.find(
      'automatic_payout_effective_at_utc',
      'automatic_payout_effective_at',
      'transfer date (utc)',
    ),
    source: header.find('source_id', 'source'),
    charge: header.find('charge_id', 'charge'),
    paymentIntent: header.find('payment_intent_id', 'payment_intent'),
    description: header.find('description'),
    ofPayouts: header.find('payout_status', 'payout_type', 'payout_expected_arrival_date') !== undefined,
    references: [
      ...header.findAll(/metadata.*reservation|reservation.*metadata/),
      ...header.findAll(/metadata.*(?:order|reference|externalid)|(?:order|reference|externalid).*metadata/),
      ...header.findAll(/^(?:orderid|clientreferenceid|merchantreference)$/),
    ],
  };
}
