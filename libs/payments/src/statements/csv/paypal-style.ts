/**
 * How one PayPal file writes dates and decimals. Neither a row nor the header says it: 4/9/2018 is September in London and
 * April in New York. A day above 12 or an amount with cents decides it for the whole file; where none is found, the order
 * of the rows in time does, then the language and the time zone.
 */
import { clip, type DecimalMark } from '../amount.js';
import { localMs } from '../moment.js';
import { RowError } from '../row-error.js';

export type DateOrder = 'year-first' | 'day-first' | 'month-first';
export type Style = { readonly order: DateOrder; readonly mark: DecimalMark };

const dateParts = /^(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})/;

/** Collects evidence, row by row. */
export class StyleSearch {
  private order: DateOrder | null = null;
  private mark: '.' | ',' | null = null;
  private dates: string[] = [];
  private zone = '';

  constructor(private readonly english: boolean) {}

  see(date: string, zone: string, amounts: readonly string[]): void {
    this.order ??= orderShownBy(date);
    if (this.order === null) this.dates.push(date);
    this.zone ||= zone;
    for (const amount of amounts) this.mark ??= markShownBy(amount);
  }

  /** Null: another row may tell. */
  get certain(): Style | null {
    return this.order === null || this.mark === null ? null : { order: this.order, mark: this.mark };
  }

  /** The best that can be said. */
  get likely(): Style {
    return { order: this.order ?? this.likelyOrder(), mark: this.mark ?? (this.english ? '.' : ',') };
  }

  private likelyOrder(): DateOrder {
    const dayFirst = inOrder(this.dates, 'day-first');
    const monthFirst = inOrder(this.dates, 'month-first');
    if (dayFirst !== monthFirst) return dayFirst ? 'day-first' : 'month-first';
    const american = /^(?:[PMCE][SD]T|America\/|US\/)/.test(this.zone);
    return this.english && american ? 'month-first' : 'day-first';
  }
}

function orderShownBy(date: string): DateOrder | null {
  const match = dateParts.exec(date);
  if (match === null) return null;
  const [text, first = '', second = ''] = match;
  if (first.length === 4) return 'year-first';
  if (text.includes('.') || Number(first) > 12) return 'day-first';
  return Number(second) > 12 ? 'month-first' : null;
}

/** One or two digits behind a separator are decimals: thousands come in threes. */
function markShownBy(amount: string): '.' | ',' | null {
  return (/([.,])\d{1,2}$/.exec(amount.trim())?.[1] as '.' | ',' | undefined) ?? null;
}

function inOrder(dates: readonly string[], order: DateOrder): boolean {
  const times = dates.flatMap((date) => momentOf(date, order));
  const rises = times.every((time, index) => time >= (times[index - 1] ?? time));
  return rises || times.every((time, index) => time <= (times[index - 1] ?? time));
}

/** None: a row that is going to be quarantined says nothing of the others. */
function momentOf(date: string, order: DateOrder): number[] {
  try {
    return [paypalMoment(date, '', order)];
  } catch (error) {
    if (error instanceof RowError) return [];
    throw error;
  }
}

/** What a clock without a zone showed, in milliseconds. @throws RowError */
export function paypalMoment(date: string, time: string, order: DateOrder): number {
  const match = dateParts.exec(date);
  if (match === null) throw new RowError(`Date "${clip(date)}" is not a date.`);
  const [first, second, third] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const year = order === 'year-first' ? first : third;
  const month = order === 'month-first' ? first : second;
  const day = order === 'day-first' ? first : order === 'month-first' ? second : third;
  return localMs(
    { year: year < 100 ? year + 2000 : year, month, day, ...clockTime(time) },
    `Date "${clip(date)}"`,
  );
}

function clockTime(text: string): { hour: number; minute: number; second: number } {
  if (text === '') return { hour: 0, minute: 0, second: 0 };
  const match = /^(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?\s*([ap])?\.?m?\.?$/i.exec(text);
  if (match === null) throw new RowError(`Time "${clip(text)}" is not a time.`);
  const [, hours = '0', minute, second = '0', half] = match;
  const hour =
    half === undefined ? Number(hours) : (Number(hours) % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  return { hour, minute: Number(minute), second: Number(second) };
}
