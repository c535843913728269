/** Answers as the ledger keeps them: a status and the exact body. */
import { type ProblemSlug, problems } from '#contracts';
import { problemOf } from '#platform';
import type { Answer } from '#reservations';

export function jsonAnswer(status: number, body: unknown): Answer {
  return { status, body: JSON.stringify(body) };
}

export function problemAnswer(
  slug: ProblemSlug,
  detail: string,
  members: Readonly<Record<string, unknown>> = {},
): Answer {
  // Refusals by the thousand: a document, without the stack that an Error would look for.
  return jsonAnswer(problems[slug][0], problemOf(slug, detail, members));
}
