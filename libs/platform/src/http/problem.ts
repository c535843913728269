/** Problems as they travel through the code (thrown), and as they leave it (RFC 9457 documents). */
import { type ProblemDocument, type ProblemSlug, problems } from '#contracts';

/** Why a request is refused, ready to be sent. Thrown by parsers and guards; never a bug. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;

  constructor(
    readonly slug: ProblemSlug,
    detail: string,
    /** Additional members. */
    readonly members: Readonly<Record<string, unknown>> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.status = problems[slug][0];
  }

  toJSON(): ProblemDocument {
    return problemOf(this.slug, this.message, this.members);
  }
}

/** The document of a problem. */
export function problemOf(
  slug: ProblemSlug,
  detail: string,
  members: Readonly<Record<string, unknown>> = {},
): ProblemDocument {
  const [status, title] = problems[slug];
  return { type: `/problems/${slug}`, title, status, detail, ...members };
}
