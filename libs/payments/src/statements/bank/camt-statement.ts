/**
 * One statement of a camt.053 as it is read: its account and balances, then its entries. An entry's transactions are held
 * back until it is complete, for only then is it known whether they add up to it; of a very large batch only the first
 * thousand are, and the rest is taken at its word.
 */
import type { ProviderTransaction } from '../../provider-transaction.js';
import type { StatedBalance, StatementItem, StatementLink } from '../../statement.js';
import { currencyOf, minorUnits } from '../amount.js';
import { isoMoment } from '../moment.js';
import { quarantined, readOrQuarantine, RowError } from '../row-error.js';
import { contentHash, numbered, Occurrences } from '../row-identity.js';
import { CamtBalances } from './camt-balances.js';
import { numberedPage } from './statement-order.js';
import { at, jsonOf, textAt, type Node } from './xml-nodes.js';

const detailsHeldMax = 1000;
const noReference = /^(?:NONREF|NOTPROVIDED|NOT PROVIDED|UNKNOWN|0*|-*)$/i;

type Entry = {
  /** What the entry says of itself, without its transactions. */
  readonly head: Node;
  readonly details: Node[];
  count: number;
  /** Held until the entry is complete; given as they come; or not rows at all, as they have no amounts. */
  detailsAre: 'held' | 'given' | 'dropped';
  /** What its rows are known by, once the first of them has been. */
  known?: string;
};

/** Counts equal rows: on through the pages of one statement, as long as their number grows, and anew with the next one. */
export class PageCounts {
  private statement = '';
  private page = 0;
  private occurrences = new Occurrences();

  /** @param page 0: it has no number */
  of(statement: string, page: number): Occurrences {
    const isFurther = statement === this.statement && page > this.page;
    if (!isFurther) this.occurrences = new Occurrences();
    this.statement = statement;
    this.page = page;
    return this.occurrences;
  }
}

export class CamtStatement {
  private counted: Occurrences | null = null;
  private readonly balances = new CamtBalances();
  private account = '';
  private id = '';
  private page = '';
  /** The number that the bank gives the statement, electronically or on paper. */
  private sequence = 0;
  private createdAt = '';
  private batch: string | null = null;
  private entry: Entry | null = null;

  /**
   * @param items where rows go
   * @param before of the statements before this one in the file, their names and the rows of their pages
   */
  constructor(
    private readonly line: number,
    private readonly items: StatementItem[],
    private readonly before: { readonly names: Occurrences; readonly pages: PageCounts },
  ) {}

  /** A child of the statement is complete. */
  part(node: Node): void {
    if (node.name === 'Id') this.id = node.text;
    else if (node.name === 'StmtPgntn') this.page = textAt(node, 'PgNb');
    else if (node.name === 'ElctrncSeqNb' || node.name === 'LglSeqNb')
      this.sequence ||= Number(node.text) || 0;
    else if (node.name === 'CreDtTm') this.createdAt = node.text;
    else if (node.name === 'Acct') this.account = accountOf(node);
    else if (node.name === 'Bal') this.balance(node);
    else if (node.name === 'Ntry') this.completeEntry(node);
  }

  partOfEntry(node: Node): void {
    this.entry ??= entryOf({
      name: 'Ntry',
      line: node.line,
      attributes: {},
      text: '',
      children: [],
      overlong: false,
    });
    this.entry.head.children.push(node);
  }

  /** A transaction of the entry that is being read. */
  detail(node: Node): void {
    const entry = this.entry;
    if (entry === null) return;
    entry.count += 1;
    if (entry.detailsAre === 'given') this.row(node.line, entry, node);
    if (entry.detailsAre !== 'held') return;
    entry.details.push(node);
    if (entry.details.length <= detailsHeldMax) return;
    entry.detailsAre = this.sumOf(entry) === null ? 'dropped' : 'given';
    const details = entry.details.splice(0);
    if (entry.detailsAre === 'given') for (const detail of details) this.row(detail.line, entry, detail);
  }

  end(): void {
    const { account, id, page } = this;
    const sequence = this.sequence === 0 ? null : numberedPage(this.sequence, Number(page) || 0);
    const place = { account, id: `${id}/${page}`, sequence };
    for (const stated of this.balances.stated(this.line, this.name, place))
      this.items.push(stated satisfies StatedBalance | StatementLink);
  }

  private completeEntry(node: Node): void {
    const entry = this.entry ?? entryOf(node);
    this.entry = null;
    if (node.overlong) {
      this.items.push(
        quarantined(node.line, 'The entry is longer than any bank writes.', textAt(node, 'NtryRef')),
      );
      return;
    }
    if (entry.detailsAre === 'given') return;
    if (entry.details.length > 1 && this.sumOf(entry) === this.amountOf(entry)) {
      for (const detail of entry.details) this.row(detail.line, entry, detail);
      return;
    }
    this.row(node.line, entry, null);
  }

  /** What the transactions that are held add up to; null: not all have an amount in the entry's currency. */
  private sumOf({ head, details }: Entry): number | null {
    try {
      const currency = currencyOf(at(head, 'Amt')?.attributes['Ccy'] ?? '', 'Ccy');
      return details.reduce((sum, detail) => sum + signOf(detail, head) * detailAmount(detail, currency), 0);
    } catch (error) {
      if (error instanceof RowError) return null;
      throw error;
    }
  }

  private amountOf({ head }: Entry): number | null {
    try {
      return signOf(head) * entryAmount(head).value;
    } catch (error) {
      if (error instanceof RowError) return null;
      throw error;
    }
  }

  private row(line: number, entry: Entry, detail: Node | null): void {
    const raw = detail === null ? entryJson(entry) : jsonOf(detail);
    this.items.push(
      readOrQuarantine(
        line,
        () => raw,
        () => ({
          kind: 'transaction',
          line,
          transaction: this.transaction(entry, detail, raw),
          batch: this.name,
        }),
      ),
    );
  }

  private transaction(entry: Entry, detail: Node | null, raw: string): ProviderTransaction {
    const { head } = entry;
    const { value, currency } = entryAmount(head);
    const described = detail ?? (entry.count === 1 ? entry.details[0] : undefined);
    const amount =
      detail === null ? signOf(head) * value : signOf(detail, head) * detailAmount(detail, currency);
    const booked =
      /^(?:BOOK)?$/.test(textAt(head, 'Sts', 'Cd') || textAt(head, 'Sts')) ||
      textAt(head, 'Sts', 'Prtry') !== '';
    const occurredAtMs = isoMoment(dateOf(head) || this.createdAt, 'BookgDt');
    const money = { value: amount === 0 ? 0 : amount, currency };
    return {
      kind: booked ? kindOf(head) : 'memo',
      gross: money,
      fee: null,
      net: booked ? money : { value: 0, currency },
      paymentReference: referenceOf(
        textAt(described, 'Refs', 'AcctSvcrRef'),
        textAt(head, 'AcctSvcrRef'),
        textAt(described, 'Refs', 'TxId'),
      ),
      merchantReference: referenceOf(
        textAt(described, 'Refs', 'EndToEndId'),
        textAt(described, 'RmtInf', 'Strd', 'CdtrRefInf', 'Ref'),
        textAt(described, 'RmtInf', 'Ustrd'),
        textAt(head, 'NtryRef'),
      ),
      payoutId: null,
      occurredAtMs,
      raw,
      id: this.idOf(entry, detail, { raw, booked }),
    };
  }

  /** The bank's own reference is an id within the account, beside date and amount; without one the statement is part of it. */
  private idOf(entry: Entry, detail: Node | null, row: { raw: string; booked: boolean }): string {
    const { head } = entry;
    const own = textAt(head, 'AcctSvcrRef');
    const content = contentHash(row.raw);
    entry.known ??=
      own.length >= 6 && !noReference.test(own)
        ? contentHash('reference', own, ...coreOf(head), row.booked ? '' : 'memo')
        : contentHash('statement', this.id, this.page, detail === null ? content : jsonOf(head));
    const id = `${this.account}:${entry.known}${detail === null ? '' : `:${content}`}`;
    this.counted ??= this.before.pages.of(`${this.account} ${this.id}`, Number(this.page) || 0);
    return numbered(id, this.counted.count(id));
  }

  private balance(node: Node): void {
    const read = readOrQuarantine(
      node.line,
      () => jsonOf(node),
      () => {
        const { value, currency } = entryAmount(node);
        return { currency, value: signOf(node) * value };
      },
    );
    if ('kind' in read) this.items.push(read);
    const currency = 'kind' in read ? (at(node, 'Amt')?.attributes['Ccy'] ?? '') : read.currency;
    const code = textAt(node, 'Tp', 'CdOrPrtry', 'Cd') || textAt(node, 'Tp', 'Cd');
    this.balances.add({
      code,
      currency,
      value: 'kind' in read ? null : read.value,
      date: dateIn(at(node, 'Dt')),
    });
  }

  /** As people call it: account and statement, told apart from others of the same name in this file. */
  private get name(): string {
    if (this.batch !== null) return this.batch;
    const name =
      [this.account, this.id, this.page].filter((part) => part !== '').join('/') || `line ${this.line}`;
    this.batch = numbered(name, this.before.names.count(name));
    return this.batch;
  }
}

const entryOf = (head: Node): Entry => ({ head, details: [], count: 0, detailsAre: 'held' });

const accountOf = (node: Node): string =>
  (
    textAt(node, 'Id', 'IBAN') ||
    textAt(node, 'Id', 'Othr', 'Id') ||
    textAt(node, 'Id', 'PrtryAcct', 'Id') ||
    textAt(node, 'Id', 'BBAN')
  )
    .replaceAll(/\s/g, '')
    .toUpperCase();

/** What a bank's reference stands beside, in case that it names more than one entry. */
const coreOf = (head: Node): string[] => [
  at(head, 'Amt')?.attributes['Ccy'] ?? '',
  textAt(head, 'Amt'),
  textAt(head, 'CdtDbtInd'),
  dateOf(head),
];

function entryAmount(node: Node): { value: number; currency: string } {
  const amount = at(node, 'Amt');
  const currency = currencyOf(amount?.attributes['Ccy'] ?? '', 'Ccy');
  return { value: amountIn(amount, currency), currency };
}

function amountIn(node: Node | undefined, currency: string): number {
  if (node === undefined || node.text === '') throw new RowError('Amt is missing.');
  return minorUnits(node.text, currency, 'Amt', 'shown');
}

/** Where versions and banks put a transaction's amount in the account's currency. */
function detailAmount(detail: Node, currency: string): number {
  const candidates = [
    at(detail, 'Amt'),
    at(detail, 'AmtDtls', 'TxAmt', 'Amt'),
    at(detail, 'AmtDtls', 'CntrValAmt', 'Amt'),
    at(detail, 'AmtDtls', 'InstdAmt', 'Amt'),
  ];
  const amount = candidates.find((candidate) => candidate?.attributes['Ccy'] === currency);
  return amountIn(amount, currency);
}

/** +1 for credit, -1 for debit; a transaction that does not say is as its entry. */
function signOf(node: Node, entry?: Node): 1 | -1 {
  const indicator = textAt(node, 'CdtDbtInd') || textAt(entry, 'CdtDbtInd');
  if (indicator === 'CRDT') return 1;
  if (indicator === 'DBIT') return -1;
  throw new RowError('CdtDbtInd is neither CRDT nor DBIT.');
}

const dateIn = (node: Node | undefined): string =>
  textAt(node, 'DtTm') || textAt(node, 'Dt') || (node?.text ?? '');
const dateOf = (entry: Node): string => dateIn(at(entry, 'BookgDt')) || dateIn(at(entry, 'ValDt'));

const referenceOf = (...texts: readonly string[]): string | null =>
  texts.find((text) => !noReference.test(text)) ?? null;

function kindOf(entry: Node): ProviderTransaction['kind'] {
  const family = textAt(entry, 'BkTxCd', 'Domn', 'Fmly', 'SubFmlyCd');
  return ['CHRG', 'COMM', 'FEES'].includes(family) ? 'fee' : 'other';
}

/** The entry with the one transaction that describes it; of a batch only what it says of itself. */
function entryJson({ head, details, count }: Entry): string {
  const [only] = details;
  return jsonOf(count === 1 && only !== undefined ? { ...head, children: [...head.children, only] } : head);
}
