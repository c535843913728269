import { expect, test } from '@jest/globals';
import { judgeStray } from './judge.js';
import type { ProviderRow } from './judgement.js';

const money = { value: 500, currency: 'EUR' };
const row: ProviderRow = {
  number: 1,
  id: 'row-1',
  kind: 'charge',
  gross: money,
  fee: null,
  net: money,
  paymentReference: null,
  merchantReference: null,
  occurredAtMs: 0,
  late: false,
  conflicts: 0,
};

test('a row without a kind of its own is called an entry', () => {
  const details = (['charge', 'other'] as const).flatMap((kind) =>
    judgeStray({ ...row, kind }).findings.map(({ detail }) => detail),
  );
  expect(details).toEqual([
    'Nothing of ours belongs to this charge',
    'Nothing of ours belongs to this entry',
  ]);
});
