/** How commands report: results on standard output, progress on standard error, JSON where it was asked for. */
import { access, constants, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CommandFailure, UsageError } from './failures.js';

export type Output = {
  /** A line of the result, for people. Silent when the JSON goes to standard output. */
  say(line: string): void;
  /** What is wrong with the result as a whole, on standard error, so that it is not missed by those who read only the JSON. */
  warn(line: string): void;
  /** The result for programs. */
  finish(result: unknown): Promise<void>;
};

/**
 * Checks that what the command is to write can be written: before the work, not after it.
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
      else await writeResult(jsonFile, text);
    },
  };
}

async function refuseUnwritable(file: string | undefined): Promise<void> {
  if (file === undefined || file === '-') return;
  if (file === '') throw new UsageError('the file to write to has no name');
  const there = await stat(file).catch(() => undefined);
  if (there?.isDirectory()) throw new UsageError(`${file} cannot be written: it is a folder`);
  const place = there ? file : path.dirname(path.resolve(file));
  await access(place, constants.W_OK).catch(({ code }: NodeJS.ErrnoException) => {
    throw new UsageError(`${file} cannot be written: ${place} is not there to write to (${code})`);
  });
}

/**
 * Writes the result of a command: much can happen to a disk after it was checked.
 * @throws CommandFailure
 */
export async function writeResult(file: string, text: string): Promise<void> {
  await writeFile(file, text).catch(({ message }: Error) => {
    throw new CommandFailure(`${file} could not be written: ${message}`, 1);
  });
}

export const jsonArgument = {
  type: 'string',
  description: 'Also write the result as JSON to this file; - for standard output',
  valueHint: 'FILE',
} as const;
