import { expect, test } from '@jest/globals';
import { UnavailableError } from '#domain';
import { Audit } from './audit.js';

const level = {
  sku: 'A',
  onHand: 1,
  held: 0,
  committed: 0,
  buyerLimit: null,
  holdTtlSeconds: 60,
  version: 1,
};

/** An audit of one SKU in one partition, whose stock store fails for the first looks. */
function auditOf(failures: number, error: Error): Audit {
  let looks = 0;
  const levelsOf = async (_partition: number, after: string) => ({
    epoch: 1,
    sequence: 1,
    levels: after === '' ? [level] : [],
  });
  const nothing = async () => [];
  // Whatever else the ledger is asked for, it finds nothing wrong.
  const ledger = new Proxy({ levelsOf }, { get: (known, name) => Reflect.get(known, name) ?? nothing });
  const store = {
    levels: async () => {
      looks += 1;
      if (looks <= failures) throw error;
      return { sequence: 1, levels: [level] };
    },
  };
  return new Audit({
    ledger,
    store,
    timers: { sleep: async () => undefined },
    openPartitions: () => [{ partition: 0, epoch: 1 }],
    closed: () => [],
  } as unknown as ConstructorParameters<typeof Audit>[0]);
}

const closing = new UnavailableError('stock-not-ready', 'the partition has no epoch', false);

test('waits for a partition that closes while it is looked at', async () => {
  expect((await auditOf(3, closing).check()).every(({ ok }) => ok)).toBe(true);
});

test('says so when it stays closed, and at once when it is something else', async () => {
  await expect(auditOf(1_000, closing).check()).rejects.toBe(closing);
  const bug = new Error('a bug');
  await expect(auditOf(1, bug).check()).rejects.toBe(bug);
});
