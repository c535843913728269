/**
 * Times as statements write them: a local date and time, and a zone beside it as an abbreviation (CET, PDT), an offset or
 * a name of the tz database. As milliseconds since 1970; a time without a zone, or with one that nobody knows, is UTC.
 */
import { clip } from './amount.js';
import { RowError } from './row-error.js';

const iso =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/;

const hoursByAbbreviation: Readonly<Record<string, number>> = {
  UTC: 0, GMT: 0, WET: 0, Z: 0, WEST: 1, BST: 1, CET: 1, MET: 1, CEST: 2, MEST: 2, EET: 2, EEST: 3, MSK: 3,
  NST: -3.5, NDT: -2.5, AST: -4, ADT: -3, EST: -5, EDT: -4, CST: -6, CDT: -5, MST: -7, MDT: -6, PST: -8, PDT: -7,
  AKST: -9, AKDT: -8, HST: -10, BRT: -3, BRST: -2, ART: -3, GST: 4, PKT: 5, IST: 5.5, ICT: 7, WIB: 7, HKT: 8, SGT: 8,
  MYT: 8, PHT: 8, AWST: 8, JST: 9, KST: 9, ACST: 9.5, ACDT: 10.5, AEST: 10, AEDT: 11, NZST: 12, NZDT: 13, SAST: 2,
}; // prettier-ignore

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export type LocalTime = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour?: number;
  readonly minute?: number;
  readonly second?: number;
};

/** An ISO 8601 date or time, with a space or a T; its own offset goes before `zone`. @throws RowError */
export function isoMoment(text: string, field: string, zone = 'UTC'): number {
  const match = iso.exec(text.trim());
  if (match === null) throw new RowError(`${field} "${clip(text)}" is not a date.`);
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset] = match;
  const local = localMs(
    {
      year: Number(year),
      month: Number(month),
      day: Number(day),
      hour: Number(hour),
      minute: Number(minute),
      second: Number(second),
    },
    field,
  );
  return local - zoneOffsetMs(offset ?? zone, local) + Number(`0.${fraction}0`.slice(0, 5)) * 1000;
}

/** The milliseconds that a clock without a zone shows. @throws RowError no such day or time */
export function localMs(time: LocalTime, field: string): number {
  const { year, month, day, hour = 0, minute = 0, second = 0 } = time;
  const known = month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
  if (!known || year < 1970 || hour > 24 || minute > 59 || second > 60) {
    throw new RowError(`${field} is not a date in the calendar.`);
  }
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

export const daysOf = (year: number, month: number): number =>
  new Date(Date.UTC(year, month, 0)).getUTCDate();

/** What the zone is ahead of UTC at that local time, in milliseconds. */
export function zoneOffsetMs(zone: string, local: number): number {
  const name = zone.trim();
  const hours = hoursByAbbreviation[name.toUpperCase()];
  if (hours !== undefined) return hours * hourMs;
  const offset = /^(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?$/i.exec(name);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3] ?? 0);
    return (offset[1] === '-' ? -minutes : minutes) * minuteMs;
  }
  return tzDatabaseOffsetMs(name, local);
}

const knownOffsets = new Map<string, number>();
const knownOffsetsMax = 10_000;

/** Remembered by day: formatting a time in a zone costs more than everything else about a row. */
function tzDatabaseOffsetMs(zone: string, local: number): number {
  const key = `${zone} ${Math.floor(local / dayMs)}`;
  const known = knownOffsets.get(key);
  if (known !== undefined) return known;
  if (knownOffsets.size >= knownOffsetsMax) knownOffsets.clear();
  const offset = askTzDatabase(zone, local);
  knownOffsets.set(key, offset);
  return offset;
}

function askTzDatabase(zone: string, local: number): number {
  if (!/^[A-Za-z_]+(?:\/[A-Za-z0-9_+-]+){1,2}$/.test(zone)) return 0;
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    const shown = format.formatToParts(local).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const match = /^GMT([+-])(\d{2}):(\d{2})/.exec(shown);
    if (match === null) return 0;
    const minutes = Number(match[2]) * 60 + Number(match[3]);
    return (match[1] === '-' ? -minutes : minutes) * minuteMs;
  } catch {
    return 0;
  }
}
