/** `holdfast reconcile`: a statement file, or a provider's account, against the ledger. */
import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import path from 'node:path';
import { defineCommand } from 'citty';
import { statementFormats, StatementFormatError, statementReaders, type StatementFormat } from '#payments';
import { DataFolderInUseError, systemClock, systemIds } from '#platform';
import {
  readPolicies,
  reconcileFile,
  reportOf,
  htmlOf,
  type FileOutcome,
  type RunResult,
} from '#reconciliation';
import { openLedger } from '#reservations';
import { readEnvironment, type CommandContext } from '../environment.js';
import { CommandFailure, UsageError } from '../failures.js';
import { jsonArgument, openOutput, writeResult, type Output } from '../output.js';
import { Progress } from '../progress.js';
import { askForFile, askForProvider } from './reconcile-remotely.js';
import { sayResult } from './reconcile-result.js';
import { addressHere } from '../running-service.js';

const formats = statementFormats.join(', ');

export const reconcile = defineCommand({
  args: {
    file: { type: 'string', description: 'A statement file', valueHint: 'FILE' },
    format: { type: 'string', description: `Its format: ${formats}`, valueHint: 'FORMAT' },
    provider: { type: 'string', description: 'Or a provider, by its API', valueHint: 'NAME' },
    from: { type: 'string', description: 'With --provider: from this time on', valueHint: 'T' },
    to: { type: 'string', description: 'With --provider: before this time', valueHint: 'T' },
    'dry-run': { type: 'boolean', description: 'Show what the result would be, and keep nothing' },
    url: { type: 'string', description: 'Have the service at this address do it', valueHint: 'URL' },
    html: { type: 'string', description: 'Write the report there, one page to read', valueHint: 'FILE' },
    json: jsonArgument,
  },
  async run({ args }) {
    const dry = args['dry-run'] === true;
    const { json, url, html } = args;
    const output = await openOutput(json, html);
    const { result, brokenOff } =
      args.provider === undefined
        ? await fromFile(fileCommandOf(args), { dry, url, html }, output)
        : await fromProvider({ ...args, provider: args.provider }, { dry, url, html }, output);
    sayResult(output, result, brokenOff);
    await output.finish(jsonOf(result));
    if (brokenOff !== null || result.tieOut.some(({ ties }) => !ties)) process.exitCode = 1;
  },
});

type Options = {
  readonly dry: boolean;
  readonly url: string | undefined;
  readonly html: string | undefined;
};
/** What was given of the arguments that say what is to be reconciled. */
type Named = { readonly [Name in 'file' | 'format' | 'from' | 'to']?: string | undefined };
type FileCommand = { readonly file: string; readonly format: StatementFormat };

/** The contract's figures, and no more of them than it names. */
function jsonOf(result: RunResult): object {
  const { rows, inserted, duplicates, quarantined, matched, discrepancies, tieOut, currencies } = result;
  return { rows, inserted, duplicates, quarantined, matched, discrepancies, tieOut, currencies };
}

function fileCommandOf(args: Named): FileCommand {
  const { file, format } = args;
  if (file === undefined) throw new UsageError('name a --file with its --format, or a --provider');
  if (args.from !== undefined || args.to !== undefined)
    throw new UsageError('--from and --to belong to --provider: a file is read whole');
  if (format === undefined) throw new UsageError(`--file needs a --format, one of ${formats}`);
  const known = statementFormats.find((name) => name === format);
  if (!known) throw new UsageError(`there is no format ${format}, only ${formats}`);
  return { file, format: known };
}

async function fromFile(
  { file, format }: FileCommand,
  options: Options,
  output: Output,
): Promise<FileOutcome> {
  const { size } = await readable(file);
  if (size === 0) throw new CommandFailure(`${file} is empty`, 1);
  const context = readEnvironment();
  if (options.url) return askForFile(options.url, context.config, { file, format, ...options });
  try {
    return await fromFileHere(context, { file, format, size }, options);
  } catch (error) {
    if (error instanceof StatementFormatError) throw new CommandFailure(error.message, 1);
    if (!(error instanceof DataFolderInUseError)) throw error;
    const service = addressHere(context.config);
    output.say(`${error.fact}: asking ${service} to do it.`);
    return askForFile(service, context.config, { file, format, ...options });
  }
}

async function fromFileHere(
  { config, logger }: CommandContext,
  { file, format, size }: FileCommand & { readonly size: number },
  { dry, html }: Options,
): Promise<FileOutcome> {
  const reader = statementReaders[format];
  const policy = readPolicies(config.reconciliationPolicy).of(reader.provider).match;
  const ledger = await openLedger(config, logger);
  const progress = new Progress(systemClock, size, 'bytes');
  const runId = systemIds.uuid();
  try {
    const outcome = await reconcileFile(
      { db: ledger.db, policy, commands: null },
      {
        runId,
        reader,
        bytes: counted(createReadStream(file, { highWaterMark: 256 * 1_024 }), (bytes) => progress.to(bytes)),
        file: path.basename(file),
        dry,
        requestedBy: 'command line',
        onProgress: ({ phase, rows }) => progress.say(phase === 'taken' ? 'reading' : 'matching', rows),
      },
    );
    if (html !== undefined) {
      const report = await reportOf(ledger.db, runId);
      if (report) await writeResult(html, htmlOf(report));
    }
    return outcome;
  } finally {
    progress.stop();
    await ledger.close();
  }
}

/** Another path than a readable file is wrong usage: exit 2. */
async function readable(file: string): Promise<{ size: number }> {
  try {
    await access(file, constants.R_OK);
    const found = await stat(file);
    if (found.isDirectory()) throw new Error('it is a folder');
    return found;
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function* counted(
  chunks: AsyncIterable<Buffer>,
  onBytes: (bytes: number) => void,
): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    onBytes(bytes);
    yield chunk;
  }
}

async function fromProvider(
  args: Named & { readonly provider: string },
  options: Options,
  output: Output,
): Promise<FileOutcome> {
  if (args.file !== undefined || args.format !== undefined)
    throw new UsageError('name either a --file or a --provider, not both');
  const range = { from: instantOf('--from', args.from), to: instantOf('--to', args.to) };
  const { config } = readEnvironment();
  const service = options.url ?? addressHere(config);
  output.say(`Asking ${service}, which has the keys of the provider.`);
  return askForProvider(service, config, { provider: args.provider, ...range, ...options });
}

function instantOf(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new UsageError(`${name} is a time like 2026-11-27T12:00:00Z`);
  return new Date(ms).toISOString();
}
