/** camt.053 and MT940 on files as banks send them (test/fixtures/statements). */
import { describe, expect, it } from '@jest/globals';

import { chain, fixture, read, summary, transactions } from '../../../test/statement-files.js';

describe('camt053', () => {
  it('reads version 2: entries, the transactions of a batch, a reversal, two equal fees, a pending entry', async () => {
    const batch = 'DE89370400440532013000/2026-11-02-1';
    expect(await summary('camt053', fixture('camt053-v2.xml'))).toEqual([
      `13 other 104096 EUR ${batch}`,
      `32 other -10000 EUR ${batch}`,
      `33 other -5000 EUR ${batch}`,
      `36 other -5000 EUR ${batch}`,
      `41 fee -2523 EUR ${batch}`,
      `45 fee -2523 EUR ${batch}`,
      `49 memo 0 EUR ${batch}`,
      `= ${batch} EUR 179050 179050`,
    ]);
  });

  it('finds the references of an entry', async () => {
    const { items } = await read('camt053', fixture('camt053-v2.xml'));
    const rows = transactions(items);
    expect(rows.map(({ merchantReference }) => merchantReference).slice(0, 4)).toEqual([
      'po_1QLampsNov02',
      'refund-1',
      'refund-2',
      'RF18000000000539007547034',
    ]);
    expect(rows[0]?.paymentReference).toBe('2026110200000001');
    expect(rows[0]?.raw).toContain('Stripe Technology Europe & Söhne');
    expect(rows[5]?.id).toBe(`${rows[4]?.id}#2`);
  });

  it('reads version 8: prefixes, Latin-1, pages, statuses as codes, a batch that does not add up', async () => {
    expect(await summary('camt053', fixture('camt053-v8.xml'))).toEqual([
      '10 other 10125 KWD 00123456789/S-1/1',
      '= 00123456789/S-1/1 KWD 0 0',
      '18 other 7500 KWD 00123456789/S-1/2',
      '20 ! Amt "1.2345" is finer than KWD, which has 3 decimals.',
      '21 ! CdtDbtInd is neither CRDT nor DBIT.',
      '22 memo 0 KWD 00123456789/S-1/2',
      '= 00123456789/S-1/2 KWD 7500 7500',
    ]);
    const { items } = await read('camt053', fixture('camt053-v8.xml'));
    expect(transactions(items)[0]?.raw).toContain('MÜLLER');
    expect(transactions(items)[1]?.occurredAtMs).toBe(Date.UTC(2026, 10, 3, 10, 15, 0, 250));
  });

  it('gives the transactions of a batch of any size, each once', async () => {
    const detail = (n: number): string =>
      `<TxDtls><Refs><EndToEndId>e${n % 1500}</EndToEndId></Refs><AmtDtls><TxAmt><Amt Ccy="EUR">0.01</Amt></TxAmt></AmtDtls></TxDtls>`;
    const details = Array.from({ length: 2500 }, (_, n) => detail(n)).join('');
    const { items, error } = await read(
      'camt053',
      statement(entry('25.00', 'CRDT', `<NtryDtls>${details}</NtryDtls>`)),
    );
    expect(error).toBeNull();
    const rows = transactions(items);
    expect(rows.length).toBe(2500);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(2500);
    expect(rows.reduce((sum, { net }) => sum + net.value, 0)).toBe(2500);
  });

  it.each([
    ['1,125', 'KWD', '! Amt "1,125" is not an amount.'],
    ['1,125', 'EUR', '! Amt "1,125" is not an amount.'],
    ['1.125', 'KWD', 'other 1125 KWD ACC/1'],
    ['1,125.50', 'EUR', 'other 112550 EUR ACC/1'],
    ['1,12', 'EUR', 'other 112 EUR ACC/1'],
  ])('takes a comma for what it must be: %s %s', async (amount, currency, expected) => {
    const file = statement(entry(amount, 'CRDT', '').replace('EUR', currency));
    expect(await summary('camt053', file)).toEqual([`1 ${expected}`]);
  });

  it('does not tie balances of two currencies', async () => {
    const file = statement(
      entry('8.85', 'CRDT', ''),
      balance('OPBD', '18.15', 'EUR') + balance('CLBD', '27.00', 'SEK'),
    );
    expect((await summary('camt053', file)).at(-1)).toBe('= ACC/1 SEK 2700 0');
  });

  it('knows an entry by the reference of the bank in whatever statement it comes', async () => {
    const body = entry('1.00', 'CRDT', '').replace(
      '</Ntry>',
      '<AcctSvcrRef>BANK-000123</AcctSvcrRef></Ntry>',
    );
    const first = transactions((await read('camt053', statement(body))).items);
    const again = transactions(
      (await read('camt053', Buffer.from(statement(body).toString().replace('<Id>1</Id>', '<Id>2</Id>'))))
        .items,
    );
    const without = transactions((await read('camt053', statement(entry('1.00', 'CRDT', '')))).items);
    const elsewhere = transactions(
      (
        await read(
          'camt053',
          Buffer.from(
            statement(entry('1.00', 'CRDT', ''))
              .toString()
              .replace('<Id>1</Id>', '<Id>2</Id>'),
          ),
        )
      ).items,
    );
    expect(again[0]?.id).toBe(first[0]?.id);
    expect(elsewhere[0]?.id).not.toBe(without[0]?.id);
  });
});

const balance = (code: string, amount: string, currency: string): string =>
  `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="${currency}">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>`;
const entry = (amount: string, indicator: string, more: string): string =>
  `<Ntry><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>${indicator}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-02</Dt></BookgDt>${more}</Ntry>`;
const statement = (entries: string, balances = ''): Buffer =>
  Buffer.from(
    `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.04"><BkToCstmrStmt><Stmt><Id>1</Id>` +
      `<Acct><Id><Othr><Id>ACC</Id></Othr></Id></Acct>${balances}${entries}</Stmt></BkToCstmrStmt></Document>`,
  );

describe('mt940', () => {
  it('reads SWIFT blocks, pages of one statement, reversals, free text that looks like fields', async () => {
    const batch = '37040044/0532013000/00211/001/261101';
    expect(await summary('mt940', fixture('mt940-swift.sta'))).toEqual([
      `6 other 104096 EUR ${batch}`,
      `10 other -5000 EUR ${batch}`,
      `21 other -4096 EUR ${batch}`,
      `22 other 1000 EUR ${batch}`,
      `23 fee -2523 EUR ${batch}`,
      `24 fee -2523 EUR ${batch}`,
      `25 other 46 EUR ${batch}`,
      `= ${batch} EUR 191000 191000`,
    ]);
  });

  it('finds references and the year of the entry date', async () => {
    const { items } = await read('mt940', fixture('mt940-swift.sta'));
    const rows = transactions(items);
    expect(rows[0]).toMatchObject({ merchantReference: 'po_1QLampsNov02', paymentReference: 'B2611020001' });
    expect(rows[1]?.raw).toContain('-- nor this\\n:12:34 nor a field');
    expect(rows[6]?.occurredAtMs).toBe(Date.UTC(2027, 0, 2));
  });

  it('reads what banks make of the standard, and quarantines what cannot be meant', async () => {
    const euro = 'NL69INGB0123456789EUR/000/261101';
    const yen = 'NL69INGB0123456789JPY/1/1/261101';
    expect(await summary('mt940', fixture('mt940-ugly.sta'))).toEqual([
      `7 other 123450 EUR ${euro}`,
      '9 ! Amount "10,005" is finer than EUR, which has 2 decimals.',
      `10 other -100 EUR ${euro}`,
      '11 ! The date "1302" is not a month and day.',
      '12 ! The entry "261102X1,00NTRFno mark" does not have the form date, C/D, amount, type.',
      `13 memo 0 EUR ${euro}`,
      `= ${euro} EUR 123345 123345`,
      `20 other -1200 JPY ${yen}`,
      '21 ! Amount "1200,5" is finer than JPY, which has 0 decimals.',
      `= ${yen} JPY 3800 3800`,
    ]);
    const { items } = await read('mt940', fixture('mt940-ugly.sta'));
    expect(transactions(items)[0]?.raw).toContain('MÜLLER');
  });

  it.each([
    ['KWD', '10.125', '! Amount "10.125" is not an amount.'],
    ['KWD', '1.000', '! Amount "1.000" is not an amount.'],
    ['KWD', '10,125', 'other 10125'],
    ['EUR', '1.000', '! Amount "1.000" is not an amount.'],
    ['EUR', '1.000,5', 'other 100050'],
    ['EUR', '1000.50', 'other 100050'],
    ['EUR', '1000,', 'other 100000'],
  ])('takes a point for what it must be: %s %s', async (currency, amount, expected) => {
    const [opening, closing] = [`:60F:C261102${currency}0,`, `:62F:C261103${currency}0,`];
    const [row] = await summary(
      'mt940',
      message(':28C:1/1', opening, `:61:2611031103C${amount}NTRF`, closing),
    );
    expect(row).toBe(`5 ${expected}${expected.startsWith('!') ? '' : ` ${currency} ACC/1/1/261102`}`);
  });

  it('ties the pages of a statement as one, and links each of them', async () => {
    const file = pages('7/1', '7/2');
    expect((await summary('mt940', file)).at(-1)).toBe('= ACC/7/1/261102 EUR 300 300');
    expect(await chain('mt940', file)).toEqual([
      'ACC EUR: 20261102 to 20261103 no. 7001, 100 to 200',
      'ACC EUR: 20261103 to 20261103 no. 7002, 200 to 300',
    ]);
  });

  it('gives pages that no number tells apart places that say nothing of their order', async () => {
    const [first, second] = await chain('mt940', pages('7', '7'));
    expect(first).toBe('ACC EUR: 20261102 to 20261103 no. 7000, 100 to 200');
    expect(second).toMatch(/no\. -\d+, 200 to 300$/);
    // As in files of their own, and where every page says that it were the first.
    expect((await chain('mt940', page('M', '7', 2)))[0]).toBe(second);
    expect((await chain('mt940', pages('7/1', '7/1')))[1]).toMatch(/no\. -\d+, 200 to 300$/);
  });

  describe('a file that ends in its closing balance', () => {
    const upTo = (end: string, opening = 'EUR100,00') =>
      Buffer.from(`:25:ACC\n:28C:1/1\n:60F:C261102${opening}\n:61:2611031103C74,50NTRF\n:86:${end}`);
    const row = '4 other 7450 EUR ACC/1/1/261102';
    const cutOff = expect.stringMatching(/^thrown StatementCutOffError: The file breaks off at line 1: /);

    it.each([
      'thanks\n:62F:C261102',
      'thanks\n:62F:C261102EU',
      'thanks\n:62F:C261102EUR',
      'thanks\n:62F:C261102EUR17',
      'thanks\n:62F:C261102EUR174,',
      'thanks\n:62F:C261102EUR174,5',
    ])('breaks off there, and has given its last row: %j', async (end) => {
      expect(await summary('mt940', upTo(end))).toEqual([row, cutOff]);
    });

    it.each(['than', 'thanks', 'thanks\n', 'thanks\n:62F'])('breaks off before it: %j', async (end) => {
      expect(await summary('mt940', upTo(end))).toEqual([cutOff]);
    });

    it.each([
      ['thanks\n:62F:C261102EUR174,50', 'EUR100,00'],
      ['thanks\n:62F:C261102EUR174,5', 'EUR100,0'],
      ['thanks\n:62F:C261102EUR174,5\n', 'EUR100,00'],
      ['thanks\n:62F:C261102EUR174,50\n-', 'EUR100,00'],
    ])('is whole: %j', async (end, opening) => {
      expect(await summary('mt940', upTo(end, opening))).toEqual([row, '= ACC/1/1/261102 EUR 17450 17450']);
    });
  });

  it('ties the statements before the one in which a file breaks off, and not its pages', async () => {
    const whole = message(':28C:6/1', ':60F:C261101EUR1,00', ':62F:C261102EUR1,00');
    const file = Buffer.concat([whole, pages('7/1', '7/2')]);
    for (const length of [file.indexOf(':62M:'), file.lastIndexOf(':61:'), file.lastIndexOf(':62F:')]) {
      const lines = await summary('mt940', file.subarray(0, length));
      expect(lines.filter((line) => line.startsWith('='))).toEqual(['= ACC/6/1/261101 EUR 100 100']);
      expect(lines.at(-1)).toMatch(/^thrown StatementCutOffError/);
    }
  });
});

const message = (...lines: readonly string[]): Buffer =>
  Buffer.from([':20:STARTUMS', ':25:ACC', ...lines, '-', ''].join('\r\n'));

/** One with an entry of 1,00; a further one (`M`) begins on the day that it ends. */
const page = (opens: 'F' | 'M', number: string, begins: number): Buffer =>
  message(
    `:28C:${number}`,
    `:60${opens}:C26110${opens === 'F' ? 2 : 3}EUR${begins},00`,
    ':61:2611031103C1,00NTRFNONREF',
    `:62${opens === 'F' ? 'M' : 'F'}:C261103EUR${begins + 1},00`,
  );
const pages = (first: string, second: string): Buffer =>
  Buffer.concat([page('F', first, 1), page('M', second, 2)]);
