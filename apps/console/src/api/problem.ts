/** What went wrong with a call, as the service said it (RFC 9457), or as the console noticed it itself. */
import type { ProblemDocument } from '#contracts';

export class ProblemError extends Error {
  constructor(readonly document: ProblemDocument) {
    super(`${document.title}: ${document.detail}`);
  }

  get slug(): string {
    return this.document.type.replace('/problems/', '');
  }

  /** The request may have been carried out, its answer did not arrive: only the same request again can tell. */
  get undecided(): boolean {
    return this.document.status >= 500 || this.slug === 'idempotency-in-progress';
  }
}

export function unreachable(): ProblemError {
  return local('unreachable', 503, 'No answer', 'The service cannot be reached from this browser');
}

export function missingScope(scope: string): ProblemError {
  return local(
    'missing-key',
    403,
    'A key is missing',
    `This wants an API key with the scope ${scope}: add one under Keys`,
  );
}

/** Whatever was thrown, as a problem: a bug of the console is shown like one, and named. */
export function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  return local(
    'console',
    500,
    'The console stumbled',
    error instanceof Error ? error.message : String(error),
  );
}

function local(slug: string, status: number, title: string, detail: string): ProblemError {
  return new ProblemError({ type: `/problems/${slug}`, status, title, detail });
}
