/**
 * Files in the shapes that providers publish or banks are known to send, column variants, localised, in unusual currencies:
 * each gives the right minor units or says which line is wrong and why.
 */
import { describe, expect, it } from '@jest/globals';

import { chain, csv, read, summary, transactions } from '../../test/statement-files.js';

describe('Stripe’s itemised reports', () => {
  it('reads a payout reconciliation with every column, currencies without decimals and with three', async () => {
    const file = csv(
      'automatic_payout_id,automatic_payout_effective_at_utc,automatic_payout_effective_at,balance_transaction_id,created_utc,' +
        'created,available_on_utc,available_on,reporting_category,currency,gross,fee,net,description,customer_facing_amount,' +
        'customer_facing_currency,regulatory_tag,trace_id,trace_id_status,source_id,charge_id,payment_intent_id,' +
        'payment_method_type,is_link,card_brand,card_funding,card_country,statement_descriptor,dispute_reason,' +
        'connected_account_id,customer_id,customer_email,payment_metadata[order_id],refund_metadata[order_id]',
      'po_J,2026-11-04 00:00:00,2026-11-04 09:00:00,txn_J1,2026-11-02 09:12:44,2026-11-02 18:12:44,,,charge,jpy,5000,180,4820,,5000,jpy,,,,ch_J1,ch_J1,pi_J1,card,false,visa,credit,JP,SHOP,,,cus_1,a@b.c,o-1,',
      'po_J,2026-11-04 00:00:00,2026-11-04 09:00:00,txn_J2,2026-11-02 09:13:44,2026-11-02 18:13:44,,,refund,jpy,-1200.00,0.00,-1200.00,,,,,,,re_J2,ch_J1,pi_J1,card,false,visa,credit,JP,SHOP,,,cus_1,a@b.c,,o-1',
      'po_K,2026-11-04 00:00:00,2026-11-04 03:00:00,txn_K1,2026-11-02 09:14:44,2026-11-02 12:14:44,,,charge,kwd,10.125,0.375,9.750,,,,,,,ch_K1,ch_K1,pi_K1,card,false,mc,debit,KW,SHOP,,,,,,',
      'po_H,2026-11-04 00:00:00,2026-11-04 03:00:00,txn_H1,2026-11-02 09:14:44,2026-11-02 12:14:44,,,charge,huf,"12,345.67",345.67,"12,000.00",,,,,,,ch_H1,ch_H1,pi_H1,card,false,mc,debit,HU,SHOP,,,,,,',
    );
    expect(await summary('stripe-payout-csv', file)).toEqual([
      '2 charge 4820 JPY po_J',
      '3 refund -1200 JPY po_J',
      '4 charge 9750 KWD po_K',
      '5 charge 1200000 HUF po_H',
    ]);
    const [first, second] = transactions((await read('stripe-payout-csv', file)).items);
    expect(first).toMatchObject({ paymentReference: 'pi_J1', merchantReference: 'o-1' });
    expect(second).toMatchObject({ paymentReference: 'pi_J1', merchantReference: 'o-1' });
  });

  it('reads the payouts report, and the reports of one payout by its id', async () => {
    const payouts = csv(
      'payout_id,effective_at_utc,effective_at,currency,gross,fee,net,reporting_category,balance_transaction_id,description,' +
        'payout_expected_arrival_date,payout_status,payout_reversed_at_utc,payout_reversed_at,payout_type,payout_description,payout_destination_id',
      'po_1,2026-11-04 00:00:00,2026-11-04 01:00:00,eur,-60.20,0.00,-60.20,payout,txn_p1,STRIPE PAYOUT,2026-11-06,paid,,,bank_account,,ba_1',
      'po_2,2026-11-05 00:00:00,2026-11-05 01:00:00,eur,12.00,0.00,12.00,payout_reversal,txn_p2,Returned,2026-11-06,failed,2026-11-05 00:00:00,2026-11-05 01:00:00,bank_account,,ba_1',
    );
    expect(await summary('stripe-payout-csv', payouts)).toEqual([
      '2 payout -6020 EUR -',
      '3 payout-returned 1200 EUR -',
    ]);
    const byId = csv(
      'payout_id,payout_effective_at_utc,balance_transaction_id,created_utc,reporting_category,currency,gross,fee,net',
      'po_1,2026-11-04 00:00:00,txn_1,2026-11-02 09:12:44,charge,eur,62.00,1.80,60.20',
    );
    expect(await summary('stripe-payout-csv', byId)).toEqual(['2 charge 6020 EUR po_1']);
  });

  it('says of a summary that it has no transactions', async () => {
    const { items, error } = await read(
      'stripe-payout-csv',
      csv('category,description,net_amount,currency', 'starting_balance,Starting balance,0.00,eur'),
    );
    expect(items).toEqual([]);
    expect(error).toMatchObject({ message: expect.stringContaining('balance_transaction_id') });
  });

  it('quarantines a row with too many columns, a missing currency and an amount with an exponent', async () => {
    const header = 'balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category';
    const lines = await summary(
      'stripe-payout-csv',
      csv(
        header,
        'txn_1,2026-11-02 09:12:44,eur,1e3,0,1e3,charge',
        'txn_2,2026-11-02 09:12:44,,10.00,0,10.00,charge',
        'txn_3,2026-11-02 09:12:44,eur,10.00,0,10.00,charge,surplus',
        'txn_4,2026-02-30 09:12:44,eur,10.00,0,10.00,charge',
        'txn_5,2026-11-02 09:12:44,eur,90071992547409.93,0,90071992547409.93,charge',
        'txn_6,2026-11-02 09:12:44,eur,∞,0,NaN,charge',
        'txn_7,2026-11-02 09:12:44,eur,10.00,0,10.00,charge',
      ),
    );
    expect(lines).toEqual([
      '2 ! net "1e3" is not an amount.',
      '3 ! currency is empty.',
      '4 ! The row has 8 columns, the header 7.',
      '5 ! created is not a date in the calendar.',
      '6 ! net "90071992547409.93" is too large.',
      '7 ! net "NaN" is not an amount.',
      '8 charge 1000 EUR -',
    ]);
  });
});

describe('Adyen’s settlement details', () => {
  const header =
    'Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,' +
    'Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,Net Debit (NC),' +
    'Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),Payment Method Variant,' +
    'Modification Merchant Reference,Batch Number,Reserved4,Reserved5,Reserved6,Reserved7,Reserved8,Reserved9,Reserved10';
  /** `money`: gross currency, debit, credit, rate, net currency, debit, credit. */
  const line = (type: string, money: string, batch: number, psp = '') =>
    `Co,Shop,${psp},${psp === '' ? '' : 'o-1'},visa,2026-11-02 09:12:44,CET,${type},m,${money},,,,,,,${batch},,,,,,,`;

  it('knows every journal type of a batch, and ties what they come to', async () => {
    const file = csv(
      header,
      line('Settled', 'EUR,,100.00,1,EUR,,98.00', 5, '8500000000000001'),
      line('Refunded', 'EUR,20.00,,1,EUR,20.00,', 5, '8500000000000001'),
      line('RefundedReversed', 'EUR,,20.00,1,EUR,,20.00', 5, '8500000000000001'),
      line('Chargeback', 'EUR,100.00,,1,EUR,110.00,', 5, '8500000000000001'),
      line('SecondChargeback', 'EUR,1.00,,1,EUR,1.00,', 5, '8500000000000002'),
      line('ChargebackReversed', 'EUR,,100.00,1,EUR,,100.00', 5, '8500000000000001'),
      line('Fee', ',,,,EUR,0.30,', 5),
      line('MiscCosts', ',,,,EUR,2.00,', 5),
      line('InvoiceDeduction', ',,,,EUR,9.00,', 5),
      line('PaymentCost', ',,,,EUR,0.10,', 5),
      line('DepositCorrection', ',,,,EUR,,5.00', 5),
      line('Balancetransfer', ',,,,EUR,,3.40', 5),
      line('ManualCorrected', ',,,,EUR,1.00,', 5),
      line('ReserveAdjustment', ',,,,EUR,3.00,', 5),
      line('SomethingNew', ',,,,EUR,,1.00', 5),
      line('MerchantPayout', ',,,,EUR,81.00,', 5),
    );
    const lines = await summary('adyen-settlement-csv', file);
    expect(lines.map((text) => text.split(' ')[1]).slice(0, -1)).toEqual([
      'charge',
      'refund',
      'refund-failed',
      'chargeback',
      'chargeback',
      'chargeback-reversed',
      'fee',
      'fee',
      'fee',
      'fee',
      'adjustment',
      'carry-over',
      'adjustment',
      'adjustment',
      'other',
      'payout',
    ]);
    expect(lines.at(-1)).toBe('= Shop/5 EUR 8100 8100');
  });

  it('reads thousands, semicolons and a byte order mark, and links batches in a chain', async () => {
    const rows = [
      line('Settled', 'EUR,,1250.00,1,EUR,,1230.50', 7, '8500000000000001'),
      line('MerchantPayout', ',,,,EUR,1230.50,', 7),
    ];
    const semicolons = [header, ...rows].map((text) =>
      text
        .replaceAll(',', ';')
        .replaceAll(
          /(\d+)\.(\d\d)/g,
          (_, whole: string, cents: string) => `${whole.replace(/(\d)(\d{3})$/, '$1.$2')},${cents}`,
        ),
    );
    const file = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), csv(...semicolons)]);
    expect(await summary('adyen-settlement-csv', file)).toEqual([
      '2 charge 123050 EUR Shop/7',
      '3 payout -123050 EUR -',
      '= Shop/7 EUR 123050 123050',
    ]);
    expect(await chain('adyen-settlement-csv', file)).toEqual(['Shop: 6 to 7 no. 0, 6 to 7']);
  });
});

describe('PayPal’s activity', () => {
  const rowOf = (...cells: readonly string[]) => cells.map((cell) => `"${cell}"`).join(',');

  it('reads French with its byte order mark, commas and no-break spaces', async () => {
    const file = Buffer.concat([
      Buffer.from([0xef, 0xbb, 0xbf]),
      csv(
        rowOf(
          'Date',
          'Heure',
          'Fuseau horaire',
          'Nom',
          'Type',
          'État',
          'Devise',
          'Brut',
          'Frais',
          'Net',
          'Numéro de transaction',
          'Impact sur le solde',
        ),
        rowOf(
          '25/11/2026',
          '10:00:00',
          'CET',
          'Ada',
          'Paiement Express Checkout',
          'Terminé',
          'EUR',
          '1 058,09',
          '-26,74',
          '1 031,35',
          '1A',
          'Crédit',
        ),
        rowOf(
          '26/11/2026',
          '10:00:00',
          'CET',
          'Ada',
          'Remboursement',
          'Terminé',
          'EUR',
          '-58,09',
          '0,00',
          '-58,09',
          '1B',
          'Débit',
        ),
        rowOf(
          '27/11/2026',
          '10:00:00',
          'CET',
          '',
          'Virement standard',
          'Terminé',
          'EUR',
          '-900,00',
          '0,00',
          '-900,00',
          '1C',
          'Débit',
        ),
      ),
    ]);
    const lines = await summary('paypal-activity-csv', file);
    expect(lines).toEqual(['2 charge 103135 EUR -', '3 refund -5809 EUR -', '4 payout -90000 EUR -']);
  });

  it('takes a hold and its release for what they are: they come to nothing', async () => {
    const columns = [
      'Date',
      'Time',
      'TimeZone',
      'Name',
      'Type',
      'Status',
      'Currency',
      'Gross',
      'Fee',
      'Net',
      'Transaction ID',
    ];
    const file = csv(
      rowOf(...columns),
      rowOf(
        '25/11/2026',
        '10:00:00',
        'GMT',
        '',
        'Hold on Balance for Dispute Investigation',
        'Completed',
        'JPY',
        '-5000',
        '0',
        '-5000',
        '2A',
      ),
      rowOf(
        '26/11/2026',
        '10:00:00',
        'GMT',
        '',
        'Cancellation of Hold for Dispute Resolution',
        'Completed',
        'JPY',
        '5,000',
        '0',
        '5,000',
        '2B',
      ),
      rowOf(
        '26/11/2026',
        '11:00:00',
        'GMT',
        '',
        'Account Hold for Open Authorization',
        'Pending',
        'JPY',
        '-70',
        '0',
        '-70',
        '2C',
      ),
    );
    const lines = await summary('paypal-activity-csv', file);
    expect(lines.slice(0, 2).map((text) => text.split(' ').slice(1, 3).join(' '))).toEqual([
      'hold -5000',
      'hold 5000',
    ]);
  });
});

describe('camt.053', () => {
  const entryOf = (amount: string, more = '') =>
    `<Ntry><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-03</Dt></BookgDt>${more}</Ntry>`;
  const balanceOf = (code: string, amount: string, date: string) =>
    `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>${date}</Dt></Dt></Bal>`;
  const documentOf = (version: string, prefix: string, ...statements: readonly string[]) => {
    const xml = `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.${version}"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr>${statements
      .map(
        (body, index) =>
          `<Stmt><Id>S${index + 1}</Id><ElctrncSeqNb>${index + 1}</ElctrncSeqNb><Acct><Id><IBAN>DE02 1203 0000 0000 2020 51</IBAN></Id></Acct>${body}</Stmt>`,
      )
      .join('')}</BkToCstmrStmt></Document>`;
    const prefixed = xml
      .replaceAll(/<(\/?)([A-Z])/g, `<$1${prefix}$2`)
      .replace('xmlns=', prefix === '' ? 'xmlns=' : `xmlns:${prefix.slice(0, -1)}=`);
    return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${prefixed}`);
  };

  it.each(['02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12', '13'])(
    'version %s, with a prefix and without',
    async (version) => {
      const body = `${balanceOf('OPBD', '10.00', '2026-11-03')}${balanceOf('CLBD', '15.00', '2026-11-03')}${entryOf('5.00')}`;
      for (const prefix of ['', 'ns2:', 'camt:']) {
        const lines = await summary('camt053', documentOf(version, prefix, body));
        expect(lines).toEqual([
          '2 other 500 EUR DE02120300000000202051/S1',
          '= DE02120300000000202051/S1 EUR 1500 1500',
        ]);
      }
    },
  );

  it('links statements of an account by what they end and begin with', async () => {
    const file = documentOf(
      '08',
      '',
      `${balanceOf('OPBD', '10.00', '2026-11-03')}${balanceOf('CLBD', '15.00', '2026-11-03')}${entryOf('5.00')}`,
      `${balanceOf('OPBD', '17.00', '2026-11-04')}${balanceOf('CLBD', '17.00', '2026-11-04')}`,
    );
    expect(await chain('camt053', file)).toEqual([
      'DE02120300000000202051 EUR: 20261103 to 20261103 no. 1000, 1000 to 1500',
      'DE02120300000000202051 EUR: 20261104 to 20261104 no. 2000, 1700 to 1700',
    ]);
  });

  it('refuses what no bank writes in an amount, and goes on', async () => {
    const lines = await summary(
      'camt053',
      documentOf(
        '02',
        '',
        ['1,005', '1e2', '', '-5.00', '+5.00', '0x10', '1.005'].map((amount) => entryOf(amount)).join(''),
      ),
    );
    expect(lines.filter((text) => text.includes(' ! '))).toHaveLength(5);
    expect(lines.filter((text) => !text.includes(' ! '))).toEqual([
      '2 other -500 EUR DE02120300000000202051/S1',
      '2 other 500 EUR DE02120300000000202051/S1',
    ]);
  });
});

describe('MT940', () => {
  const message = (...lines: readonly string[]) =>
    Buffer.from([':20:STARTUMS', ':25:12030000/0000202051', ...lines, '-', ''].join('\r\n'));

  it('reads structured :86: with subfields, funds codes, and every mark', async () => {
    const file = message(
      ':28C:00012/001',
      ':60F:C261102EUR1000,00',
      ':61:2611031103CR100,00NTRFNONREF//B1',
      ':86:166?00GUTSCHRIFT?109310?20EREF+o-1?21SVWZ+Order 1 with',
      '?22 thanks?30DEUTDEFF?31DE123?32ADA',
      ':61:2611031103DR40,NTRFNONREF//B2',
      ':61:2611031103RC10,00NTRFNONREF//B3',
      ':61:2611031103RDR5,50NTRFNONREF//B4',
      ':62F:C261103EUR1055,50',
    );
    const batch = '12030000/0000202051/00012/001/261102';
    expect(await summary('mt940', file)).toEqual([
      `5 other 10000 EUR ${batch}`,
      `8 other -4000 EUR ${batch}`,
      `9 other -1000 EUR ${batch}`,
      `10 other 550 EUR ${batch}`,
      `= ${batch} EUR 105550 105550`,
    ]);
    expect(transactions((await read('mt940', file)).items)[0]).toMatchObject({
      merchantReference: 'o-1',
      paymentReference: 'B1',
    });
    expect(await chain('mt940', file)).toEqual([
      '12030000/0000202051 EUR: 20261102 to 20261103 no. 12001, 100000 to 105550',
    ]);
  });

  it('reads currencies with no decimals and with three, and a balance of debit', async () => {
    const yen = message(
      ':28C:1/1',
      ':60F:D261102JPY5000,',
      ':61:2611031103C12000,NTRFNONREF',
      ':62F:C261103JPY7000,',
    );
    const dinar = message(
      ':28C:1/1',
      ':60F:C261102KWD0,000',
      ':61:2611031103C10,125NTRFNONREF',
      ':62F:C261103KWD10,125',
    );
    expect((await summary('mt940', yen)).at(-1)).toBe('= 12030000/0000202051/1/1/261102 JPY 7000 7000');
    expect((await summary('mt940', dinar)).at(-1)).toBe('= 12030000/0000202051/1/1/261102 KWD 10125 10125');
  });
});
