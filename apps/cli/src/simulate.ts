/** `holdfast simulate`: rehearses a sale, or all the ways of selling one beside each other. */
import path from 'node:path';
import { defineCommand } from 'citty';
import {
  type Scenario,
  type ScenarioInput,
  simulationLimits,
  type StrategyName,
  strategyNames,
} from '#contracts';
import { developmentKeys, ServerNotFoundError } from '#platform';
import {
  isSound,
  readScenario,
  rehearse,
  type RehearsalOptions,
  ScenarioError,
  scenarioOf,
} from '#simulation';
import { CommandFailure, readEnvironment, UsageError, type CommandContext } from './environment.js';
import { jsonArgument, outputTo } from './output.js';
import { SaleProgress } from './sale-progress.js';
import { tableOf, textOf } from './sale-text.js';

const serviceProgram = path.resolve(import.meta.dirname, '../../order-service/src/main.js');
/** Without a scenario, buyers come at about this rate on average. */
const buyersPerSecond = 2_500;
const secondsMin = 5;
const secondsMax = 120;

const text = (description: string, valueHint: string) =>
  ({ type: 'string', description, valueHint }) as const;

export const simulate = defineCommand({
  meta: {
    name: 'simulate',
    description:
      'Rehearse a sale on servers of its own, and count what buyers were told against what there was. Ctrl-C gives the report so far. Exit 1 when an invariant broke.',
  },
  args: {
    buyers: text('How many come', 'N'),
    stock: text('Units in all', 'N'),
    skus: text('SKUs that the units are spread over', 'N'),
    strategy: text(`How it is sold: ${strategyNames.join(', ')}; or all, beside each other`, 'NAME'),
    instances: text('Processes of the service', 'N'),
    seed: text('What the plan is drawn from: the same one draws the same', 'N'),
    scenario: text('A scenario that comes along (see docs/simulation.md), or a YAML file', 'NAME|FILE'),
    url: text('A service that runs already, instead of one of its own', 'URL'),
    crash: {
      type: 'boolean',
      description: 'Afterwards kill everything but PostgreSQL, and see what is lost',
    },
    json: jsonArgument,
  },
  async run({ args }) {
    const context = readEnvironment();
    const chosen = args.strategy === 'all' ? strategyNames : [strategyOf(args.strategy)];
    const scenarios = await Promise.all(chosen.map((strategy) => scenarioFrom(args, strategy)));
    const output = outputTo(args.json);
    const all = args.strategy === 'all';
    const reports = [];
    const stopping = stopOnInterrupt();
    for (const scenario of scenarios) {
      if (stopping.signal.aborted) break;
      const report = await one(scenario, context, {
        url: args.url,
        crash: args.crash ?? all,
        signal: stopping.signal,
      });
      if (!all) output.say(textOf(report));
      reports.push(report);
    }
    if (all) output.say(tableOf(reports));
    await output.finish(all ? { strategies: reports } : reports[0]);
    // Side by side, the naive ones are there to break: Holdfast alone has promised not to.
    const judged = all ? reports.filter(({ strategy }) => strategy === 'holdfast') : reports;
    if (!judged.every(isSound)) process.exitCode = 1;
  },
});

type Args = Readonly<Record<string, unknown>>;

/** The scenario that is named, or a plain one, with what the command line says in place of its fields. */
async function scenarioFrom(args: Args, strategy: StrategyName | undefined): Promise<Scenario> {
  const changes: Partial<ScenarioInput> = {};
  for (const [field, max] of [
    ['buyers', simulationLimits.buyersMax],
    ['stock', simulationLimits.unitsMax],
    ['skus', simulationLimits.skusMax],
    ['instances', simulationLimits.instancesMax],
    ['seed', 2 ** 32 - 1],
  ] as const) {
    const value = countOf(args, field, max);
    if (value !== undefined) changes[field] = value;
  }
  if (strategy !== undefined) changes.strategy = strategy;
  try {
    const named = args['scenario'];
    if (typeof named === 'string') return await readScenario(named, changes);
    const buyers = changes.buyers ?? 1_000;
    const seconds = Math.min(secondsMax, Math.max(secondsMin, Math.round(buyers / buyersPerSecond)));
    return scenarioOf({ arrivals: { curve: 'spike', seconds }, ...changes }, 'the command line');
  } catch (error) {
    if (error instanceof ScenarioError) throw new UsageError(error.message);
    throw error;
  }
}

function countOf(args: Args, name: string, max: number): number | undefined {
  const value = args[name];
  if (typeof value !== 'string') return undefined;
  const number = Number(value);
  if (!/^[0-9]{1,10}$/.test(value) || number > max)
    throw new UsageError(`--${name} is a whole number up to ${max}`);
  return number;
}

function strategyOf(name: string | undefined): StrategyName | undefined {
  if (name === undefined) return undefined;
  const known = strategyNames.find((strategy) => strategy === name);
  if (!known) throw new UsageError(`--strategy is one of ${strategyNames.join(', ')}, or all`);
  return known;
}

async function one(
  scenario: Scenario,
  { config, logger }: CommandContext,
  options: Pick<RehearsalOptions, 'crash' | 'signal'> & { readonly url: string | undefined },
) {
  const { url, crash, signal } = options;
  const progress = new SaleProgress(scenario);
  try {
    return await rehearse(scenario, {
      serviceProgram,
      dataDir: config.dataDir,
      report: (message) => {
        logger.debug(message);
        progress.say(message);
      },
      target: url === undefined ? null : targetOf(url),
      crash: crash && url === undefined,
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

/** Keys are kept as digests by the service: those of an embedded one are known, others are told by the environment. */
function targetOf(url: string): NonNullable<RehearsalOptions['target']> {
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
