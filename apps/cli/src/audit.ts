/** `holdfast audit`: every invariant, on what is really there. */
import { defineCommand } from 'citty';
import { invariantsReport, type WireInvariantsReport } from '#contracts';
import { DataFolderInUseError, developmentKeys, type Config } from '#platform';
import { openInstallation } from '#reservations';
import { readEnvironment, type CommandContext } from './environment.js';
import { CommandFailure } from './failures.js';
import { jsonArgument, outputTo } from './output.js';

export const audit = defineCommand({
  args: {
    url: {
      type: 'string',
      description: 'Ask the service at this address instead of opening Redis and the ledger',
      valueHint: 'URL',
    },
    json: jsonArgument,
  },
  async run({ args }) {
    const context = readEnvironment();
    const report = args.url ? await askService(args.url, context.config) : await checkHere(context);
    const output = outputTo(args.json);
    for (const { id, ok, detail } of report.invariants)
      output.say(`${ok ? 'ok    ' : 'BROKEN'} ${id.padEnd(4)} ${detail}`);
    await output.finish(report);
    if (!report.ok) process.exitCode = 1;
  },
});

/** Opens the installation to look at it, without mending anything; when a service has the data folder, asks that one. */
async function checkHere({ config, logger }: CommandContext): Promise<WireInvariantsReport> {
  try {
    const services = await openInstallation(config, logger, { observing: true });
    try {
      const reports = await services.audit.check();
      return { ok: reports.every(({ ok }) => ok), invariants: [...reports] };
    } finally {
      await services.close();
    }
  } catch (error) {
    if (!(error instanceof DataFolderInUseError)) throw error;
    return askService(`http://${config.host}:${config.port}`, config, `${error.message} `);
  }
}

async function askService(url: string, config: Config, because = ''): Promise<WireInvariantsReport> {
  // Keys are kept as digests: only the development key can be known here.
  const secret =
    process.env['HOLDFAST_ADMIN_KEY'] ?? developmentKeys.find(({ scope }) => scope === 'admin')!.secret;
  const address = new URL('/v1/audit/invariants', url);
  try {
    const reply = await fetch(address, { headers: { authorization: `Bearer ${secret}` } });
    if (reply.status === 401) {
      throw new CommandFailure(`${address.href} does not know the key: set HOLDFAST_ADMIN_KEY`, 1);
    }
    return invariantsReport.parse(await reply.json());
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const hint = config.port === 3_000 ? ' If it listens elsewhere, say so with --url.' : '';
    throw new CommandFailure(`${because}No audit from ${address.href}: ${String(error)}.${hint}`, 1);
  }
}
