/** Answers as the ledger keeps them: a status and the exact body. */
import type { ProblemSlug } from '#contracts';
import { Problem } from '#platform';
import type { Answer } from '#reservations';

export function jsonAnswer(status: number, body: unknown): Answer {
  return { status, body: JSON.stringify(body) };
}

export function problemAnswer(
  slug: ProblemSlug,
  detail: string,
  members: Readonly<Record<string, unknown>> = {},
): Answer {
  const problem = new Problem(slug, detail, members);
  return jsonAnswer(problem.status, problem);
}
