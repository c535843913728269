/**
 * The Redis functions as one library, named after its own content: instances of different versions work side by
 * side on one Redis, each with the functions it was built with.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export type FunctionLibrary = {
  /** Says which version it is. */
  readonly name: string;
  readonly code: string;
  /** The full name of a function, as FCALL wants it. */
  nameOf(name: string): string;
};

/** What the functions share, in the order in which one builds on the other. */
const shared = ['_arguments.lua', '_records.lua', '_clock.lua', '_partition.lua', '_write.lua'];

export function readFunctionLibrary(
  folder = path.join(import.meta.dirname, '../functions'),
): FunctionLibrary {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.lua'))
    .sort();
  const functions = files.filter((file) => !file.startsWith('_'));
  const codeOf = (file: string): string => readFileSync(path.join(folder, file), 'utf8');
  // Each function in a block of its own: its helpers stay its own.
  const body = [...shared.map(codeOf), ...functions.map((file) => `do\n${codeOf(file)}\nend`)].join('\n');
  const version = createHash('sha256').update(body).digest('hex').slice(0, 12);
  const name = `holdfast_${version}`;
  return {
    name,
    code: `#!lua name=${name}\nlocal VERSION = '${version}'\n${body}`,
    nameOf: (name) => `holdfast_${name}_${version}`,
  };
}
