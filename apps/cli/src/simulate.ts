/** `holdfast simulate`: rehearses a sale, in real time or in virtual time, or all the ways of selling beside each other. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { defineCommand } from 'citty';
import { z } from 'zod';
import { type Scenario, type SimulationReport, strategyNames } from '#contracts';
import { developmentKeys, ServerNotFoundError } from '#platform';
import {
  differences,
  htmlOf,
  isSound,
  recommend,
  rehearseVirtually,
  runScenario,
  sweep,
  sweepFields,
  type Target,
} from '#simulation';
import { readEnvironment, type CommandContext } from './environment.js';
import { CommandFailure, UsageError } from './failures.js';
import { jsonArgument, outputTo, type Output } from './output.js';
import { SaleProgress } from './sale-progress.js';
import { type SaleArguments, scenarioFrom, strategiesFrom, sweepFrom } from './sale-scenario.js';
import { differencesText, sweepTable, tableOf, textOf } from './sale-text.js';

const programs = {
  serviceProgram: path.resolve(import.meta.dirname, '../../order-service/src/main.js'),
  sandboxProgram: path.resolve(import.meta.dirname, '../../payment-sandbox/src/main.js'),
};

const text = (description: string, valueHint: string) =>
  ({ type: 'string', description, valueHint }) as const;
const flag = (description: string) => ({ type: 'boolean', description }) as const;

export const simulate = defineCommand({
  args: {
    buyers: text('How many come', 'N'),
    stock: text('Units in all', 'N'),
    skus: text('SKUs that the units are spread over', 'N'),
    strategy: text(`How it is sold: ${strategyNames.join(', ')}; or all, beside each other`, 'NAME'),
    instances: text('Processes of the service', 'N'),
    seed: text('What the plan is drawn from: the same one draws the same', 'N'),
    scenario: text('A scenario that comes along (docs/simulation.md), or a YAML file', 'NAME|FILE'),
    url: text('A service that runs already, instead of one of its own', 'URL'),
    crash: flag('Afterwards kill everything but PostgreSQL, and see what is lost'),
    virtual: flag('In virtual time: no servers, a day in seconds, the same seed the same report'),
    sweep: text(`In virtual time, once for each value: ${sweepFields.join(', ')}`, 'FIELD=V,V'),
    recommend: flag('In virtual time: which hold time and how many instances, and why'),
    check: flag('In real time and in virtual time, and how far they differ'),
    html: text('Also write the report as one page, with plots', 'FILE'),
    json: jsonArgument,
  },
  async run({ args }) {
    const context = readEnvironment();
    const output = outputTo(args.json);
    const stopping = stopOnInterrupt();
    const strategies = strategiesFrom(args);
    const scenarios = await Promise.all(strategies.map((strategy) => scenarioFrom(args, strategy)));
    const [first] = scenarios as [Scenario];
    if (args.recommend) return recommendTo(output, first, stopping.signal);
    if (args.sweep !== undefined) return sweepTo(output, first, args.sweep, stopping.signal);

    const all = scenarios.length > 1;
    const reports: SimulationReport[] = [];
    for (const scenario of scenarios) {
      if (stopping.signal.aborted) break;
      reports.push(await one(scenario, context, { ...args, crash: args.crash ?? all }, stopping.signal));
    }
    if (all) output.say(tableOf(reports));
    else for (const report of reports) output.say(textOf(report));
    const result = all
      ? { strategies: reports }
      : { ...reports[0]!, ...(await checked(args, reports[0]!, output)) };
    if (args.html !== undefined) await writeFile(args.html, await htmlOf(reports));
    await output.finish(result);
    // Beside each other, the naive ones are there to break: Holdfast alone has promised not to.
    const judged = all ? reports.filter(({ strategy }) => strategy === 'holdfast') : reports;
    if (!judged.every(isSound)) process.exitCode = 1;
  },
});

async function one(
  scenario: Scenario,
  { config, logger }: CommandContext,
  args: { readonly url?: string | undefined; readonly crash: boolean },
  signal: AbortSignal,
): Promise<SimulationReport> {
  const target = args.url === undefined ? null : targetOf(args.url);
  const progress = new SaleProgress(scenario);
  try {
    return await runScenario(scenario, {
      ...programs,
      dataDir: config.dataDir,
      report: (message) => {
        logger.debug(message);
        progress.say(message);
      },
      target,
      crash: args.crash && target === null,
      onProgress: (figures) => progress.show(figures),
      signal,
    });
  } catch (error) {
    if (error instanceof ServerNotFoundError) throw new CommandFailure(error.message, 1);
    throw error;
  } finally {
    progress.end();
  }
}

/** The same plan in virtual time, beside what was seen in real time. */
async function checked(
  { check }: SaleArguments,
  report: SimulationReport,
  output: Output,
): Promise<{ virtual?: unknown }> {
  if (!check || report.scenario.time === 'virtual') return {};
  const { faults: _, ...calm } = report.scenario;
  const virtual = differences(report, await rehearseVirtually({ ...calm, faults: [], time: 'virtual' }));
  output.say(differencesText(virtual));
  return { virtual };
}

async function recommendTo(output: Output, scenario: Scenario, signal: AbortSignal): Promise<void> {
  const recommendation = await recommend(scenario, { signal });
  const { holdTtlSeconds, instances, reasoning } = recommendation;
  for (const line of reasoning) output.say(line);
  output.say(
    `recommended: holdTtlSeconds ${holdTtlSeconds}, ${instances} instance${instances === 1 ? '' : 's'}`,
  );
  await output.finish(recommendation);
}

async function sweepTo(output: Output, scenario: Scenario, what: string, signal: AbortSignal): Promise<void> {
  const { field, values } = sweepFrom(what);
  try {
    const rows = await sweep(scenario, field, values, { signal });
    output.say(sweepTable(field, rows));
    await output.finish({ sweep: field, rows });
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new UsageError(`--sweep ${what}: ${error.issues.map(({ message }) => message).join('; ')}`);
  }
}

/** Keys are kept as digests by the service: those of an embedded one are known, others are told by the environment. */
function targetOf(url: string): Target {
  if (!URL.canParse(url))
    throw new UsageError('--url is the address of a service, like http://127.0.0.1:3000');
  const development = (scope: string) => developmentKeys.find((key) => key.scope === scope)!.secret;
  return {
    url,
    keys: {
      storefront: process.env['HOLDFAST_STOREFRONT_KEY'] ?? development('storefront'),
      admin: process.env['HOLDFAST_ADMIN_KEY'] ?? development('admin'),
    },
  };
}

/** The first Ctrl-C ends the sale, the second the process. */
function stopOnInterrupt(): AbortController {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\nholdfast: stopping; the report so far follows (Ctrl-C again to leave at once)\n');
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller;
}
