/** How commands speak: results on standard output, what is going on on standard error, JSON where it was asked for. */
import { writeFile } from 'node:fs/promises';

export type Output = {
  /** A line of the result, for people. Silent when the JSON goes to standard output. */
  say(line: string): void;
  /** What is wrong with the result as a whole, on standard error: who reads only the JSON has to hear it too. */
  warn(line: string): void;
  /** The result for programs. */
  finish(result: unknown): Promise<void>;
};

/** @param jsonFile where the JSON goes: a path, `-` for standard output, undefined for nowhere. */
export function outputTo(jsonFile: string | undefined): Output {
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

export const jsonArgument = {
  type: 'string',
  description: 'Also write the result as JSON to this file; - for standard output',
  valueHint: 'FILE',
} as const;
