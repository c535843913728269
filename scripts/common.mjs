// What every script of this folder needs: where the project is, and how to talk to the person who started it.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Says what is going on, in one plain line. */
export function say(line) {
  process.stderr.write(`holdfast: ${line}\n`);
}

/** Ends the process with a message for people, without a stack trace. */
export class SetupError extends Error {}

/** Runs a script's main function; what a user can fix is reported without a stack trace. */
export async function run(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exit(1);
  }
}
