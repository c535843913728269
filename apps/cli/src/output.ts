/** How commands speak: results on standard output, what is going on on standard error, JSON where it was asked for. */
import { access, constants, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from './failures.js';

export type Output = {
  /** A line of the result, for people. Silent when the JSON goes to standard output. */
  say(line: string): void;
  /** What is wrong with the result as a whole, on standard error: who reads only the JSON has to hear it too. */
  warn(line: string): void;
  /** The result for programs. */
  finish(result: unknown): Promise<void>;
};

/**
 * Looks first whether what the command is to write can be written: before the work, not after it.
 * @param jsonFile where the JSON goes: a path, `-` for standard output, undefined for nowhere.
 * @param others what else it writes.
 * @throws UsageError
 */
export async function openOutput(
  jsonFile: string | undefined,
  ...others: readonly (string | undefined)[]
): Promise<Output> {
  for (const file of [jsonFile, ...others]) await refuseUnwritable(file);
  return {
    say(line) {
      if (jsonFile !== '-') process.stdout.write(`${line}\n`);
    },
    warn(line) {
      process.stderr.write(`holdfast: ${line}\n`);
    },
    async finish(result) {
      if (jsonFile === undefined) return;
      const text = `${JSON.stringify(result, null, 2)}\n`;
      if (jsonFile === '-') process.stdout.write(text);
      else await writeFile(jsonFile, text);
    },
  };
}

async function refuseUnwritable(file: string | undefined): Promise<void> {
  if (file === undefined || file === '-') return;
  const folder = path.dirname(path.resolve(file));
  await access(folder, constants.W_OK).catch(({ code }: NodeJS.ErrnoException) => {
    throw new UsageError(`${file} cannot be written: ${folder} is not there to write to (${code})`);
  });
}

export const jsonArgument = {
  type: 'string',
  description: 'Also write the result as JSON to this file; - for standard output',
  valueHint: 'FILE',
} as const;
