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
  return localProblem('unreachable', 'No answer', 'The service cannot be reached from this browser', 503);
}

export function missingScope(scope: string): ProblemError {
  const detail = `This needs an API key with the scope ${scope}: add one under API keys`;
  return localProblem('missing-key', 'A key is missing', detail, 403);
}

/** Whatever was thrown, as a problem: a bug of the console is shown like one, and named. */
export function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return localProblem('console', 'Something went wrong in the console', detail, 500);
}

/** A problem that the console itself has noticed. */
export function localProblem(slug: string, title: string, detail: string, status = 409): ProblemError {
  return new ProblemError({ type: `/problems/${slug}`, status, title, detail });
}
