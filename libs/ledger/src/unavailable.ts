/** What a failed query means: the ledger cannot be reached (try again), or it refuses what must be true (a bug). */
import { InvariantError, UnavailableError } from '#domain';

/** SQLSTATE classes of data and constraints: the statement was understood and refused. */
const refusedClasses = new Set(['22', '23', '42', 'P0']);

export function translateDatabaseError(cause: unknown): unknown {
  if (cause instanceof InvariantError || cause instanceof UnavailableError || !(cause instanceof Error))
    return cause;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (/^[0-9A-Z]{5}$/.test(code) && refusedClasses.has(code.slice(0, 2))) {
    const constraint = 'constraint' in cause ? cause.constraint : undefined;
    return new InvariantError(`the ledger refuses: ${cause.message}`, { code, constraint });
  }
  return new UnavailableError('ledger-unavailable', `the ledger did not answer: ${cause.message}`, true, {
    cause,
  });
}

/** Runs a query and throws what its failure means. */
export async function guarded<Result>(query: Promise<Result>): Promise<Result> {
  try {
    return await query;
  } catch (error) {
    throw translateDatabaseError(error);
  }
}
