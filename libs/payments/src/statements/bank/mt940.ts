/**
 * SWIFT MT940, customer statement, as banks send it: in SWIFT's block envelope or without, with or without a line `-` at
 * the end, with fields that go on over lines, in the order and with the fields that each bank has made of the standard.
 * A statement opens with :60F: (a further page of it: :60M:), its entries are :61: with what :86: says about them, and it
 * closes with :62F: (:62M:). Pages that follow each other are one statement.
 */
import {
  StatementCutOffError,
  StatementFormatError,
  type StatedBalance,
  type StatementItem,
  type StatementLink,
  type StatementReader,
} from '../../statement.js';
import { Lines, type Line } from '../lines.js';
import { quarantined, readOrQuarantine } from '../row-error.js';
import { contentHash, numbered, Occurrences } from '../row-identity.js';
import { decodeText, describeBinary, storable, textOf } from '../text.js';
import { parseBalance, parseEntry, referenceIn, type Balance, type Entry } from './mt940-fields.js';
import { numberedPage, unordered } from './statement-order.js';

export const mt940: StatementReader = {
  format: 'mt940',
  provider: 'bank',
  read: (bytes) => new Mt940File().read(bytes),
};

/** A file that opens no statement within so many lines is something else. */
const linesBeforeStatementMax = 200;
const fieldLengthMax = 65_536;
/** Only these begin a field: a line of free text may look like one, as a time does. */
const tags = /^:(20|21|25P?|28C?|60[FM]|61|86|62[FM]|64|65|13D?|34F|90[CD]|NS|NM|940):/;

type Field = { readonly tag: string; readonly line: number; text: string; overlong: boolean };

/** A page, open from its first field to its closing balance. */
type Page = {
  readonly line: number;
  account: string;
  number: string;
  opening: Balance | null;
  openingRead: boolean;
  /** Whether :60M: opened it. */
  continues: boolean;
  name: string;
};

/** A statement whose balances are not given yet: another page may follow. */
type Statement = {
  readonly account: string;
  readonly number: string;
  readonly balance: { -readonly [Key in keyof StatedBalance]: StatedBalance[Key] };
  /** Its last page closed with :62M:. */
  readonly goesOn: boolean;
  /** Of each of its pages, so that pages in one file and in several say the same. */
  readonly links: readonly StatementLink[];
};

class Mt940File {
  private field: Field | null = null;
  private entry: { field: Field; details: string } | null = null;
  private page: Page | null = null;
  private statement: Statement | null = null;
  private unclosedLine: number | null = null;
  private linesSeen = 0;
  private lastLineEnded = true;
  /** How many decimals its balances have at least. */
  private decimals = Number.MAX_SAFE_INTEGER;
  private readonly occurrences = new Occurrences();
  private readonly names = new Occurrences();
  private found = false;

  async *read(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<StatementItem, void, undefined> {
    const lines = new Lines();
    for await (const text of textOf(bytes)) {
      if (this.linesSeen === 0) refuseBinary(text);
      for (const line of lines.push(text)) yield* this.line(line);
    }
    for (const line of lines.end()) yield* this.line(line);
    yield* this.end();
  }

  private *line(line: Line): Iterable<StatementItem> {
    this.linesSeen += 1;
    this.lastLineEnded = line.ended;
    if (!this.found && (this.linesSeen > linesBeforeStatementMax || line.overlong)) throw noStatement();
    const tag = tags.exec(line.text);
    if (tag !== null) {
      yield* this.complete();
      this.field = {
        tag: tag[1] as string,
        line: line.number,
        text: line.text.slice(tag[0].length),
        overlong: line.overlong,
      };
    } else if (isEndOfMessage(line.text, this.field)) {
      yield* this.complete();
    } else if (this.field !== null) {
      this.continueField(this.field, line);
    }
  }

  private *end(): Iterable<StatementItem> {
    const last = this.field;
    const closes = last?.tag.startsWith('62') === true && !this.isCutOff(last);
    if (closes || this.page === null) yield* this.complete();
    // An entry is whole where another one, or a field that is none of its own, has begun.
    else if (last !== null && last.tag !== '86' && last.tag !== 'NS') yield* this.leaveEntry();
    if (!this.found) throw noStatement();
    if (this.page !== null) this.unclosedLine ??= this.page.line;
    // Of a statement whose last page is not whole nobody knows what it adds up to.
    if (this.page === null || this.statement?.goesOn !== true) yield* this.give();
    if (this.unclosedLine !== null) {
      throw new StatementCutOffError(
        this.unclosedLine,
        'the statement that begins there has no closing balance (:62F:).',
      );
    }
  }

  /** Whether the file ends in the middle of this closing balance, as its decimals show. */
  private isCutOff({ text }: Field): boolean {
    return !this.lastLineEnded && decimalsOf(text) < this.decimals;
  }

  private continueField(field: Field, { text, overlong }: Line): void {
    field.overlong ||= overlong || field.text.length + text.length > fieldLengthMax;
    if (!field.overlong) field.text += `\n${text}`;
  }

  /** The field that was being read is whole: the next one begins, or the message ends. */
  private *complete(): Iterable<StatementItem> {
    const field = this.field;
    this.field = null;
    if (field === null) return;
    switch (field.tag) {
      case '20':
      case '940':
        yield* this.leavePage();
        break;
      case '25':
      case '25P':
        yield* this.pageFor(field, (page) => page.account !== '');
        (this.page as Page).account = accountIn(field.text);
        break;
      case '28':
      case '28C':
        yield* this.pageFor(field, (page) => page.number !== '');
        (this.page as Page).number = storable(field.text.trim());
        break;
      case '60F':
      case '60M':
        yield* this.pageFor(field, (page) => page.openingRead);
        yield* this.openPage(this.page as Page, field);
        break;
      case '61':
        yield* this.leaveEntry();
        this.entry = { field, details: '' };
        break;
      case '86':
      case 'NS':
        if (this.entry !== null)
          this.entry.details += `${this.entry.details === '' ? '' : '\n'}${field.text}`;
        break;
      case '62F':
      case '62M':
        yield* this.closePage(field);
        break;
      default:
    }
  }

  /** The page that the field belongs to: a new one where the old one has such a field already. */
  private *pageFor(field: Field, hasIt: (page: Page) => boolean): Iterable<StatementItem> {
    if (this.page !== null && hasIt(this.page)) yield* this.leavePage();
    this.page ??= {
      line: field.line,
      account: '',
      number: '',
      opening: null,
      openingRead: false,
      continues: false,
      name: '',
    };
  }

  private *openPage(page: Page, field: Field): Iterable<StatementItem> {
    this.found = true;
    page.openingRead = true;
    page.continues = field.tag === '60M';
    const read = this.readBalance(field);
    if ('kind' in read) yield read;
    else page.opening = read;
    const before = this.statement;
    const [number] = page.number.split('/');
    const isFurther =
      page.continues &&
      before?.goesOn === true &&
      before.account === page.account &&
      before.number === number;
    if (!isFurther) yield* this.give();
    page.name = isFurther ? before.balance.batch : numbered(nameOf(page), this.names.count(nameOf(page)));
    // Pages that no number tells apart count on.
    if (!isFurther) this.occurrences.clear();
  }

  private readBalance(field: Field) {
    this.decimals = Math.min(this.decimals, decimalsOf(field.text));
    return readOrQuarantine(
      field.line,
      () => shown(field),
      () => parseBalance(field.text),
    );
  }

  /** Another page begins, or another message: what is open had no closing balance. */
  private *leavePage(): Iterable<StatementItem> {
    yield* this.leaveEntry();
    if (this.page?.openingRead === true) this.unclosedLine ??= this.page.line;
    this.page = null;
  }

  private *closePage(field: Field): Iterable<StatementItem> {
    yield* this.leaveEntry();
    const { page } = this;
    this.page = null;
    if (page === null || !page.openingRead) return;
    const read = this.readBalance(field);
    if ('kind' in read) yield read;
    const closing = 'kind' in read ? null : read;
    const currency = closing?.currency ?? page.opening?.currency ?? '';
    const further = this.statement?.balance.batch === page.name ? this.statement : null;
    const same = page.opening?.currency === currency;
    const opening = further?.balance.opening ?? (same ? (page.opening?.value ?? 0) : 0);
    this.statement = {
      links: [...(further?.links ?? []), ...linksOf(page, field.line, closing)],
      account: page.account,
      number: page.number.split('/')[0] ?? '',
      goesOn: field.tag === '62M',
      balance: {
        kind: 'balance',
        line: field.line,
        batch: page.name,
        currency,
        opening,
        closing: closing?.value ?? 0,
      },
    };
  }

  /** Gives the balances of the statement before: no page of it follows. */
  private *give(): Iterable<StatementItem> {
    const { statement } = this;
    this.statement = null;
    if (statement === null) return;
    yield statement.balance;
    yield* statement.links;
  }

  private *leaveEntry(): Iterable<StatementItem> {
    const { entry, page } = this;
    this.entry = null;
    if (entry === null) return;
    const { field } = entry;
    const raw = `:61:${field.text}${entry.details === '' ? '' : `\n:86:${entry.details}`}`;
    if (page?.openingRead !== true) {
      if (!this.found) throw noStatement();
      yield quarantined(field.line, 'The entry comes before any opening balance (:60F:).', decodeText(raw));
      return;
    }
    yield readOrQuarantine(
      field.line,
      () => decodeText(raw),
      () => this.row(page, entry.field, entry.details, raw),
    );
  }

  private row(page: Page, field: Field, details: string, raw: string): StatementItem {
    const entry = parseEntry(field, page.opening?.currency);
    const { value, currency, moves, occurredAtMs, kind } = entry;
    const { number, opening, continues } = page;
    // A further page may have the number of the one before: what it begins with tells them apart, also in files of their own.
    const begins = continues ? `${opening?.value}` : '';
    const scope = contentHash(number, opening?.date ?? '', begins, raw.replaceAll(/[ \t]+$/gm, ''));
    const id = `${page.account}:${scope}`;
    const money = { value, currency };
    return {
      kind: 'transaction',
      line: field.line,
      batch: page.name,
      transaction: {
        id: numbered(id, this.occurrences.count(id)),
        kind: moves ? kind : 'memo',
        gross: money,
        fee: null,
        net: moves ? money : { value: 0, currency },
        paymentReference: entry.bankReference,
        merchantReference: merchantReferenceOf(entry, details),
        payoutId: null,
        occurredAtMs,
        raw: JSON.stringify({
          '61': decodeText(field.text),
          ...(details === '' ? {} : { '86': decodeText(details) }),
        }),
      },
    };
  }
}

/** As people call it. */
const nameOf = ({ account, number, opening }: Page): string =>
  [account, number, opening?.date ?? ''].filter((part) => part !== '').join('/');

/** Its place among the pages of its account; none: it does not say enough. */
function linksOf(page: Page, line: number, closing: Balance | null): StatementLink[] {
  const { account, opening } = page;
  if (closing === null || opening === null || account === '') return [];
  const { currency } = closing;
  if (opening.currency !== currency) return [];
  const named = { line, batch: nameOf(page), chain: `${account} ${currency}`, currency };
  const place = { since: dayOf(opening.date), until: dayOf(closing.date), sequence: sequenceOf(page) };
  return [{ kind: 'link', ...named, ...place, begins: opening.value, ends: closing.value }];
}

/** A further page that says it were the first, or nothing, has no number that tells them apart. */
function sequenceOf({ number, continues, opening }: Page): number {
  const [, statement, page] = /^(\d+)(?:\/(\d+))?/.exec(number) ?? [];
  const isTold = Number(statement) > 0 && (!continues || Number(page) > 1);
  return isTold ? numberedPage(Number(statement), Number(page ?? 0)) : unordered(number, `${opening?.value}`);
}

/** 261102 as 20261102. */
const dayOf = (date: string): number =>
  Number(date) + (Number(date.slice(0, 2)) >= 80 ? 19_000_000 : 20_000_000);

/** Digits behind the comma of a balance; -1: it has no comma, -2: no amount. */
function decimalsOf(text: string): number {
  const amount = /[A-Z]{3}\s*(\d[\d.,' ]*)/.exec(text)?.[1]?.trimEnd();
  return amount === undefined ? -2 : (/[.,](\d*)$/.exec(amount)?.[1]?.length ?? -1);
}

const merchantReferenceOf = (entry: Entry, details: string): string | null =>
  referenceIn(decodeText(details)) ?? entry.customerReference;

const accountIn = (text: string): string =>
  storable(text.split('\n', 1)[0]!.replaceAll(/\s/g, '').toUpperCase());

const shown = ({ tag, text }: Field): string => `:${tag}:${decodeText(text)}`;

/** `-`, `-}{5:…`, and after a closing balance `-XXX` as well; free text may begin with a dash. */
const isEndOfMessage = (text: string, field: Field | null): boolean =>
  text.startsWith('-}') || text.trimEnd() === '-' || text.startsWith('{1:') ||
  (text.startsWith('-') && field !== null && field.tag.startsWith('6') && field.tag !== '61'); // prettier-ignore

const noStatement = (): StatementFormatError =>
  new StatementFormatError('mt940', 'it opens no statement: a field :60F: with a balance is missing.');

function refuseBinary(text: string): void {
  const binary = describeBinary(text);
  if (binary !== null) throw new StatementFormatError('mt940', binary);
}
