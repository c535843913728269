/** Files that are not what they were said to be. */
import { describe, expect, it } from '@jest/globals';

import { csv, fixture, read } from '../../test/statement-files.js';
import { statementFormats } from '../statement.js';

describe('a file that is something else', () => {
  const files: readonly (readonly [string, Buffer])[] = [
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('Dear customer,\nyour statement is attached.\n')],
    ['a table of something else', csv('id,name,price', '1,lamp,20')],
    ['a gzip', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])],
    ['a spreadsheet', Buffer.from('PK\x03\x04 xl/workbook.xml')],
    ['noise', Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 7919) % 256))],
    ['one endless line', Buffer.alloc(3_000_000, 'a')],
    [
      'a camt.054',
      Buffer.from(
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.02"><BkToCstmrDbtCdtNtfctn/></Document>',
      ),
    ],
    [
      'an MT942',
      Buffer.from(
        ':20:A\n:25:B\n:28C:1/1\n:34F:EUR0,\n:13D:2611021200+0100\n:61:261102C1,00NTRFNONREF\n:90C:1EUR1,\n-\n',
      ),
    ],
    [
      'an entity bomb',
      Buffer.from('<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><Document>&b;</Document>'),
    ],
    [
      'an outer entity',
      Buffer.from(
        '<?xml version="1.0"?><!DOCTYPE D SYSTEM "file:///etc/passwd"><Document><BkToCstmrStmt/></Document>',
      ),
    ],
  ];
  it.each(files)('%s gives no row in any format', async (_, bytes) => {
    for (const format of statementFormats) {
      const { items, error } = await read(format, bytes);
      expect(items).toEqual([]);
      expect(error).toMatchObject({ name: 'StatementFormatError', format });
    }
  });

  it('is told what is wrong with it in one sentence', async () => {
    const { error } = await read('camt053', csv('id,name,price', '1,lamp,20'));
    expect(error).toMatchObject({ message: expect.stringMatching(/line \d+: .*[^.]\.$/) });
  });

  it('each fixture is of its own format only', async () => {
    for (const [name, own] of [
      ['stripe-payout-reconciliation.csv', 'stripe-payout-csv'],
      ['adyen-two-batches.csv', 'adyen-settlement-csv'],
      ['paypal-activity-de.csv', 'paypal-activity-csv'],
      ['camt053-v2.xml', 'camt053'],
      ['mt940-swift.sta', 'mt940'],
    ] as const) {
      for (const format of statementFormats.filter((other) => other !== own)) {
        expect(await read(format, fixture(name))).toMatchObject({
          items: [],
          error: { name: 'StatementFormatError' },
        });
      }
    }
  });
});
