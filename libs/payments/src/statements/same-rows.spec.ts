/** The same rows in other files: by day or by month, the newest first, page by page, with other columns. */
import { describe, expect, it } from '@jest/globals';
import { assert, asyncProperty, shuffledSubarray } from 'fast-check';

import { csv, fixture, read, transactions } from '../../test/statement-files.js';
import type { StatementFormat } from '../statement.js';

/** What each row is and does to the balance, beside its id. */
async function known(format: StatementFormat, ...files: readonly Uint8Array[]): Promise<string[]> {
  const all = await Promise.all(files.map((file) => read(format, file)));
  const rows = all.flatMap(({ items }) => transactions(items));
  return rows.map(({ id, kind, net }) => `${id} ${kind} ${net.value}`).toSorted();
}

describe('paypal-activity-csv', () => {
  // All but the last, which writes its amount otherwise.
  const [header = '', ...rows] = fixture('paypal-activity-en.csv')
    .toString()
    .trimEnd()
    .split('\n')
    .slice(0, -1);
  const format = 'paypal-activity-csv';

  it('knows the rows of one transaction id from each other, in any order', async () => {
    const whole = await known(format, csv(header, ...rows));
    expect(new Set(whole).size).toBe(6);
    await assert(
      asyncProperty(shuffledSubarray(rows, { minLength: rows.length }), async (shuffled) => {
        expect(await known(format, csv(header, ...shuffled))).toEqual(whole);
      }),
      { numRuns: 50, examples: [[rows.toReversed()]] },
    );
  });

  it('names them alike in the files of their days', async () => {
    const days = Map.groupBy(rows, (row) => row.slice(0, 12));
    const files = Array.from(days.values(), (some) => csv(header, ...some));
    expect(await known(format, ...files)).toEqual(await known(format, csv(header, ...rows)));
  });
});

describe('stripe-payout-csv', () => {
  it('knows rows without an id by what the columns that it reads say, wherever they stand', async () => {
    const table = [
      ['payout_id', 'created', 'currency', 'gross', 'fee', 'net', 'reporting_category', 'description'],
      ['po_1', '2026-11-02 09:12:44', 'eur', '50.00', '1.12', '48.88', 'charge', 'Lamp'],
      ['po_1', '2026-11-02 09:12:44', 'eur', '50.00', '1.12', '48.88', 'charge', 'Lamp'],
      ['po_1', '2026-11-02 09:13:44', 'eur', '-49.90', '0', '-49.90', 'refund', ''],
    ];
    const lines = (rows: readonly (readonly string[])[]) => csv(...rows.map((row) => row.join(',')));
    const otherwise = table.map((row, index) => [index === 0 ? 'Card brand' : 'visa', ...row.toReversed()]);
    otherwise[0] = otherwise[0]!.map((name) => name.replaceAll('_', ' ').toUpperCase());
    const whole = await known('stripe-payout-csv', lines(table));
    expect(new Set(whole).size).toBe(3);
    expect(await known('stripe-payout-csv', lines(otherwise))).toEqual(whole);
  });
});
