/** What is wrong with one row, for a person. Thrown while a row is read and caught there: the row is quarantined. */
import { quarantinedRawLengthMax, type QuarantinedRow } from '../statement.js';
import { storable } from './text.js';

export class RowError extends Error {
  override readonly name = 'RowError';
}

/** @param raw as it came, decoded */
export function quarantined(line: number, reason: string, raw: string): QuarantinedRow {
  const kept = raw.slice(0, quarantinedRawLengthMax);
  return { kind: 'quarantined', line, reason: storable(reason), raw: storable(kept) };
}

/** Runs `read`; a RowError becomes a quarantined row, anything else is a bug and goes on. */
export function readOrQuarantine<Item>(
  line: number,
  raw: () => string,
  read: () => Item,
): Item | QuarantinedRow {
  try {
    return read();
  } catch (error) {
    if (error instanceof RowError) return quarantined(line, error.message, raw());
    throw error;
  }
}
