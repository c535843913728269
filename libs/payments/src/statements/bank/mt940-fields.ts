/** The fields of an MT940 that say something about money: balances (:60F:, :62F:) and entries (:61:). */
import type { TransactionKind } from '../../provider-transaction.js';
import { clip, currencyOf, minorUnits } from '../amount.js';
import { daysOf } from '../moment.js';
import { RowError } from '../row-error.js';
import { storable } from '../text.js';

export type Balance = { readonly value: number; readonly currency: string; readonly date: string };

export type Entry = {
  readonly value: number;
  readonly currency: string;
  /** False: an expected entry (EC, ED), which is not booked yet. */
  readonly moves: boolean;
  readonly kind: TransactionKind;
  readonly occurredAtMs: number;
  readonly customerReference: string | null;
  readonly bankReference: string | null;
};

const balance = /^\s*(R?[CD])\s*(\d{6})\s*([A-Z]{3})\s*([\d.,' ]+)/;
/** Value date, entry date, mark, funds code, amount, type, customer's reference, bank's reference. */
const entryLine =
  /^\s*(\d{6})(\d{4})?(E?R?[CD])([A-Z])?\s?([\d.,']+)\s*([NFS][A-Z0-9 ]{3}|[NFS][A-Z0-9]{1,3})?(.*)$/;
const dayMs = 86_400_000;

/** @throws RowError */
export function parseBalance(text: string): Balance {
  const match = balance.exec(text);
  if (match === null)
    throw new RowError(`The balance "${clip(text)}" does not have the form C/D, date, currency, amount.`);
  const [, mark = '', date = '', code = '', digits = ''] = match;
  const currency = currencyOf(code, 'Currency');
  return {
    value: signOf(mark) * minorUnits(digits.trim(), currency, 'Balance', 'shown-comma'),
    currency,
    date,
  };
}

/** @param currency of the opening balance: an entry has none of its own @throws RowError */
export function parseEntry(
  { text, overlong }: { text: string; overlong: boolean },
  currency: string | undefined,
): Entry {
  if (overlong) throw new RowError('The entry is longer than any bank writes.');
  if (text.includes('\0')) throw new RowError('The entry has NUL characters, which no text has.');
  if (currency === undefined)
    throw new RowError('The statement has no opening balance that says its currency.');
  const [line = ''] = text.split('\n', 1);
  const match = entryLine.exec(line);
  if (match === null)
    throw new RowError(`The entry "${clip(line)}" does not have the form date, C/D, amount, type.`);
  const [, valueDate = '', entryDate, mark = '', , digits = '', type = '', references = ''] = match;
  const amount = minorUnits(digits.trim(), currency, 'Amount', 'shown-comma');
  const [customer, bank] = references.split('//', 2);
  const value = signOf(mark) * amount;
  return {
    value: value === 0 ? 0 : value,
    currency,
    moves: !mark.startsWith('E'),
    kind: /CHG|COM/.test(type) ? 'fee' : 'other',
    occurredAtMs: bookedAt(valueDate, entryDate),
    customerReference: named(customer),
    bankReference: named(bank),
  };
}

/** What the payer was told to quote, from the structured :86: of German (?20…EREF+) and Dutch (/EREF/) banks. */
export function referenceIn(details: string): string | null {
  const flat = details.replaceAll(/\n/g, '').replaceAll(/\?(?:2\d|6[0-3])/g, '');
  const found = /EREF\+(.+?)(?:(?:KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC|COAM|OAMT)\+|\?\d\d|$)/.exec(
    flat,
  );
  return named(found?.[1] ?? /\/EREF\/([^/]+)/.exec(flat)?.[1]);
}

/** RC takes a credit back, RD a debit; an expected entry (E…) will be of its mark. */
function signOf(mark: string): 1 | -1 {
  const credit = mark.endsWith('C');
  return credit === mark.includes('R') ? -1 : 1;
}

/** The entry's own date, MMDD, in the year that is next to the value date; without it the value date. */
function bookedAt(valueDate: string, entryDate: string | undefined): number {
  const year = 2000 + Number(valueDate.slice(0, 2)) - (Number(valueDate.slice(0, 2)) >= 80 ? 100 : 0);
  const value = dayIn(year, valueDate.slice(2));
  if (entryDate === undefined) return value;
  const candidates = [year - 1, year, year + 1].map((candidate) => dayIn(candidate, entryDate));
  const distance = (time: number): number => Math.abs(time - value);
  const nearest = candidates.reduce((best, time) => (distance(time) < distance(best) ? time : best));
  return distance(nearest) <= 366 * dayMs ? nearest : value;
}

/** Banks that count thirty days a month write the 30th of February; the month's last day is meant. */
function dayIn(year: number, monthAndDay: string): number {
  const month = Number(monthAndDay.slice(0, 2));
  const day = Number(monthAndDay.slice(2));
  if (month < 1 || month > 12 || day < 1 || day > 31)
    throw new RowError(`The date "${monthAndDay}" is not a month and day.`);
  return Date.UTC(year, month - 1, Math.min(day, daysOf(year, month)));
}

function named(reference: string | undefined): string | null {
  const text = storable(reference?.trim() ?? '');
  return text === '' || /^(?:NONREF|NOTPROVIDED)$/i.test(text) ? null : text;
}
