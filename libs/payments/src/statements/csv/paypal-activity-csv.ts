/**
 * PayPal's activity download and its monthly statement, in any of its languages. A transaction id names several rows: the
 * two sides of a currency conversion, a payment, its hold and the release of the hold. So a row is known by transaction id,
 * currency, direction and time of day, as the file writes it, then by its count. Not by its date, whose order is guessed
 * from the rows around it, nor by its type, which is in another language elsewhere: a payment and its release may come in
 * files of different days, the later one first. Rows that have moved no money
 * (pending, denied, memo) are kept under an id of their own, with their status: when the transaction completes, its row is
 * new. Nothing is tied out: a download states no payout and no balance that its rows would have to add up to.
 */
import type { ProviderTransaction } from '../../provider-transaction.js';
import type { StatementItem } from '../../statement.js';
import { currencyOf, minorUnits } from '../amount.js';
import { zoneOffsetMs } from '../moment.js';
import { readOrQuarantine } from '../row-error.js';
import { contentHash, numbered, Occurrences } from '../row-identity.js';
import { csvReader, plainName, type Header, type Row, type Table } from './csv-table.js';
import { paypalMoment, StyleSearch, type Style } from './paypal-style.js';
import { columnNames, kindOfEvent, kindOfType, movesMoney } from './paypal-words.js';

export const paypalActivityCsv = csvReader({
  format: 'paypal-activity-csv',
  provider: 'paypal',
  expects:
    '"Date", "Type" (or "Description"), "Currency", "Gross", "Net" and "Transaction ID", or their names in another language',
  open: (header) => PaypalTable.open(header),
});

type Columns = Record<'date' | 'type' | 'currency' | 'gross' | 'net' | 'transactionId', number> &
  Record<
    'time' | 'zone' | 'status' | 'fee' | 'reference' | 'impact' | 'invoice' | 'custom' | 'eventCode',
    number | undefined
  >;

/** So many rows are looked at before the file's style is guessed. */
const rowsWaitingMax = 1000;
const charactersWaitingMax = 4_194_304;

class PaypalTable implements Table {
  private readonly occurrences = new Occurrences();
  private readonly search: StyleSearch;
  private style: Style | null = null;
  private waiting: Row[] = [];
  private charactersWaiting = 0;

  private constructor(
    private readonly columns: Columns,
    english: boolean,
  ) {
    this.search = new StyleSearch(english);
  }

  static open(header: Header): PaypalTable | null {
    const entries = Object.entries(columnNames).map(
      ([name, names]) => [name, header.find(...names)] as const,
    );
    const columns = Object.fromEntries(entries) as Record<keyof typeof columnNames, number | undefined>;
    const { date, type, currency, gross, net, transactionId } = columns;
    if ([date, type, currency, gross, net, transactionId].includes(undefined)) return null;
    return new PaypalTable(columns as Columns, header.find('gross') !== undefined);
  }

  *row(row: Row): Iterable<StatementItem> {
    if (this.style !== null) {
      yield this.read(row, this.style);
      return;
    }
    const { date, zone, gross, fee, net } = this.columns;
    this.search.see(row.text(date), row.text(zone), [row.text(gross), row.text(fee), row.text(net)]);
    this.waiting.push(row);
    this.charactersWaiting += row.length;
    const full = this.waiting.length >= rowsWaitingMax || this.charactersWaiting >= charactersWaitingMax;
    this.style = full ? this.search.likely : this.search.certain;
    if (this.style !== null) yield* this.readWaiting(this.style);
  }

  *end(): Iterable<StatementItem> {
    if (this.waiting.length > 0) yield* this.readWaiting(this.search.likely);
  }

  private *readWaiting(style: Style): Iterable<StatementItem> {
    const rows = this.waiting;
    this.waiting = [];
    for (const row of rows)
      yield readOrQuarantine(
        row.line,
        () => row.shown,
        () => this.read(row, style),
      );
  }

  private read(row: Row, style: Style): StatementItem {
    const { columns } = this;
    const currency = currencyOf(row.text(columns.currency), 'Currency');
    const amounts = this.amounts(row, currency, style);
    const local = paypalMoment(row.text(columns.date), row.text(columns.time), style.order);
    const type = plainName(row.text(columns.type));
    const status = plainName(row.text(columns.status));
    const gross = amounts.gross.value;
    const moves = movesMoney({ status, impact: plainName(row.text(columns.impact)), type, gross });
    const kind = moves
      ? (kindOfEvent(row.text(columns.eventCode), gross) ?? kindOfType(type, gross))
      : 'memo';
    const reference = row.optional(columns.reference);
    const transactionId = row.optional(columns.transactionId);
    const transaction: ProviderTransaction = {
      kind,
      ...(moves ? amounts : { ...amounts, fee: null, net: { value: 0, currency } }),
      paymentReference: kind === 'charge' ? transactionId : (reference ?? transactionId),
      merchantReference: row.optional(columns.invoice) ?? row.optional(columns.custom),
      payoutId: null,
      occurredAtMs: local - zoneOffsetMs(row.text(columns.zone), local),
      // A completed payment is called refunded later on; it is the same row all the same.
      raw: moves ? row.json(columns.status) : row.json(),
      id: this.idOf(row, [
        currency,
        gross < 0 ? 'debit' : 'credit',
        timeOfDay(local),
        moves ? '' : status || 'memo',
      ]),
    };
    return { kind: 'transaction', line: row.line, transaction, batch: null };
  }

  /** PayPal writes fees as it books them, negative where they cost; statements of some years do not. */
  private amounts(
    row: Row,
    currency: string,
    { mark }: Style,
  ): Pick<ProviderTransaction, 'gross' | 'fee' | 'net'> {
    const { columns } = this;
    const gross = minorUnits(row.text(columns.gross), currency, 'Gross', mark);
    const booked = minorUnits(row.text(columns.fee), currency, 'Fee', mark);
    const netText = row.text(columns.net);
    const net = netText === '' ? gross + booked : minorUnits(netText, currency, 'Net', mark);
    const fee = gross - booked === net ? booked : 0 - booked;
    return {
      gross: { value: gross, currency },
      fee: { value: fee, currency },
      net: { value: net, currency },
    };
  }

  private idOf(row: Row, movement: readonly string[]): string {
    const { date, time, type, status, gross, net, reference, invoice, transactionId } = this.columns;
    const columns = [date, time, type, status, gross, net, reference, invoice];
    const known = row.optional(transactionId) ?? contentHash(...columns.map((column) => row.text(column)));
    const id = [known, ...movement.filter((part) => part !== '')].join(':');
    return numbered(id, this.occurrences.count(id));
  }
}

/** 10:01:15 as 100115; empty at midnight, which is also what a row without a time is taken to be. */
const timeOfDay = (localMs: number): string =>
  new Date(localMs).toISOString().slice(11, 19).replaceAll(':', '').replace(/^0+$/, '');
