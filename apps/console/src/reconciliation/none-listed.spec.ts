import { expect, test } from '@jest/globals';
import { discrepanciesOf, noneListed } from './none-listed.js';

const counts = { rows: 3, inserted: 3, duplicates: 0, quarantined: 0, matched: 3, expected: 0 };
const result = { ...counts, tieOut: [], currencies: [], rules: [] };
const good = { mode: 'commit', status: 'succeeded', result: { ...result, discrepancies: {} } } as const;
const found = { ...result, discrepancies: { MISSING_INTERNAL: 3, CHARGEBACK: 2, DUPLICATE_EXTERNAL: 7 } };

test('everything fits where a run has compared and found nothing', () => {
  expect(noneListed(good, '').title).toBe('Everything fits');
  expect(noneListed({ ...good, mode: 'dry-run' }, '').title).toBe('Everything fits');
  expect(noneListed(null, 'open').title).toBe('No discrepancy is open');
});

test('a dry run that found some keeps none, whatever state they are asked by', () => {
  const dry = { mode: 'dry-run', status: 'succeeded', result: found } as const;
  expect(discrepanciesOf(dry)).toBe(5);
  for (const state of ['', 'open']) expect(noneListed(dry, state).title).toBe('A dry run keeps none');
});

test('a run that came to no result has not compared', () => {
  expect(noneListed({ ...good, status: 'failed', result: null }, '').title).toBe('Not compared');
  expect(noneListed({ ...good, status: 'running', result: null }, '').title).toBe('Not compared yet');
});
