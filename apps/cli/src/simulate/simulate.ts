/** `holdfast simulate`: rehearses a sale, in real time or in virtual time, by one strategy or by all of them side by side. */
import path from 'node:path';
import { defineCommand } from 'citty';
import { z } from 'zod';
import { type Scenario, type SimulationReport, strategyNames } from '#contracts';
import { ServerNotFoundError } from '#platform';
import {
  calibrate,
  type Costs,
  costsText,
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
import { readEnvironment, type CommandContext } from '../environment.js';
import { CommandFailure, UsageError } from '../failures.js';
import { jsonArgument, openOutput, writeResult, type Output } from '../output.js';
import { SaleProgress } from './sale-progress.js';
import {
  refuseContradictions,
  type SaleArguments,
  scenarioFrom,
  strategiesFrom,
  sweepFrom,
} from './sale-scenario.js';
import { refuseOnTarget, targetAt } from './sale-target.js';
import { differencesText, paragraph, sweepTable, tableOf, textOf } from './sale-text.js';

const programs = {
  serviceProgram: path.resolve(import.meta.dirname, '../../../order-service/src/main.js'),
  sandboxProgram: path.resolve(import.meta.dirname, '../../../payment-sandbox/src/main.js'),
};

const text = (description: string, valueHint: string) =>
  ({ type: 'string', description, valueHint }) as const;
const flag = (description: string) => ({ type: 'boolean', description }) as const;

export const simulate = defineCommand({
  args: {
    buyers: text('How many buyers come', 'N'),
    stock: text('Units in all', 'N'),
    skus: text('SKUs that the units are spread over', 'N'),
    strategy: text(`How it is sold: ${strategyNames.join(', ')}; or all, side by side`, 'NAME'),
    instances: text('Processes of the service', 'N'),
    seed: text('A number that fixes the plan: the same seed gives the same plan', 'N'),
    scenario: text('A scenario that comes with Holdfast (docs/simulation.md), or a YAML file', 'NAME|FILE'),
    url: text('A service that is already running, instead of one of its own', 'URL'),
    crash: flag('Afterwards kill everything but PostgreSQL, and see what is lost'),
    virtual: flag('In virtual time: no servers, a day in seconds, the same seed the same report'),
    sweep: text(`In virtual time, once for each value: ${sweepFields.join(', ')}`, 'FIELD=V,V'),
    recommend: flag('In virtual time: which hold time and how many instances, and why'),
    calibrate: flag('In virtual time: measure first what requests cost on this machine (20 s)'),
    check: flag('In real time and in virtual time, and how far they differ'),
    html: text('Also write the report as one page, with plots', 'FILE'),
    json: jsonArgument,
  },
  async run({ args }) {
    const output = await openOutput(args.json, args.html);
    const strategies = strategiesFrom(args);
    const scenarios = await Promise.all(strategies.map((strategy) => scenarioFrom(args, strategy)));
    const [first] = scenarios as [Scenario];
    refuseContradictions(args, first);
    if (args.url !== undefined)
      for (const each of scenarios) refuseOnTarget(each, { crash: args.crash === true });
    if (args.check && scenarios.some(({ strategy }) => strategy !== 'holdfast'))
      throw new UsageError('--check: virtual time knows only the strategy holdfast');
    const stopping = stopOnInterrupt();
    const context: SimulateContext = {
      ...readEnvironment(),
      output,
      signal: stopping.signal,
      target: args.url === undefined ? null : await targetAt(args.url),
    };
    if (args.recommend) return recommendTo(context, first);
    if (args.sweep !== undefined) return sweepTo(context, first, args.sweep, args);

    const all = scenarios.length > 1;
    const costs = args.check || args.calibrate ? await costsOf(context, first) : undefined;
    const reports: SimulationReport[] = [];
    for (const scenario of scenarios) {
      if (stopping.signal.aborted) break;
      reports.push(await one(context, scenario, { crash: args.crash === true || all, costs }));
    }
    if (all) output.say(tableOf(reports));
    else for (const report of reports) output.say(textOf(report));
    const result = all
      ? { strategies: reports }
      : { ...reports[0]!, ...(args.check && (await checked(context, reports[0]!, costs))) };
    if (args.html !== undefined) await writeResult(args.html, await htmlOf(reports));
    await output.finish(result);
    // Beside each other, the naive ones are there to break: Holdfast alone has promised not to.
    const judged = all ? reports.filter(({ strategy }) => strategy === 'holdfast') : reports;
    if (!judged.every(isSound)) process.exitCode = 1;
  },
});

/** What every run of the command needs. */
type SimulateContext = CommandContext & {
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly target: Target | null;
};

async function one(
  { config, logger, signal, target }: SimulateContext,
  scenario: Scenario,
  { crash, costs }: { readonly crash: boolean; readonly costs: Costs | undefined },
): Promise<SimulationReport> {
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
      crash,
      ...(costs && { costs }),
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

/** Measured here and now, over the ledger that the scenario is going to have. */
async function costsOf(
  { config, target }: SimulateContext,
  scenario: Scenario,
  more: { readonly postgres?: boolean } = {},
): Promise<Costs> {
  const report = (message: string): void => void process.stderr.write(`holdfast: ${message}\n`);
  try {
    return await calibrate(scenario, { ...programs, ...more, dataDir: config.dataDir, target, report });
  } catch (error) {
    if (error instanceof ServerNotFoundError) throw new CommandFailure(error.message, 1);
    throw error;
  }
}

/** The same plan in virtual time, beside what was seen in real time. */
async function checked(
  { output }: SimulateContext,
  report: SimulationReport,
  costs: Costs | undefined,
): Promise<{ virtual?: unknown }> {
  if (report.scenario.time === 'virtual') return {};
  const calm = { ...report.scenario, faults: [], time: 'virtual' as const };
  const virtual = differences(report, await rehearseVirtually(calm, costs && { costs }));
  output.say(`\n${costs ? `${paragraph(costsText(costs))}\n\n` : ''}${differencesText(virtual)}`);
  return { virtual };
}

async function recommendTo(context: SimulateContext, scenario: Scenario): Promise<void> {
  const { output, signal } = context;
  // Several instances share a server: their ledger is what one is measured on.
  const costs = await costsOf(context, { ...scenario, instances: 1 }, { postgres: true });
  const recommendation = await recommend(scenario, { signal, costs });
  const { holdTtlSeconds, instances, reasoning } = recommendation;
  for (const reason of reasoning) output.say(paragraph(reason));
  output.say(
    `recommended: holdTtlSeconds ${holdTtlSeconds}, ${instances} instance${instances === 1 ? '' : 's'}`,
  );
  await output.finish({ ...recommendation, costs });
}

async function sweepTo(
  context: SimulateContext,
  scenario: Scenario,
  what: string,
  { calibrate: measured }: SaleArguments,
): Promise<void> {
  const { output, signal } = context;
  const { field, values } = sweepFrom(what);
  try {
    const costs = measured === true ? await costsOf(context, scenario) : undefined;
    const rows = await sweep(scenario, field, values, { signal, ...(costs && { costs }) });
    output.say(sweepTable(field, rows));
    await output.finish({ sweep: field, rows });
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new UsageError(`--sweep ${what}: ${error.issues.map(({ message }) => message).join('; ')}`);
  }
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
