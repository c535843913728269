/** `holdfast audit`: every invariant, on what is really there. */
import { defineCommand } from 'citty';
import { invariantsReport, type WireInvariantsReport } from '#contracts';
import { DataFolderInUseError, type Config } from '#platform';
import { openInstallation } from '#reservations';
import { readEnvironment, type CommandContext } from './environment.js';
import { jsonArgument, openOutput, type Output } from './output.js';
import { addressHere, RunningService } from './running-service.js';

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
    const output = await openOutput(args.json);
    const report = args.url ? await askService(args.url, context.config) : await checkHere(context, output);
    for (const { id, ok, detail } of report.invariants)
      output.say(`${ok ? 'ok    ' : 'BROKEN'} ${id.padEnd(4)} ${detail}`);
    await output.finish(report);
    if (!report.ok) process.exitCode = 1;
  },
});

/** Opens the installation read-only, repairing nothing; if a service holds the data folder, asks that service instead. */
async function checkHere({ config, logger }: CommandContext, output: Output): Promise<WireInvariantsReport> {
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
    const service = addressHere(config);
    output.warn(`${error.fact}: asking ${service}.`);
    return askService(service, config);
  }
}

async function askService(url: string, config: Config): Promise<WireInvariantsReport> {
  const reply = await new RunningService(url, config).ask('/v1/audit/invariants');
  return invariantsReport.parse(await reply.json());
}
