/** What every ledger does with the answers under Idempotency-Keys, on a PostgreSQL server and on PGlite alike. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { IdempotencyRepository, PostgresLedgerWriter } from '#ledger';
import { sha256 } from '../fixtures/holdfast.js';
import type { LedgerUnderTest } from './ledger.suite.js';

export function describeIdempotencyKeys(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`answers under keys (${name})`, () => {
    let ledger: LedgerUnderTest;
    let writer: PostgresLedgerWriter;
    let keys: IdempotencyRepository;

    beforeAll(async () => {
      ledger = await open();
      writer = new PostgresLedgerWriter(ledger.db);
      keys = new IdempotencyRepository(ledger.db);
    });
    afterAll(() => ledger.stop());

    test('an answer is recorded also when its claim was lost', async () => {
      const request = { keyDigest: sha256('claimed before a crash'), fingerprint: sha256('f') };
      await writer.commit({ entries: [], requires: [], receipts: [{ ...request, status: 409, body: '{}' }] });
      expect(await keys.claim([request])).toEqual([{ kind: 'answered', status: 409, body: '{}' }]);
    });

    test('keeps every answer of a batch as it is, empty or with any character', async () => {
      const bodies = ['', '{"a":"\\\\ \\"b\\", {c}"}', 'NULL', 'é \u{1F600}\n', ''];
      // The last batch has the very character that separates two of them.
      for (const batch of [bodies, [''], [...bodies, '\u0001', 'a\u0001"b"\\']]) {
        const receipts = batch.map((body, index) => ({
          keyDigest: sha256(`kept ${batch.length} ${index}`),
          fingerprint: sha256('f'),
          status: 200,
          body,
        }));
        await writer.commit({ entries: [], requires: [], receipts });
        expect(await keys.claim(receipts)).toEqual(
          batch.map((body) => ({ kind: 'answered', status: 200, body })),
        );
      }
    });
  });
}
