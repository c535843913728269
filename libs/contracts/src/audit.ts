/** The invariants as the audit reports them: `ok` only when every one of them holds. */
import { z } from 'zod';

export const invariantsReport = z
  .strictObject({
    ok: z.boolean(),
    invariants: z.array(
      z.strictObject({ id: z.string().regex(/^I[0-9]+$/), ok: z.boolean(), detail: z.string() }),
    ),
  })
  .meta({ id: 'InvariantsReport' });
export type WireInvariantsReport = z.infer<typeof invariantsReport>;
