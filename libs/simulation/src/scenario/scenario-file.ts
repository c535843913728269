/** Scenarios from YAML: a file of the user's, or one of those that come along. What is wrong is named by its field. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { scenario as scenarioSchema, type Scenario, type ScenarioInput } from '#contracts';

/** A scenario that cannot be used, and why: one line for each thing that is wrong. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

const shipped = path.join(import.meta.dirname, 'scenarios');
const fileCharactersMax = 1_000_000;

/** The names of the scenarios that come along. */
export async function shippedScenarios(): Promise<readonly string[]> {
  const files = await readdir(shipped);
  return files.map((file) => path.basename(file, '.yaml')).sort();
}

/**
 * Reads a scenario, by its name or from a file.
 * @param changes what takes the place of its fields
 * @throws ScenarioError
 */
export async function readScenario(
  nameOrFile: string,
  changes: Partial<ScenarioInput> = {},
): Promise<Scenario> {
  const names = await shippedScenarios();
  const file = names.includes(nameOrFile) ? path.join(shipped, `${nameOrFile}.yaml`) : nameOrFile;
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const known = `one of ${names.join(', ')}, or a file`;
    throw new ScenarioError(`${nameOrFile} cannot be read (${error.code ?? error.message}): name ${known}`);
  });
  return scenarioOf({ ...fieldsOf(text, file), ...changes }, file);
}

/** Checks a scenario. @param from says where it comes from, in messages. @throws ScenarioError */
export function scenarioOf(input: unknown, from: string): Scenario {
  const result = scenarioSchema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${from}: ${pathOf(issue)}: ${issue.message}`);
  throw new ScenarioError(problems.join('\n'));
}

function fieldsOf(text: string, file: string): object {
  if (text.length > fileCharactersMax) throw new ScenarioError(`${file}: longer than a scenario may be`);
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  const [error] = document.errors;
  // Below its first line the message has an excerpt, which may be of any file at all.
  if (error) throw new ScenarioError(`${file} is not YAML: ${error.message.split(/:?\n/, 1)[0]!}`);
  // Aliases may stand for little and unfold to much.
  const fields: unknown = document.toJS({ maxAliasCount: 100 });
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw new ScenarioError(`${file}: a scenario is a list of fields, like \`buyers: 5000\``);
  return fields;
}

/** As one would write it: `faults[0].kind`. */
function pathOf({ path: steps, ...issue }: z.core.$ZodIssue): string {
  const names = issue.code === 'unrecognized_keys' ? [...steps, ...issue.keys.slice(0, 1)] : steps;
  const text = names
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
  return text || 'the scenario';
}
