/** `holdfast`: the command line. Exit 0 good, 1 something is wrong, 2 wrong usage, 78 bad configuration. */
import { stripVTControlCharacters } from 'node:util';
import { defineCommand, renderUsage, runCommand, type ArgsDef, type CommandDef } from 'citty';
import { audit } from './audit.js';
import { doctor } from './doctor.js';
import { failureOf, UsageError } from './environment.js';
import { migrate } from './migrate.js';
import { reconcile } from './reconcile.js';
import { simulate } from './simulate.js';

/** Known here for `--help` alone: scripts/holdfast.mjs runs it, as `npm start` does. */
const up = defineCommand({
  meta: {
    name: 'up',
    description: 'Start the service, with whatever it needs and is not given. Ctrl-C stops it.',
  },
});

const commands = { up, simulate, audit, doctor, migrate, reconcile } as unknown as Record<string, CommandDef>;

const holdfast = defineCommand({
  meta: {
    name: 'holdfast',
    description: 'Reserves stock during flash sales: never sells a unit twice, never forgets a reservation',
  },
  subCommands: commands,
});

async function main([name = '--help', ...rest]: readonly string[]): Promise<void> {
  if (name === '--help' || name === '-h' || name === 'help') {
    return print(await renderUsage(holdfast));
  }
  const command = commands[name];
  if (!command) throw new UsageError(`there is no command ${name}`);
  if (rest.includes('--help') || rest.includes('-h')) {
    return print(await renderUsage(command, holdfast));
  }
  refuseUnknown(command, rest);
  await runCommand(command, { rawArgs: [...rest] });
}

function print(usage: string): void {
  process.stdout.write(`${process.stdout.isTTY ? usage : stripVTControlCharacters(usage)}\n`);
}

/** The parser lets through what it does not know; a typing error must not pass for a default. */
function refuseUnknown(command: CommandDef, rest: readonly string[]): void {
  const known = new Map<string, string | undefined>(
    Object.entries((command.args ?? {}) as ArgsDef).map(([name, { type }]) => [`--${name}`, type]),
  );
  let value = false;
  for (const word of rest) {
    const name = word.split('=', 1)[0]!;
    if (value) value = false;
    else if (known.has(name)) value = known.get(name) !== 'boolean' && !word.includes('=');
    else throw new UsageError(`${word} means nothing here`);
  }
  if (value) throw new UsageError(`${rest.at(-1)} wants a value`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const { message, exitCode } = failureOf(error);
  process.stderr.write(`holdfast: ${message}\n`);
  process.exitCode = exitCode;
}
