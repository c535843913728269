/** `holdfast`: the command line. Exit 0 good, 1 something is wrong, 2 wrong usage, 78 bad configuration. */
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { stripVTControlCharacters } from 'node:util';
import { defineCommand, renderUsage, runCommand, type ArgsDef, type CommandDef } from 'citty';
import { failureOf, UsageError } from './failures.js';

/** What each is for; it is loaded when it is asked for, because all of them together take most of a second. */
const commands: Readonly<
  Record<
    string,
    {
      readonly description: string;
      readonly load: () => Promise<object>;
      /** Lines that run as they are, from the project's folder. */
      readonly examples?: readonly string[];
    }
  >
> = {
  up: {
    description:
      'Start the service, with an embedded Redis and ledger unless you name your own. Ctrl-C stops it.',
    // Known here for `--help` alone: scripts/holdfast.mjs runs it, as `npm start` does.
    load: async () => ({}),
  },
  simulate: {
    description:
      'Rehearse a sale on servers of its own, and count what buyers were told against what there was. Ctrl-C gives the report so far. Exit 1 when an invariant broke.',
    load: async () => (await import('./simulate/simulate.js')).simulate,
  },
  audit: {
    description:
      'Check every invariant, in the ledger and between Redis and the ledger. Exit 1 when one is broken.',
    load: async () => (await import('./audit.js')).audit,
  },
  doctor: {
    description:
      'Check the set-up: what was found, what is missing and how to fix it. Exit 1 when something is missing.',
    load: async () => (await import('./doctor.js')).doctor,
  },
  migrate: {
    description: 'Bring the schema of the ledger up to date. The service does so itself when it starts.',
    load: async () => (await import('./migrate.js')).migrate,
  },
  replay: {
    description:
      'Replay the incident of the two payouts: one provider, read by offset pages, by a cursor and by Holdfast. Exit 1 when Holdfast pays wrongly.',
    load: async () => (await import('./replay/replay.js')).replay,
  },
  worker: {
    description:
      'Run the reconciliation jobs in a process of their own, beside services on the same Redis and PostgreSQL. Ctrl-C stops it.',
    load: async () => (await import('./worker.js')).worker,
  },
  reconcile: {
    description:
      'Compare a statement file or a provider with the ledger. Exit 1 when something does not tie or a file breaks off.',
    load: async () => (await import('./reconcile/reconcile.js')).reconcile,
    examples: [
      'npx holdfast reconcile --file test/fixtures/statements/stripe-payout-reconciliation.csv --format stripe-payout-csv --dry-run',
      'npx holdfast reconcile --file test/fixtures/statements/mt940-swift.sta --format mt940 --html report.html --json report.json',
      'npx holdfast reconcile --provider sandbox --from 2026-01-01T00:00:00Z   # while `npm start` runs',
    ],
  },
};

const holdfast = defineCommand({
  meta: {
    name: 'holdfast',
    description: 'Reserves stock during flash sales: never sells a unit twice, never forgets a reservation',
  },
  subCommands: Object.fromEntries(
    Object.entries(commands).map(([name, { description }]) => [name, { meta: { name, description } }]),
  ),
});

async function main([name = '--help', ...rest]: readonly string[]): Promise<void> {
  if (name === '--help' || name === '-h' || name === 'help') {
    return print(await renderUsage(holdfast));
  }
  if (name === '--version' || name === '-v') return print(versionOf());
  const command = await commandOf(name);
  if (rest.includes('--help') || rest.includes('-h')) {
    return print(`${await renderUsage(command, holdfast)}${examplesOf(name)}`);
  }
  refuseUnknown(command, rest);
  await runCommand(command, { rawArgs: [...rest] });
}

async function commandOf(name: string): Promise<CommandDef> {
  if (!Object.hasOwn(commands, name)) throw new UsageError(`there is no command ${name}`);
  const { description, load } = commands[name]!;
  return { meta: { name, description }, ...(await load()) };
}

function examplesOf(name: string): string {
  const { examples = [] } = commands[name]!;
  return examples.length === 0 ? '' : `\nEXAMPLES\n\n${examples.map((line) => `  ${line}`).join('\n')}\n`;
}

function versionOf(): string {
  const file = findPackageJSON(import.meta.url)!;
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
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
    else if (!known.has(name)) throw new UsageError(`unknown argument ${word}`);
    else if (known.get(name) !== 'boolean') value = !word.includes('=');
    else if (word.includes('=')) throw new UsageError(`${name} takes no value`);
  }
  if (value) throw new UsageError(`${rest.at(-1)} needs a value`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const { message, exitCode } = await failureOf(error);
  process.stderr.write(`holdfast: ${message}\n`);
  process.exitCode = exitCode;
}
