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

export function readFunctionLibrary(folder = path.join(import.meta.dirname, 'functions')): FunctionLibrary {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.lua'))
    .sort();
  // `_prelude.lua` sorts last in ASCII, but what it defines comes first.
  const ordered = ['_prelude.lua', ...files.filter((file) => file !== '_prelude.lua')];
  // Each file in a block of its own: a function's helpers stay its own.
  const [prelude, ...functions] = ordered.map((file) => readFileSync(path.join(folder, file), 'utf8'));
  const body = [prelude, ...functions.map((code) => `do\n${code}\nend`)].join('\n');
  const version = createHash('sha256').update(body).digest('hex').slice(0, 12);
  const name = `holdfast_${version}`;
  return {
    name,
    code: `#!lua name=${name}\nlocal VERSION = '${version}'\n${body}`,
    nameOf: (name) => `holdfast_${name}_${version}`,
  };
}
