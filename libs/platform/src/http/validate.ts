/** Schema errors as a problem: every field that is wrong, by its path. */
import type { z } from 'zod';
import { Problem } from './problem.js';

const errorsMax = 20;
const pathLengthMax = 200;

/**
 * The value as the schema has it.
 * @throws Problem `invalid-request` (422) with `errors: [{ path, message }]`.
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Problem('invalid-request', `The ${what} is not valid`, {
    errors: result.error.issues.flatMap(errorsOf).slice(0, errorsMax),
  });
}

function errorsOf(issue: z.core.$ZodIssue): { path: string; message: string }[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: pathOf([...issue.path, key]), message: 'Unknown member' }));
  }
  return [{ path: pathOf(issue.path), message: issue.message }];
}

function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map(String).join('.').toWellFormed();
  return text.length > pathLengthMax ? `${text.slice(0, pathLengthMax)}…`.toWellFormed() : text;
}
