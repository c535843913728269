/** Stripe, Adyen and PayPal on files in their shape (test/fixtures/statements). */
import { describe, expect, it } from '@jest/globals';

import { csv, fixture, read, summary, transactions } from '../../../test/statement-files.js';

describe('stripe-payout-csv', () => {
  it('reads an itemised payout reconciliation; a fee that names no payout counts into the payout of its day', async () => {
    expect(await summary('stripe-payout-csv', fixture('stripe-payout-reconciliation.csv'))).toEqual([
      '2 charge 4888 EUR po_1QLampsNov02',
      '3 charge 118235 EUR po_1QLampsNov02',
      '5 refund -4990 EUR po_1QLampsNov02',
      '6 chargeback -14000 EUR po_1QLampsNov02',
      '7 fee -37 EUR -',
      '8 payout -104096 EUR -',
      '9 charge 5013 JPY po_1QYenNov02',
      '10 payout -5013 JPY -',
      '= po_1QLampsNov02 EUR 104096 104096',
      '= po_1QYenNov02 JPY 5013 5013',
    ]);
  });

  it('names a row as the API does, and keeps what it was charged for', async () => {
    const { items } = await read('stripe-payout-csv', fixture('stripe-payout-reconciliation.csv'));
    expect(transactions(items)[1]).toMatchObject({
      id: 'txn_3QLampA1000000000000002',
      kind: 'charge',
      gross: { value: 120_000, currency: 'EUR' },
      fee: { value: 1765, currency: 'EUR' },
      net: { value: 118_235, currency: 'EUR' },
      paymentReference: 'pi_3QLampA2',
      merchantReference: 'res-0002',
      payoutId: 'po_1QLampsNov02',
      occurredAtMs: Date.UTC(2026, 10, 2, 9, 13, 1),
    });
    expect(transactions(items)[1]?.raw).toContain(
      '"description":"Lamp \\"Aurora\\"\\nsecond line of a description"',
    );
  });

  it('reads the balance history of 2016, and a payout that was taken from the bank', async () => {
    expect(await summary('stripe-payout-csv', fixture('stripe-balance-history-old.csv'))).toEqual([
      '2 charge 1912 USD po_1AAA1',
      '3 refund -500 USD po_1AAA1',
      '4 chargeback -3500 USD po_1AAA1',
      '5 payout 2088 USD -',
      '= po_1AAA1 USD -2088 -2088',
    ]);
  });

  it('quarantines what is broken, and nothing around it', async () => {
    expect(await summary('stripe-payout-csv', fixture('stripe-ugly.csv'))).toEqual([
      '4 charge 4888 EUR po_ugly',
      '5 charge 118235 EUR po_ugly',
      '6 ! net "12,345" is finer than EUR, which has 2 decimals.',
      '7 charge 5013 JPY -',
      '8 charge 25125 KWD -',
      '9 ! created "31.11.2026" is not a date.',
      '10 ! currency "xxx" is not a currency of ISO 4217.',
      '11 ! gross "ten" is not an amount.',
      '12 ! The row has 6 of 9 columns.',
      '13 ! A quote is closed in the middle of a field.',
      '14 payout -123123 EUR -',
      '15 ! net "99999999999999999,00" is too large.',
      '= po_ugly EUR 123123 123123',
    ]);
  });

  it('quotes what is broken so that it can be kept: cut within a character, it has none of its halves', async () => {
    const amount = `${'9'.repeat(39)}😀`;
    const bytes = csv(
      'id,type,source,amount,fee,net,currency,created',
      `txn_1,charge,ch_1,${amount},0,1.00,eur,2026-11-02 10:00`,
      'txn_2,charge,ch_2,1.00,0,1.00,eur,2026-11-02 10:00',
    );
    const { items } = await read('stripe-payout-csv', bytes);
    const [broken] = items;
    expect(broken).toMatchObject({ kind: 'quarantined', reason: expect.stringContaining('9\uFFFD…') });
    expect(transactions(items)).toMatchObject([{ id: 'txn_2' }]);
  });

  it('quarantines amounts that are larger than any can be, and nothing around them', async () => {
    const row = (id: string, net: string) => `${id},2026-01-30 10:11:12,EUR,${net},0,${net},charge,po_1`;
    const file = csv(
      'balance_transaction_id,created,currency,gross,fee,net,reporting_category,automatic_payout_id',
      row('txn_1', '9999999999999.99'),
      row('txn_2', '60000000000000.00'),
      row('txn_3', '"-10,000,000,000,000.00"'),
      row('txn_4', '1.00'),
    );
    expect(await summary('stripe-payout-csv', file)).toEqual([
      '2 charge 999999999999999 EUR po_1',
      '3 ! net "60000000000000.00" is too large.',
      '4 ! net "-10,000,000,000,000.00" is too large.',
      '5 charge 100 EUR po_1',
    ]);
  });

  it('takes a payout that is stated as what the bank gets', async () => {
    const file = csv(
      'balance_transaction_id,created,currency,gross,fee,net,reporting_category,automatic_payout_id',
      'txn_1,2026-01-30 10:11:12,USD,25,0.95,24.05,charge,po_1',
      'txn_2,2026-01-30 12:30:00,USD,-0.5,0,-0.5,fee,po_1',
      'txn_3,2026-01-31 00:00:00,USD,23.55,0,23.55,payout,po_1',
    );
    expect((await summary('stripe-payout-csv', file)).at(-1)).toBe('= po_1 USD 2355 2355');
  });

  it('ties nothing where no payout is stated, and leaves a fee alone that two payouts could have', async () => {
    const header =
      'balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,automatic_payout_id';
    const row = 'txn_1,2026-01-30 10:11:12,usd,25,0.95,24.05,charge,po_1';
    expect(await summary('stripe-payout-csv', csv(header, row))).toEqual(['2 charge 2405 USD po_1']);
    const two = csv(
      header,
      row,
      'txn_2,2026-01-31 00:00:00,usd,-23.55,0,-23.55,payout,po_1',
      'txn_3,2026-01-30 10:11:12,usd,25,0.95,24.05,charge,po_2',
      'txn_4,2026-01-31 00:00:00,usd,-24.05,0,-24.05,payout,po_2',
      'txn_5,2026-01-30 10:11:12,usd,-0.50,0,-0.50,fee,',
    );
    expect((await summary('stripe-payout-csv', two)).slice(-2)).toEqual([
      '= po_1 USD 2355 2405',
      '= po_2 USD 2405 2405',
    ]);
  });

  const header =
    'balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,automatic_payout_id';
  const payoutRow = (id: string, net: string, category: string, source: string, payout: string) =>
    `${id},2026-11-03 00:00:00,eur,${net},0,${net},${category},${source},${payout}`;

  it('takes what a payout states once, also when its row comes twice', async () => {
    const paidOut = payoutRow('txn_2', '-24.05', 'payout', 'po_1', 'po_1');
    const file = csv(header, payoutRow('txn_1', '24.05', 'charge', 'ch_1', 'po_1'), paidOut, paidOut);
    expect((await summary('stripe-payout-csv', file)).at(-1)).toBe('= po_1 EUR 2405 2405');
  });

  it('quarantines an empty amount, and takes an empty fee for none', async () => {
    const lines = await summary(
      'stripe-payout-csv',
      csv(
        header,
        'txn_1,2026-11-03 00:00:00,eur,,0,24.05,charge,ch_1,po_1',
        'txn_2,2026-11-03 00:00:00,eur,24.05,0,,charge,ch_2,po_1',
        'txn_3,2026-11-03 00:00:00,eur,24.05,,24.05,charge,ch_3,po_1',
      ),
    );
    expect(lines).toEqual(['2 ! gross is empty.', '3 ! net is empty.', '4 charge 2405 EUR po_1']);
  });

  it.each(['payout_reversal', 'payout_failure', 'payout_cancel'])(
    'has a later payout carry what came back of one (%s)',
    async (category) => {
      const file = csv(
        header,
        payoutRow('txn_1', '28.00', category, 'po_1', 'po_2'),
        payoutRow('txn_2', '10.00', 'charge', 'ch_2', 'po_2'),
        payoutRow('txn_3', '-38.00', 'payout', 'po_2', 'po_2'),
        payoutRow('txn_4', '12.00', category, 'po_3', 'po_3'),
      );
      expect(await summary('stripe-payout-csv', file)).toEqual([
        '2 payout-returned 2800 EUR po_2',
        '3 charge 1000 EUR po_2',
        '4 payout -3800 EUR -',
        '5 payout-returned 1200 EUR -',
        '= po_2 EUR 3800 3800',
      ]);
    },
  );
});

describe('a table that breaks off', () => {
  const header =
    'balance_transaction_id,created,currency,gross,fee,net,reporting_category,automatic_payout_id,description';
  const rows = [
    'txn_1,2026-11-03,eur,10.00,0,10.00,charge,po_1,Lamp',
    'txn_2,2026-11-03,eur,-10.00,0,-10.00,payout,po_1,Payout',
  ];

  it.each(['txn_3,2026-11-03,eur,5', 'txn_3,2026-11-03,eur,5.00,0,5.00,charge,po_1,"La'])(
    'gives its rows, and nothing that they would have to add up to: %s',
    async (last) => {
      expect(await summary('stripe-payout-csv', Buffer.from([header, ...rows, last].join('\n')))).toEqual([
        '2 charge 1000 EUR po_1',
        '3 payout -1000 EUR -',
        expect.stringMatching(/^thrown StatementCutOffError: The file breaks off at line 4: /),
      ]);
    },
  );

  it('gives the rows that were kept back, too', async () => {
    const [names = '', first = ''] = fixture('paypal-activity-en.csv').toString().split('\n');
    // Nothing says yet how the file writes dates and amounts.
    const row = first.replace('09/04/2026', '04/04/2026').replaceAll('.09', '').replaceAll('.00', '');
    expect(await summary('paypal-activity-csv', Buffer.from([names, row, '"04/05'].join('\n')))).toEqual([
      '2 charge 102700 USD -',
      expect.stringMatching(/^thrown StatementCutOffError/),
    ]);
  });
});

describe('adyen-settlement-csv', () => {
  it('ties each payout of each currency, also where they share one modification reference', async () => {
    expect(await summary('adyen-settlement-csv', fixture('adyen-two-batches.csv'))).toEqual([
      '2 carry-over 1000 EUR LampCo_EU/42',
      '3 charge 4910 EUR LampCo_EU/42',
      '4 charge 9110 EUR LampCo_EU/42',
      '5 refund -4990 EUR LampCo_EU/42',
      '6 chargeback -2750 EUR LampCo_EU/42',
      '7 charge 0 EUR LampCo_EU/42',
      '8 fee -30 EUR LampCo_EU/42',
      '9 fee -30 EUR LampCo_EU/42',
      '10 payout -7220 EUR -',
      '11 charge 2900 USD LampCo_EU/43',
      '12 charge 2900 JPY LampCo_EU/43',
      '13 payout -2900 USD -',
      '14 payout -2900 JPY -',
      '= LampCo_EU/42 EUR 7220 7220',
      '= LampCo_EU/43 USD 2900 2900',
      '= LampCo_EU/43 JPY 2900 2900',
    ]);
  });

  it('tells equal rows apart by their count, and settles a foreign currency', async () => {
    const { items } = await read('adyen-settlement-csv', fixture('adyen-two-batches.csv'));
    const rows = transactions(items);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    expect(rows[7]?.id).toBe(`${rows[6]?.id}#2`);
    expect(rows[2]).toMatchObject({
      gross: { value: 10_000, currency: 'USD' },
      fee: { value: 90, currency: 'EUR' },
      net: { value: 9110, currency: 'EUR' },
      paymentReference: '8536000000000002',
      merchantReference: 'res-0002',
      occurredAtMs: Date.UTC(2026, 10, 2, 8, 13, 1),
    });
  });

  it('finds the header below a preamble and quarantines what is broken', async () => {
    expect(await summary('adyen-settlement-csv', fixture('adyen-ugly.csv'))).toEqual([
      '5 charge 123450 EUR LampCo_DE/7',
      '6 ! Batch Number is empty.',
      '7 ! Net Credit (NC) "10,005" is finer than EUR, which has 2 decimals.',
      '8 ! The row has 2 of 9 columns.',
      '10 adjustment -3450 EUR LampCo_DE/7',
      '11 payout -120000 EUR -',
      '= LampCo_DE/7 EUR 120000 120000',
    ]);
  });
});

describe('paypal-activity-csv', () => {
  it('reads German: comma decimals, shared ids of a conversion, rows that move nothing', async () => {
    const { items, error } = await read('paypal-activity-csv', fixture('paypal-activity-de.csv'));
    expect(error).toBeNull();
    const rows = transactions(items).map(({ id, kind, gross, fee, net }) => [
      id,
      kind,
      gross.value,
      fee?.value,
      net.value,
    ]);
    expect(rows).toEqual([
      ['4AB00000000000001:EUR:credit:091244', 'charge', 105_809, 2674, 103_135],
      ['4AB00000000000002:USD:credit:100000', 'charge', 10_000, 320, 9680],
      ['4AB00000000000003:USD:debit:100000', 'conversion', -9680, 0, -9680],
      ['4AB00000000000003:EUR:credit:100000', 'conversion', 8900, 0, 8900],
      ['4AB00000000000004:EUR:credit:110000:ausstehend', 'memo', 2000, undefined, 0],
      ['4AB00000000000004:EUR:credit:080000', 'charge', 2000, 85, 1915],
      ['4AB00000000000005:EUR:debit:093000', 'refund', -5809, -145, -5664],
      ['4AB00000000000006:EUR:credit:100000:abgelehnt', 'memo', 500, undefined, 0],
      ['4AB00000000000007:EUR:debit:230000', 'payout', -100_000, 0, -100_000],
    ]);
    expect(transactions(items)[6]).toMatchObject({
      paymentReference: '4AB00000000000001',
      merchantReference: 'res-0001',
    });
  });

  it('reads English: point decimals, holds, rows without an id, American dates', async () => {
    const { items } = await read('paypal-activity-csv', fixture('paypal-activity-en.csv'));
    const rows = transactions(items);
    expect(rows.map(({ kind, net }) => [kind, net.value])).toEqual([
      ['charge', 102_709],
      ['hold', -102_709],
      ['memo', 0],
      ['hold', 102_709],
      ['fee', -30],
      ['fee', -30],
    ]);
    expect(rows[0]?.occurredAtMs).toBe(Date.UTC(2026, 8, 5, 4, 15, 11));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    expect(items.at(-1)).toMatchObject({
      kind: 'quarantined',
      line: 8,
      reason: 'Gross "1.058,09" is not an amount.',
    });
  });

  it.each([
    [
      'day first, as a later row shows',
      ['04/09/2026', '25/09/2026'],
      [Date.UTC(2026, 8, 4), Date.UTC(2026, 8, 25)],
    ],
    [
      'month first, as a later row shows',
      ['04/09/2026', '04/25/2026'],
      [Date.UTC(2026, 3, 9), Date.UTC(2026, 3, 25)],
    ],
    [
      'day first, as the order shows',
      ['11/02/2026', '03/03/2026'],
      [Date.UTC(2026, 1, 11), Date.UTC(2026, 2, 3)],
    ],
    ['year first', ['2026-09-04', '2026/09/25'], [Date.UTC(2026, 8, 4), Date.UTC(2026, 8, 25)]],
  ])('dates: %s', async (_, dates, expected) => {
    const rows = dates.map(
      (date, index) => `${date},10:00:00,GMT,Payment,Completed,GBP,10.00,0.00,10.00,TX${index}`,
    );
    const file = csv('Date,Time,TimeZone,Type,Status,Currency,Gross,Fee,Net,Transaction ID', ...rows);
    const { items } = await read('paypal-activity-csv', file);
    expect(transactions(items).map(({ occurredAtMs }) => occurredAtMs - 36_000_000)).toEqual(expected);
  });

  it('keeps an amount without cents, and takes a pending withdrawal as gone from the balance', async () => {
    const file = csv(
      'Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,Net,Transaction ID,Balance',
      '29/12/2015,07:45:51,PST,ACME,General Payment,Completed,USD,84,-4.25,79.75,TID1,79.75',
      '25/07/2016,01:47:56,PDT,,General Withdrawal,Pending,EUR,-12431.37,0,-12431.37,TID2,-12388.03',
      '25/07/2016,01:47:56,PDT,Eva,eCheck Payment,Pending,EUR,10,0,10,TID3,-12388.03',
    );
    expect(await summary('paypal-activity-csv', file)).toEqual([
      '2 charge 7975 USD -',
      '3 payout -1243137 EUR -',
      '4 memo 0 EUR -',
    ]);
  });

  const typed = (type: string, gross: string, more = 'Completed,Credit') =>
    csv(
      'Date,Time,TimeZone,Type,Currency,Gross,Fee,Net,Transaction ID,Status,Balance Impact',
      `25/07/2026,01:47:56,GMT,${type},EUR,${gross},0,${gross},TID,${more}`,
    );

  it.each([
    ['Chargeback Fee', '-16.00', 'fee'],
    ['Dispute Fee', '-8.00', 'fee'],
    ['Chargeback Fee Reversal', '16.00', 'fee'],
    ['Rückbuchungsgebühr', '-16.00', 'fee'],
    ['Comisión por contracargo', '-16.00', 'fee'],
    ['Frais de contestation', '-16.00', 'fee'],
    ['Chargeback', '-16.00', 'chargeback'],
    ['Chargeback Reversal', '16.00', 'chargeback-reversed'],
    ['Rückbuchung', '-16.00', 'chargeback'],
    ['Hold on Balance for Dispute Investigation', '-16.00', 'hold'],
  ])('takes %s of %s for a %s', async (type, gross, kind) => {
    const [row] = transactions((await read('paypal-activity-csv', typed(type, gross))).items);
    expect(row).toMatchObject({ kind });
  });

  it.each([
    ['Completed,Credit', 'charge'],
    ['Completed,Mémo', 'memo'],
    ['Completed,Tegoed', 'charge'],
    ['Pending,Tegoed', 'memo'],
    ['Denied,Credit', 'memo'],
  ])('takes a payment that is %s for a %s', async (more, kind) => {
    const [row] = transactions((await read('paypal-activity-csv', typed('Payment', '10.00', more))).items);
    expect(row).toMatchObject({ kind });
  });
});
