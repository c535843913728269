import { describe, expect, test } from '@jest/globals';
import { UnavailableError, type JournalEntry } from '#domain';
import { GroupCommit } from './group-commit.js';
import type { CommitBatch, CommitResult } from './ledger-writer.js';

const epoch = 3;
const entryAt = (sequence: number): JournalEntry => ({
  kind: 'expired',
  partition: 0,
  epoch,
  sequence,
  atMs: 1_000 + sequence,
  reservationId: `reservation-${sequence}`,
  buyerId: 'buyer',
  lines: [],
  decides: true,
  paymentId: null,
});

/** A ledger that stands at entry 1, and a store whose journal has been read as `journal`. */
function opened(journal: readonly JournalEntry[]) {
  const seen = { committed: [] as number[], broken: [] as string[] };
  let at = 1;
  const commit = async ({ entries }: CommitBatch): Promise<CommitResult> => {
    const fresh = entries.map(({ sequence }) => sequence).filter((sequence) => sequence > at);
    if (fresh.some((sequence, index) => sequence !== at + 1 + index))
      return { kind: 'gap', partition: 0, epoch, after: at };
    at = fresh.at(-1) ?? at;
    seen.committed.push(...fresh);
    return { kind: 'committed', others: [] };
  };
  const commits = new GroupCommit({
    writer: { commit },
    readJournal: async (_at, after) => journal.filter(({ sequence }) => sequence > after),
    clock: { monotonicMs: () => 0 },
    timers: { endOfTurn: (work) => void setImmediate(work), sleep: async () => undefined },
    onBroken: (_partition, reason) => seen.broken.push(reason),
  });
  return { commits, seen };
}

describe('what comes before is read from the journal of the store', () => {
  test('and committed before what rests on it', async () => {
    const { commits, seen } = opened([2, 3, 4].map(entryAt));
    commits.offer([entryAt(3)]);
    await commits.commit({ requires: [{ partition: 0, epoch, sequence: 3 }], receipt: null });
    expect(seen).toEqual({ committed: [2, 3, 4], broken: [] });
  });

  test('but what the store has lost since is not committed after it', async () => {
    const { commits, seen } = opened([entryAt(2)]);
    commits.offer([entryAt(3)]);
    const waiting = commits.commit({ requires: [{ partition: 0, epoch, sequence: 3 }], receipt: null });
    await expect(waiting).rejects.toBeInstanceOf(UnavailableError);
    expect(seen).toEqual({ committed: [], broken: ['the stock store has lost entry 3 of its journal'] });
  });
});
