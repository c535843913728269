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

describe('mt940', () => {
  const page = (number: string, opens: 'F' | 'M', begins: string, closes: 'F' | 'M', ends: string) =>
    [
      ':20:1',
      ':25:ACC',
      `:28C:${number}`,
      `:60${opens}:C261103EUR${begins}`,
      ':61:2611031103D0,30NCHGNONREF',
      `:62${closes}:C261103EUR${ends}`,
      '-',
      '',
    ].join('\n');

  it.each([
    ['no page number', ['211', '211', '211']],
    ['the number of the first page', ['211/1', '211/1', '211/1']],
    ['page numbers', ['211/1', '211/2', '211/3']],
  ])(
    'keeps an equal entry on each page, with %s, also in files of their own',
    async (_, [one, two, three]) => {
      const pages = [
        page(one!, 'F', '10,00', 'M', '9,70'),
        page(two!, 'M', '9,70', 'M', '9,40'),
        page(three!, 'M', '9,40', 'F', '9,10'),
      ].map((text) => Buffer.from(text));
      const together = await known('mt940', Buffer.concat(pages));
      expect(new Set(together).size).toBe(3);
      expect(await known('mt940', ...pages.toReversed())).toEqual(together);
      const twice = await known('mt940', Buffer.concat([...pages, ...pages]));
      expect(new Set(twice).size).toBe(3);
    },
  );
});

describe('camt053', () => {
  const fee =
    '<Ntry><Amt Ccy="EUR">0.30</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-03</Dt></BookgDt><AcctSvcrRef>FEES-20261103</AcctSvcrRef></Ntry>';
  const page = (id: string, number: number) =>
    `<Stmt><Id>${id}</Id><StmtPgntn><PgNb>${number}</PgNb></StmtPgntn><Acct><Id><Othr><Id>ACC</Id></Othr></Id></Acct>${fee}</Stmt>`;
  const file = (...statements: readonly string[]) =>
    Buffer.from(`<Document><BkToCstmrStmt>${statements.join('')}</BkToCstmrStmt></Document>`);

  it('keeps an equal entry on each page of a statement, also under one reference of the bank', async () => {
    const pages = [1, 2, 3].map((number) => page('S1', number));
    const together = await known('camt053', file(...pages));
    expect(new Set(together).size).toBe(3);
    expect(new Set(await known('camt053', file(...pages, ...pages))).size).toBe(3);
  });

  it('takes it once from statements that overlap', async () => {
    expect(new Set(await known('camt053', file(page('S1', 1), page('S2', 1)))).size).toBe(1);
    expect(new Set(await known('camt053', file(page('S1', 1)), file(page('S2', 1)))).size).toBe(1);
  });
});
