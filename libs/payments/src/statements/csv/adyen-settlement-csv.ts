/**
 * Adyen's settlement details report. A settlement batch of a merchant account collects rows and is paid out, in each of
 * its currencies: what a MerchantPayout row takes out must be what the batch's other rows brought in. A batch that pays
 * nothing out moves its balance to the next one (Balancetransfer) and has nothing to tie.
 *
 * No column identifies a row. Payments and what becomes of them are known by batch, type, PSP reference, modification
 * reference and currency; fees, transfers and payouts by what they say; either by their count among equal rows.
 */
import type { ProviderTransaction, TransactionKind } from '../../provider-transaction.js';
import type { StatedBalance, StatementItem, StatementLink } from '../../statement.js';
import { currencyOf, minorUnits, type DecimalMark } from '../amount.js';
import { isoMoment } from '../moment.js';
import { RowError } from '../row-error.js';
import { contentHash, numbered, Occurrences } from '../row-identity.js';
import { detached } from '../text.js';
import { csvReader, plainName, type Header, type Row, type Table } from './csv-table.js';

export const adyenSettlementCsv = csvReader({
  format: 'adyen-settlement-csv',
  provider: 'adyen',
  expects:
    '"Merchant Account", "Psp Reference", "Type", "Net Currency", "Net Debit (NC)", "Net Credit (NC)" and "Batch Number"',
  open: (header) => AdyenTable.open(header),
});

type Columns = Record<
  'account' | 'psp' | 'type' | 'netCurrency' | 'netDebit' | 'netCredit' | 'batch' | 'created',
  number
> &
  Record<
    | 'zone'
    | 'modification'
    | 'merchantReference'
    | 'modificationMerchantReference'
    | 'grossCurrency'
    | 'grossDebit'
    | 'grossCredit'
    | 'variant',
    number | undefined
  > & { readonly costs: readonly number[] };

class AdyenTable implements Table {
  private readonly occurrences = new Occurrences();
  private readonly payouts = new Map<
    string,
    { -readonly [Key in keyof StatedBalance]: StatedBalance[Key] }
  >();

  /** Each batch of the file: an account counts them without gaps. */
  private readonly links = new Map<string, StatementLink>();

  private constructor(
    private readonly columns: Columns,
    private readonly mark: DecimalMark,
  ) {}

  static open(header: Header): AdyenTable | null {
    const columns = columnsOf(header);
    return columns === null ? null : new AdyenTable(columns, header.decimalMark);
  }

  *row(row: Row): Iterable<StatementItem> {
    const { columns } = this;
    const account = row.text(columns.account);
    const number = row.text(columns.batch);
    if (number === '') throw new RowError('Batch Number is empty.');
    const type = plainName(row.text(columns.type));
    if (type === '') throw new RowError('Type is empty.');
    const kind = kindOf(type);
    const batch = `${account}/${number}`;
    const amounts = this.amounts(row);
    const transaction: ProviderTransaction = {
      ...amounts,
      kind,
      paymentReference: row.optional(columns.psp),
      merchantReference: row.optional(columns.merchantReference),
      payoutId: batch,
      occurredAtMs: isoMoment(row.text(columns.created), 'Creation Date', row.text(columns.zone)),
      raw: row.json(),
      id: this.idOf(row, batch, type, amounts.net.currency),
    };
    this.link(row.line, { account, number, batch });
    const isPayout = kind === 'payout';
    if (isPayout) this.payOut(row.line, batch, amounts.net);
    yield { kind: 'transaction', line: row.line, transaction, batch: isPayout ? null : batch };
  }

  *end(): Iterable<StatementItem> {
    yield* this.payouts.values();
    yield* this.links.values();
  }

  /** An empty column is nothing: only one of debit and credit is filled, and what another party settles has neither. */
  private amounts(row: Row): Pick<ProviderTransaction, 'gross' | 'fee' | 'net'> {
    const { columns, mark } = this;
    const grossCode = row.text(columns.grossCurrency);
    const currency = currencyOf(row.text(columns.netCurrency) || grossCode, 'Net Currency');
    const grossCurrency = grossCode === '' ? currency : currencyOf(grossCode, 'Gross Currency');
    const netDebit = minorUnits(row.text(columns.netDebit), currency, 'Net Debit (NC)', mark);
    const net = minorUnits(row.text(columns.netCredit), currency, 'Net Credit (NC)', mark) - netDebit;
    const debit = row.text(columns.grossDebit);
    const credit = row.text(columns.grossCredit);
    if (debit === '' && credit === '') {
      return { gross: { value: net, currency }, fee: { value: 0, currency }, net: { value: net, currency } };
    }
    const grossDebit = minorUnits(debit, grossCurrency, 'Gross Debit (GC)', mark);
    const gross = minorUnits(credit, grossCurrency, 'Gross Credit (GC)', mark) - grossDebit;
    const fee = this.costs(row, currency) ?? (grossCurrency === currency ? gross - net : null);
    return {
      gross: { value: gross, currency: grossCurrency },
      fee: fee === null ? null : { value: fee, currency },
      net: { value: net, currency },
    };
  }

  /** Null: a part is finer than the currency, and only their sum is real. */
  private costs(row: Row, currency: string): number | null {
    try {
      return this.columns.costs.reduce(
        (sum, column) => sum + minorUnits(row.text(column), currency, 'cost', this.mark),
        0,
      );
    } catch (error) {
      if (error instanceof RowError) return null;
      throw error;
    }
  }

  private idOf(row: Row, batch: string, type: string, currency: string): string {
    const { columns } = this;
    const psp = row.text(columns.psp);
    const modification = row.text(columns.modification);
    const rest = [columns.created, columns.merchantReference, columns.modificationMerchantReference, columns.variant,
      columns.netDebit, columns.netCredit].map((column) => row.text(column)); // prettier-ignore
    const id =
      psp === ''
        ? `${batch}:${type}:${currency}:${contentHash(modification, ...rest)}`
        : `${batch}:${type}:${psp}:${modification}:${currency}`;
    return numbered(id, this.occurrences.count(id));
  }

  private link(
    line: number,
    { account, number, batch }: Record<'account' | 'number' | 'batch', string>,
  ): void {
    if (!/^[1-9][0-9]{0,8}$/.test(number) || this.links.has(batch)) return;
    const [name, until] = [detached(batch), Number(number)];
    const place = { chain: detached(account), currency: null, since: until - 1, until, sequence: 0 };
    this.links.set(name, { kind: 'link', line, batch: name, ...place, begins: until - 1, ends: until });
  }

  private payOut(
    line: number,
    batch: string,
    { value, currency }: { value: number; currency: string },
  ): void {
    const key = `${batch} ${currency}`;
    const payout = this.payouts.get(key);
    if (payout === undefined) {
      const stated = { batch: detached(batch), currency: detached(currency) };
      this.payouts.set(detached(key), { kind: 'balance', line, ...stated, opening: 0, closing: 0 - value });
    } else {
      payout.closing -= value;
    }
  }
}

function columnsOf(header: Header): Columns | null {
  const account = header.find('merchant account');
  const psp = header.find('psp reference');
  const type = header.find('type', 'journal type', 'record type');
  const netCurrency = header.find('net currency');
  const netDebit = header.find('net debit (nc)', 'net debit');
  const netCredit = header.find('net credit (nc)', 'net credit');
  const batch = header.find('batch number', 'batch');
  const created = header.find('creation date', 'booking date');
  const needed = { account, psp, type, netCurrency, netDebit, netCredit, batch, created };
  if (Object.values(needed).includes(undefined)) return null;
  return {
    ...(needed as Record<keyof typeof needed, number>),
    zone: header.find('timezone', 'creation date timezone'),
    modification: header.find('modification reference', 'modification psp reference'),
    merchantReference: header.find('merchant reference'),
    modificationMerchantReference: header.find('modification merchant reference'),
    grossCurrency: header.find('gross currency'),
    grossDebit: header.find('gross debit (gc)', 'gross debit'),
    grossCredit: header.find('gross credit (gc)', 'gross credit'),
    variant: header.find('payment method variant'),
    costs: ['commission (nc)', 'markup (nc)', 'scheme fees (nc)', 'interchange (nc)']
      .map((name) => header.find(name))
      .filter((column) => column !== undefined),
  };
}

/** Types by their plain names: their case differs from report to report. */
const kinds: Readonly<Record<string, TransactionKind>> = {
  settled: 'charge',
  settledbulk: 'charge',
  bulksettlement: 'charge',
  settledininstallments: 'charge',
  settledexternally: 'charge',
  settledexternallywithinfo: 'charge',
  refunded: 'refund',
  refundedbulk: 'refund',
  refundedexternally: 'refund',
  refundedexternallywithinfo: 'refund',
  refundedreversed: 'refund-failed',
  chargeback: 'chargeback',
  secondchargeback: 'chargeback',
  chargebackexternally: 'chargeback',
  chargebackexternallywithinfo: 'chargeback',
  chargebackreversed: 'chargeback-reversed',
  chargebackreversedexternally: 'chargeback-reversed',
  fee: 'fee',
  misccosts: 'fee',
  paymentcost: 'fee',
  invoicededuction: 'fee',
  authorisationschemefee: 'fee',
  merchantpayout: 'payout',
  internalcompanypayout: 'payout',
  converted: 'conversion',
  balancetransfer: 'carry-over',
  depositcorrection: 'adjustment',
  manualcorrected: 'adjustment',
  manuallycorrected: 'adjustment',
  settledreversed: 'adjustment',
  capturefailed: 'adjustment',
  reserveadjustment: 'adjustment',
  bankinstructionreturned: 'adjustment',
  matchedstatement: 'adjustment',
};
const kindOf = (type: string): TransactionKind => kinds[type] ?? 'other';
