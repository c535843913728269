import { describe, expect, test } from '@jest/globals';
import { InvariantError, UnavailableError, type JournalEntry } from '#domain';
import { GroupCommit, type JournalReader } from './group-commit.js';
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

type Fake = {
  /** What the ledger does before it takes a batch; the number counts from 1. */
  readonly before?: (call: number, batch: CommitBatch) => Promise<CommitResult | undefined>;
  readonly readJournal?: JournalReader;
};

/** A ledger that stands at entry 1, and a store whose journal has been read as `journal`. */
function opened(journal: readonly JournalEntry[], { before, readJournal }: Fake = {}) {
  const seen = { committed: [] as number[], broken: [] as string[] };
  const counts = { calls: 0, reads: 0, nowMs: 0 };
  let at = 1;
  const commit = async (batch: CommitBatch): Promise<CommitResult> => {
    counts.calls += 1;
    const instead = await before?.(counts.calls, batch);
    if (instead) return instead;
    const fresh = batch.entries.map(({ sequence }) => sequence).filter((sequence) => sequence > at);
    if (fresh.some((sequence, index) => sequence !== at + 1 + index))
      return { kind: 'gap', partition: 0, epoch, after: at };
    const after = fresh.at(-1) ?? at;
    if (batch.requires.some(({ sequence }) => sequence > after))
      return { kind: 'gap', partition: 0, epoch, after };
    at = after;
    for (const sequence of fresh) seen.committed.push(sequence);
    return { kind: 'committed', earlier: [] };
  };
  const commits = new GroupCommit({
    writer: { commit },
    readJournal: async (...of) => {
      counts.reads += 1;
      const [, after] = of;
      return readJournal ? readJournal(...of) : journal.filter(({ sequence }) => sequence > after);
    },
    clock: { monotonicMs: () => counts.nowMs },
    timers: {
      endOfTurn: (work) => void setImmediate(work),
      sleep: () => new Promise((resolve) => void setImmediate(resolve)),
    },
    onBroken: (_partition, reason) => seen.broken.push(reason),
  });
  const waitFor = (sequence: number, of = epoch) =>
    commits.commit({ requires: [{ partition: 0, epoch: of, sequence }], receipt: null });
  return { commits, seen, counts, waitFor };
}

describe('what comes before is read from the journal of the store', () => {
  test('and committed before what rests on it', async () => {
    const { commits, seen, waitFor } = opened([2, 3, 4].map(entryAt));
    commits.offer([entryAt(3)]);
    await waitFor(3);
    expect(seen).toEqual({ committed: [2, 3, 4], broken: [] });
  });

  test('but what the store has lost since is not committed after it', async () => {
    const { commits, seen, waitFor } = opened([entryAt(2)]);
    commits.offer([entryAt(3)]);
    await expect(waitFor(3)).rejects.toBeInstanceOf(UnavailableError);
    expect(seen).toEqual({ committed: [], broken: ['the stock store has lost entry 3 of its journal'] });
  });

  test('and where it has a hole, nothing behind that is committed', async () => {
    const { commits, seen, waitFor } = opened([3, 4].map(entryAt));
    commits.offer([entryAt(4)]);
    await expect(waitFor(4)).rejects.toBeInstanceOf(UnavailableError);
    expect(seen).toEqual({ committed: [], broken: ['the stock store lacks entry 2 of its journal'] });
  });

  test('and where it cannot be read, whoever waits for it is told so, and the others go on', async () => {
    const readJournal = () => Promise.reject(new Error('away'));
    const { commits, seen, waitFor } = opened([], { readJournal });
    commits.offer([entryAt(3)]);
    await expect(waitFor(3)).rejects.toMatchObject({ code: 'ledger-unavailable', outcomeUnknown: true });
    commits.offer([entryAt(2)]);
    await waitFor(2);
    expect(seen).toEqual({ committed: [2], broken: [] });
  });
});

describe('however long the ledger takes', () => {
  const away = new UnavailableError('ledger-unavailable', 'away', true);

  test('a caller hears in time that the outcome is unknown, and the entry is committed later', async () => {
    const { commits, seen, counts, waitFor } = opened([], {
      before: async (call) => {
        counts.nowMs = call * 2_000;
        if (call < 4) throw away;
        return undefined;
      },
    });
    commits.offer([entryAt(2)]);
    await expect(waitFor(2)).rejects.toMatchObject({ outcomeUnknown: true });
    expect(counts).toMatchObject({ calls: 3 });
    await commits.close();
    expect(seen.committed).toEqual([2]);
  });

  test('no more callers wait, and no more entries are kept, than there is room for', async () => {
    const there = Promise.withResolvers<undefined>();
    const last = 51_000;
    const journal = Array.from({ length: last - 1 }, (_, index) => entryAt(index + 2));
    const { commits, seen, counts, waitFor } = opened(journal, { before: () => there.promise });
    commits.offer(journal);
    const callers = Array.from({ length: 20_000 }, () => waitFor(last));
    await expect(waitFor(last)).rejects.toMatchObject({ code: 'overloaded' });
    there.resolve(undefined);
    await Promise.all(callers);
    // What was not kept is in the journal of the store.
    expect(counts.reads).toBe(1);
    expect(seen).toEqual({ committed: journal.map(({ sequence }) => sequence), broken: [] });
  });

  test('whoever waits for more than one transaction takes waits for the next', async () => {
    const { commits, seen, waitFor } = opened([]);
    commits.offer(Array.from({ length: 1_500 }, (_, index) => entryAt(index + 2)));
    await Promise.all([waitFor(1_501), waitFor(2)]);
    expect([seen.committed.length, seen.broken]).toEqual([1_500, []]);
  });

  test('whoever closes it waits for what is there, and no longer than one attempt', async () => {
    const { commits, seen, waitFor } = opened([]);
    commits.offer([entryAt(2)]);
    await commits.close();
    expect(seen.committed).toEqual([2]);
    await expect(waitFor(2)).rejects.toThrow('shutting down');
    const failing = opened([], { before: () => Promise.reject(away) });
    const refused = expect(failing.waitFor(2)).rejects.toMatchObject({ outcomeUnknown: true });
    failing.commits.offer([entryAt(2)]);
    await failing.commits.close();
    await refused;
  });
});

describe('what the ledger does not take', () => {
  test('because the epoch is over goes, and what belongs to the one in force stays', async () => {
    const { commits, seen, waitFor } = opened([], {
      before: async (_, { entries }) =>
        entries.some((entry) => entry.epoch !== epoch) ? { kind: 'fenced', partition: 0, epoch } : undefined,
    });
    commits.offer([{ ...entryAt(9), epoch: epoch - 1 }, entryAt(2)]);
    const late = expect(waitFor(9, epoch - 1)).rejects.toBeInstanceOf(UnavailableError);
    await waitFor(2);
    await late;
    expect(seen).toEqual({ committed: [2], broken: [] });
  });

  test.each([
    ['as wrong', () => Promise.reject(new InvariantError('I1'))],
    ['as another history', async () => ({ kind: 'clash', partition: 0 }) as const],
  ])('%s breaks the partition, and is not offered again', async (_, before) => {
    const { commits, seen, counts, waitFor } = opened([], { before });
    commits.offer([entryAt(2)]);
    await expect(waitFor(2)).rejects.toBeInstanceOf(UnavailableError);
    await new Promise((resolve) => void setImmediate(resolve));
    await commits.close();
    expect([seen.broken.length, counts.calls]).toEqual([1, 1]);
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
    const before: Fake['before'] = async (call, { receipts }) => {
      if (call <= unseen) throw new Error('the connection was lost');
      return { kind: 'committed', earlier: receipts.map((one) => ({ receipt: one, answer })) };
    };
    return opened([], { before }).commits.commit({ requires: [], receipt });
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
