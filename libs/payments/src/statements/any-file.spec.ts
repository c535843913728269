/**
 * What holds of any file, on every fixture: the cut of the bytes changes nothing; a file cut off at any byte and sent again
 * whole brings each row once; damage is told, row by row or for the file, and never crashes.
 */
import { describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, constantFrom, nat, oneof, tuple } from 'fast-check';

import { fixture, read, readChunks } from '../../test/statement-files.js';
import {
  StatementCutOffError,
  StatementFormatError,
  type StatementFormat,
  type StatementItem,
} from '../statement.js';

const files: readonly (readonly [string, StatementFormat])[] = [
  ['stripe-payout-reconciliation.csv', 'stripe-payout-csv'],
  ['stripe-balance-history-old.csv', 'stripe-payout-csv'],
  ['stripe-ugly.csv', 'stripe-payout-csv'],
  ['adyen-two-batches.csv', 'adyen-settlement-csv'],
  ['adyen-ugly.csv', 'adyen-settlement-csv'],
  ['paypal-activity-de.csv', 'paypal-activity-csv'],
  ['paypal-activity-en.csv', 'paypal-activity-csv'],
  ['camt053-v2.xml', 'camt053'],
  ['camt053-v8.xml', 'camt053'],
  ['mt940-swift.sta', 'mt940'],
  ['mt940-ugly.sta', 'mt940'],
];

/** What a row is and does to the balance, by its id. */
const money = (items: readonly StatementItem[]): Map<string, string> =>
  new Map(
    items.flatMap((item) => {
      if (item.kind !== 'transaction') return [];
      const { id, kind, gross, net } = item.transaction;
      return [[id, JSON.stringify([kind, gross, net])] as const];
    }),
  );

describe.each(files)('%s', (name, format) => {
  const bytes = fixture(name);

  it('gives the same items however its bytes are cut', async () => {
    const whole = await read(format, bytes);
    const cuts = array(nat(bytes.length), { maxLength: 40 });
    await assert(
      asyncProperty(cuts, async (places) => {
        expect(await readChunks(format, chunksOf(bytes, places))).toEqual(whole);
      }),
      { numRuns: 20 },
    );
    const bytewise = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(await readChunks(format, bytewise)).toEqual(whole);
  });

  it('brings each row once when it is cut off at any byte and comes again', async () => {
    const { items: all } = await read(format, bytes);
    const whole = money(all);
    // A row that is broken at its very end is whole when the file ends just before.
    const broken = all.map((item) => (item.kind === 'quarantined' ? item.raw : '')).join('\n');
    await assert(
      asyncProperty(nat(bytes.length), async (length) => {
        const { items, error } = await read(format, bytes.subarray(0, length));
        for (const [id, row] of money(items)) {
          if (!broken.includes(id)) expect([id, whole.get(id)]).toEqual([id, row]);
        }
        if (error !== null) expect(isTold(error)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('survives any damage', async () => {
    const damage = array(tuple(nat(bytes.length - 1), oneof(nat(255), constantFrom(0, 10, 34, 44, 59, 60))), {
      minLength: 1,
      maxLength: 20,
    });
    await assert(
      asyncProperty(damage, async (changes) => {
        const damaged = Buffer.from(bytes);
        for (const [at, byte] of changes) damaged[at] = byte;
        const { items, error } = await read(format, damaged);
        if (error !== null) expect(isTold(error)).toBe(true);
        if (error instanceof StatementFormatError) expect(items).toEqual([]);
        for (const item of items) expect(JSON.stringify(item)).not.toMatch(noText);
      }),
      {
        numRuns: 50,
        examples:
          name === 'paypal-activity-en.csv'
            ? [
                [
                  [
                    [924, 59],
                    [1183, 0],
                  ],
                ],
              ]
            : [],
      },
    );
  });
});

/** Escapes in JSON of what PostgreSQL has no text for: the zero byte, half a character. */
const noText = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

const isTold = (error: unknown): boolean =>
  error instanceof StatementFormatError || error instanceof StatementCutOffError;

function chunksOf(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places, bytes.length].toSorted((left, right) => left - right);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}
