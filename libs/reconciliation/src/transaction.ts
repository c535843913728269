/** Transactions of the ledger, by hand of whoever writes: one of its own, or a part of the one that is under way. */
import { sql } from 'kysely';
import type { Database } from '#ledger';

/**
 * Runs the work in one transaction. Within a dry run, which is one transaction that is rolled back in the end, the
 * work becomes a part of it.
 */
export function inTransaction<Result>(
  db: Database,
  work: (tx: Database) => Promise<Result>,
): Promise<Result> {
  return db.isTransaction ? work(db) : db.transaction().execute(work);
}

/** Rows as one JSON parameter: the same on a server and on PGlite, and no limit on the number of parameters. */
export const rowsOf = (list: readonly unknown[]) => sql`${JSON.stringify(list)}::json`;

/** Rows that one statement writes: the ledger gives up a statement that takes longer than seconds, however many there are. */
const statementRowsMax = 10_000;

/** The list in pieces that one statement can write. */
export function* inPieces<Item>(list: readonly Item[]): Iterable<readonly Item[]> {
  for (let begin = 0; begin < list.length; begin += statementRowsMax)
    yield list.slice(begin, begin + statementRowsMax);
}

class RolledBack extends Error {
  constructor(readonly result: unknown) {
    super('a dry run is rolled back');
  }
}

/** Does all of the work, in one transaction, and takes it back: what it answers with is what it would have come to. */
export async function inDryRun<Result>(
  db: Database,
  work: (tx: Database) => Promise<Result>,
): Promise<Result> {
  try {
    return await db.transaction().execute(async (tx) => {
      throw new RolledBack(await work(tx));
    });
  } catch (error) {
    if (error instanceof RolledBack) return error.result as Result;
    throw error;
  }
}
