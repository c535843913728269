import { expect, test } from '@jest/globals';
import { scenario } from '#contracts';
import { differences, recommend, rehearseVirtually, sweep } from '#simulation';
import { differencesText, paragraph, sweepTable, tableOf, textOf } from './sale-text.js';

const sale = scenario.parse({ time: 'virtual', buyers: 400, stock: 20, payment: { abandonShare: 0.2 } });

test('nothing that is printed of a sale is wider than 80 columns, or coloured where nobody sees it', async () => {
  const report = await rehearseVirtually(sale);
  const detail = 'buyers: 5000 acknowledgements looked up, 0 not on record; '.repeat(4);
  const large = {
    ...report,
    accepted: 100_000,
    oversold: 99_999,
    undersold: 1_000,
    rejected: { soldOut: 190_000, insufficient: 1_000, duplicate: 54_321, buyerLimit: 0, error: 99_999 },
    faults: [{ kind: 'restart-redis', atMs: 8_000, detail }],
    crash: { lost: 100_000, checked: 100_000, oversold: 200 },
    invariants: [{ id: 'I10', ok: false, detail }],
  };
  const texts = [
    textOf(large),
    tableOf([large, { ...large, strategy: 'local-compare-and-swap' }]),
    sweepTable('paymentDelaySeconds', await sweep(sale, 'paymentDelaySeconds', [1])),
    differencesText(differences(large, report)),
    ...(await recommend(sale)).reasoning.map(paragraph),
  ];
  for (const line of texts.join('\n').split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(texts.join('')).not.toContain('\u001b');
  expect(texts[0]).toContain('oversold   99999');
  expect(texts[0]).toContain('BROKEN I10');
});
