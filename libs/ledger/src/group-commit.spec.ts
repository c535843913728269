import { describe, expect, test } from '@jest/globals';
import { UnavailableError, type JournalEntry } from '#domain';
import { GroupCommit } from './group-commit.js';
import type { CommitBatch, CommitResult, LedgerWriter } from './ledger-writer.js';

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
    return { kind: 'committed', earlier: [] };
  };
  const commits = commitsWith({ commit }, { journal, broken: seen.broken });
  return { commits, seen };
}

function commitsWith(
  writer: LedgerWriter,
  { journal = [], broken = [] }: { journal?: readonly JournalEntry[]; broken?: string[] } = {},
): GroupCommit {
  return new GroupCommit({
    writer,
    readJournal: async (_at, after) => journal.filter(({ sequence }) => sequence > after),
    clock: { monotonicMs: () => 0 },
    timers: { endOfTurn: (work) => void setImmediate(work), sleep: async () => undefined },
    onBroken: (_partition, reason) => broken.push(reason),
  });
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

describe('an answer that the key had before', () => {
  const receipt = {
    keyDigest: Buffer.alloc(32, 1),
    fingerprint: Buffer.alloc(32, 2),
    status: 201,
    body: 'held',
  };
  const answered = { status: 201, body: 'held' };

  /** A ledger that has the answer; the first `unseen` commits were made, and nobody heard of it. */
  function commitTo(answer: { status: number; body: string }, unseen: number) {
    let left = unseen;
    const commit = async ({ receipts }: CommitBatch): Promise<CommitResult> => {
      if (left > 0) {
        left -= 1;
        throw new Error('the connection was lost');
      }
      return { kind: 'committed', earlier: receipts.map((one) => ({ receipt: one, answer })) };
    };
    return commitsWith({ commit }).commit({ requires: [], receipt });
  }

  test('is told, also when it is the same', async () => {
    expect(await commitTo(answered, 0)).toEqual({ by: answered });
  });

  test('may be our own when nobody saw whether it was committed, and is taken for it', async () => {
    expect(await commitTo(answered, 1)).toBeUndefined();
    const refused = { status: 409, body: 'sold out' };
    expect(await commitTo(refused, 1)).toEqual({ by: refused });
  });
});
