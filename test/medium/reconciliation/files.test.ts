/** The same statements in other files: page by page, in any order, with other columns, again, and cut off. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from '#ledger';
import { statementReaders, type StatementFormat } from '#payments';
import { csvOfRun, DiscrepancyQueries, recordTieOuts, reportOf, RunRepository } from '#reconciliation';
import {
  beginRun,
  emptied,
  itemsOf,
  openLedger,
  reconcileItems,
  recordedDiscrepancies,
  takenIds,
  type TestLedger,
} from '../../fixtures/reconciliation.js';
import { transactionOf } from '../../fixtures/upstream.js';
import { describeWithPostgres } from '../../servers/index.js';

let ledger: TestLedger;

async function* bytesOf(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

const takeAs = (runId: string, format: StatementFormat, ...texts: readonly string[]) =>
  reconcileItems(ledger.db, [], { runId, reader: statementReaders[format], bytes: bytesOf(texts.join('')) });
const take = (format: StatementFormat, ...texts: readonly string[]) => takeAs(randomUUID(), format, ...texts);

const open = async (code: string) =>
  (await recordedDiscrepancies(ledger.db)).filter((row) => row.code === code && row.state === 'open');

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item].concat(rest)),
  );
}

describeWithPostgres('statements in other files', () => {
  beforeAll(async () => {
    ledger = await openLedger();
  });
  afterAll(() => ledger.stop());
  beforeEach(() => emptied(ledger.db));

  test('that take long are not given up while they are read; one that was, since it waited, has its result', async () => {
    const runs = new RunRepository(ledger.db);
    for (const [dry, givenUp] of [
      [true, 0],
      [false, 1],
    ] as const) {
      const [begun, rest] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const runId = randomUUID();
      const reading = reconcileItems(
        ledger.db,
        async function* () {
          begun.resolve();
          await rest.promise;
          yield* itemsOf([transactionOf('tx')]);
        },
        { runId, dry },
      );
      await begun.promise;
      expect(await runs.failAbandoned(0)).toBe(givenUp);
      rest.resolve();
      await reading;
      expect(await runs.find(runId)).toMatchObject({ status: 'succeeded', error: null });
    }
  });

  describe('one after the other, in any order', () => {
    /** An entry from `begins` to `ends`, of an account of its own. */
    const page =
      (account: string, number: string, days: readonly [number, number], opens: string, closes: string) =>
      (begins: number, ends: number) =>
        [
          `:20:1\n:25:${account}\n:28C:${number}`,
          `:60${opens}:C2611${days[0]}EUR${begins},00`,
          `:61:2611${days[1]}C${ends - begins},00NTRFNONREF`,
          `:62${closes}:C2611${days[1]}EUR${ends},00\n-\n`,
        ].join('\n');
    const numbered = (account: string) => [
      page(account, '210/1', [10, 11], 'F', 'F')(10, 11),
      page(account, '211/1', [11, 12], 'F', 'M')(11, 12),
      page(account, '211/2', [12, 12], 'M', 'F')(12, 13),
      page(account, '212/1', [12, 13], 'F', 'F')(13, 14),
    ];
    const withoutPages = (account: string) => [
      page(account, '210', [10, 11], 'F', 'F')(10, 11),
      page(account, '211', [11, 12], 'F', 'M')(11, 12),
      page(account, '211', [12, 12], 'M', 'F')(12, 13),
      page(account, '212', [12, 13], 'F', 'F')(13, 14),
    ];
    const camt = (account: string, id: string, day: number, begins: number, ends: number) => {
      const balance = (code: string, amount: number, on: number) =>
        `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-${on}</Dt></Dt></Bal>`;
      return `<Document><BkToCstmrStmt><Stmt><Id>${id}</Id><Acct><Id><Othr><Id>${account}</Id></Othr></Id></Acct>
        ${balance('OPBD', begins, day)}${balance('CLBD', ends, day)}
        <Ntry><Amt Ccy="EUR">${ends - begins}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-${day}</Dt></BookgDt></Ntry>
        </Stmt></BkToCstmrStmt></Document>`;
    };
    const twoOfOneDay = (account: string) => [
      camt(account, 'A', 11, 90, 100),
      camt(account, 'B', 12, 100, 150),
      camt(account, 'C', 12, 150, 170),
      camt(account, 'D', 13, 170, 200),
    ];
    const openOf = async (account: string) =>
      (await open('BATCH_GAP')).filter(({ subject }) => subject.startsWith(account));

    test.each([
      ['pages of an MT940', 'mt940', numbered],
      ['pages without a number', 'mt940', withoutPages],
      ['statements of one day without a number', 'camt053', twoOfOneDay],
    ] as const)('%s leave no gap, and no entry is lost', async (_, format, filesOf) => {
      const orders = permutations([0, 1, 2, 3]);
      for (const [index, order] of orders.entries()) {
        const account = `ACC${index}`;
        const files = filesOf(account);
        for (const place of order) await take(format, files[place]!);
        expect([order, await openOf(account)]).toEqual([order, []]);
      }
      expect(await takenIds(ledger.db)).toHaveLength(orders.length * 4);
    });

    test.each([
      ['a page of an MT940', 'mt940', numbered],
      ['a page without a number', 'mt940', withoutPages],
      ['a statement of a day without a number', 'camt053', twoOfOneDay],
    ] as const)('%s that is missing is found, until it comes', async (_, format, filesOf) => {
      for (const missing of [1, 2]) {
        for (const [index, order] of permutations(
          [0, 1, 2, 3].filter((place) => place !== missing),
        ).entries()) {
          const account = `ACC${missing}${index}`;
          const files = filesOf(account);
          for (const place of order) await take(format, files[place]!);
          expect([missing, order, (await openOf(account)).length]).toEqual([missing, order, 1]);
          await take(format, files[missing]!);
          expect([missing, order, await openOf(account)]).toEqual([missing, order, []]);
        }
      }
    });

    test('the first day of a chain may have several statements, and one of them may be missing', async () => {
      const day = (account: string) => [
        camt(account, 'A', 11, 90, 100),
        camt(account, 'B', 11, 100, 150),
        camt(account, 'C', 11, 150, 170),
      ];
      for (const [index, order] of permutations([0, 1, 2]).entries()) {
        const files = day(`ACC${index}`);
        for (const [count, place] of order.entries()) {
          await take('camt053', files[place]!);
          const apart = count === 1 && !order.slice(0, 2).includes(1) ? 1 : 0;
          expect([order, count, (await openOf(`ACC${index}`)).length]).toEqual([order, count, apart]);
        }
      }
    });
  });

  describe('with other columns', () => {
    const table = [
      [
        'balance_transaction_id',
        'created',
        'currency',
        'gross',
        'fee',
        'net',
        'reporting_category',
        'description',
      ],
      ['txn_1', '2026-11-02 09:12:44', 'eur', '50.00', '1.12', '48.88', 'charge', 'Lamp'],
      ['txn_2', '2026-11-02 09:13:44', 'eur', '-49.90', '0', '-49.90', 'refund', 'Chair'],
    ];
    const takeTable = (rows: readonly (readonly string[])[]) =>
      take('stripe-payout-csv', ...rows.map((row) => `${row.join(',')}\n`));
    const header = (change: (name: string) => string) => [table[0]!.map(change), ...table.slice(1)];

    test.each([
      ['in another order', table.map((row) => row.toReversed())],
      ['in another case', header((name) => name.replaceAll('_', ' ').toUpperCase())],
      ['fewer of them', table.map((row) => row.slice(0, -1))],
      ['more of them', table.map((row, index) => [...row, index === 0 ? 'card_brand' : 'visa'])],
    ])('a row is the same: %s', async (_, otherwise) => {
      for (const [first, second] of [
        [table, otherwise],
        [otherwise, table],
      ] as const) {
        await emptied(ledger.db);
        await takeTable(first);
        expect((await takeTable(second)).result).toMatchObject({ rows: 2, duplicates: 2 });
        expect(await open('CONFLICTING_DUPLICATE')).toEqual([]);
      }
    });

    test.each([
      ['a description', [table[0]!, table[1]!.with(7, 'Lamp 2'), table[2]!]],
      ['an amount', [table[0]!, table[1]!.with(5, '48.87'), table[2]!]],
      ['a kind', [table[0]!, table[1]!.with(6, 'refund'), table[2]!]],
    ])('one that says otherwise is a conflict: %s', async (_, otherwise) => {
      await takeTable(table);
      await takeTable(otherwise.map((row) => row.toReversed()));
      expect(await open('CONFLICTING_DUPLICATE')).toHaveLength(1);
    });
  });

  describe('that break off', () => {
    const statement = (number: number, begins: number, ends: number) =>
      [
        `:20:1\n:25:ACC\n:28C:${number}/1\n:60F:C2611${number}EUR${begins},00`,
        `:61:2611${number}C1,00NTRFNONREF`,
        `:62F:C2611${number + 1}EUR${ends},00\n-\n`,
      ].join('\n');

    test('in their last statement tie and link those before it', async () => {
      const whole = [statement(10, 10, 11), statement(12, 12, 15), statement(13, 15, 16)].join('');
      const cut = await take('mt940', whole.slice(0, whole.lastIndexOf(':62F:')));
      expect(cut.brokenOff).toMatch(/breaks off at line \d+/);
      expect(cut.result.tieOut.map(({ expected, actual }) => [expected, actual])).toEqual([
        [1_100, 1_100],
        [1_500, 1_300],
      ]);
      expect(cut.result.discrepancies).toMatchObject({ PAYOUT_NOT_TIED: 1, BATCH_GAP: 1 });
      const again = await take('mt940', whole);
      expect(again.brokenOff).toBeNull();
      expect(again.result.tieOut).toHaveLength(3);
      expect(await open('BATCH_GAP')).toHaveLength(1);
    });

    test('among the rows of a payout say nothing about what they add up to', async () => {
      const header =
        'balance_transaction_id,created,currency,gross,fee,net,reporting_category,automatic_payout_id';
      const row = (id: string, net: string, category: string) =>
        `\n${id},2026-11-03,eur,${net},0,${net},${category},po_1`;
      await take('stripe-payout-csv', header, row('txn_3', '-15.00', 'payout'), '\n');
      const rows = header + row('txn_1', '10.00', 'charge') + row('txn_2', '5.00', 'charge');
      const cut = await take('stripe-payout-csv', rows.slice(0, -20));
      expect(cut).toMatchObject({ result: { rows: 1, tieOut: [] }, brokenOff: expect.any(String) });
      expect(await open('PAYOUT_NOT_TIED')).toEqual([]);
      const whole = await take('stripe-payout-csv', rows);
      expect(whole.result.tieOut).toMatchObject([{ expected: 1_500, actual: 1_500, ties: true }]);
    });
  });

  describe('that come again', () => {
    const header =
      'balance_transaction_id,created,currency,gross,fee,net,reporting_category,automatic_payout_id';
    const untied = [
      header,
      'txn_1,2026-11-03,eur,10.00,0,10.00,charge,po_1',
      'txn_2,2026-11-03,eur,ten,0,10.00,charge,po_1',
      'txn_3,2026-11-03,eur,-20.00,0,-20.00,payout,po_1\n',
    ].join('\n');
    const statementOf = (day: number, account = 'ACC') =>
      [
        `:20:1\n:25:${account}\n:28C:${day}/1\n:60F:C2611${day}EUR${day},00`,
        `:62F:C2611${day + 1}EUR${day + 1},00\n-\n`,
      ].join('\n');
    const gap = [statementOf(11), statementOf(13)];

    /** What somebody sees of a run. */
    async function shown(runId: string) {
      const queries = new DiscrepancyQueries(ledger.db);
      const listed = await queries.list({ runId, state: 'open' }, { limit: 100, after: null });
      let lines = '';
      for await (const piece of csvOfRun(ledger.db, runId)) lines += piece;
      const report = (await reportOf(ledger.db, runId))!;
      return {
        result: report.run.result!.discrepancies,
        list: listed.data.map(({ code }) => code).toSorted(),
        csv: lines
          .split('\r\n')
          .filter((line) => line.includes(',open,'))
          .toSorted(),
        html: report.sections.map(({ code, discrepancies }) => `${code} ${discrepancies.length}`),
      };
    }

    test.each([
      ['a payout that does not tie, and a row that cannot be read', 'stripe-payout-csv', [untied]],
      ['a statement that is missing', 'mt940', gap],
    ] as const)('show what is still so: %s', async (_, format, texts) => {
      const first = randomUUID();
      await takeAs(first, format, ...texts);
      const before = await shown(first);
      expect(before.list.length).toBeGreaterThan(0);
      const second = randomUUID();
      await takeAs(second, format, ...texts);
      expect(await shown(second)).toEqual(before);
      // A run that begins again has found nothing yet.
      await new RunRepository(ledger.db).restart(second);
      expect((await shown(second)).list).toEqual([]);
    });

    test('show what is open in their own chain, whoever has found it', async () => {
      await take('mt940', ...gap);
      await take('mt940', statementOf(11, 'OTHER'), statementOf(13, 'OTHER'));
      expect((await take('mt940', statementOf(14))).result.discrepancies).toMatchObject({ BATCH_GAP: 1 });
      await take('mt940', statementOf(12));
      expect((await take('mt940', ...gap)).result.discrepancies).not.toHaveProperty('BATCH_GAP');
    });

    test('a run that has found only what was known leaves no trace', async () => {
      await take('stripe-payout-csv', untied);
      const runId = await beginRun(ledger.db, 'stripe');
      const account = { provider: 'stripe', account: 'default' };
      const tieOut = { payout: 'po_1', currency: 'EUR', expected: 2_000, actual: 1_000, ties: false };
      await recordTieOuts(ledger.db, account, runId, [tieOut], 'file');
      const noted = () => sql`select from run_findings where run_id = ${runId}`.execute(ledger.db);
      expect((await noted()).rows).toHaveLength(1);
      expect(await new RunRepository(ledger.db).removeEmpty(runId)).toBe(true);
      expect((await noted()).rows).toEqual([]);
      expect(await new RunRepository(ledger.db).removeEmpty(runId)).toBe(false);
    });
  });
});
