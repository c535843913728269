/** The scenario that a command line means: one that is named, or a plain one, with what the options say in its place. */
import {
  type Scenario,
  type ScenarioInput,
  simulationLimits,
  type StrategyName,
  strategyNames,
} from '#contracts';
import {
  readScenario,
  ScenarioError,
  scenarioOf,
  sweepFields,
  type SweepField,
  sweepValuesMax,
} from '#simulation';
import { UsageError } from '../failures.js';

export type SaleArguments = Readonly<Record<string, unknown>>;

/** Without a scenario, buyers come at about this rate on average. */
const buyersPerSecond = 2_500;
const secondsMin = 5;
const secondsMax = 120;

const counts = [
  ['buyers', 1, simulationLimits.buyersMax],
  ['stock', 0, simulationLimits.unitsMax],
  ['skus', 1, simulationLimits.skusMax],
  ['instances', 1, simulationLimits.instancesMax],
  ['seed', 0, 2 ** 32 - 1],
] as const;

/** @throws UsageError that names what is wrong */
export async function scenarioFrom(
  args: SaleArguments,
  strategy: StrategyName | undefined,
): Promise<Scenario> {
  const changes: Partial<ScenarioInput> = {};
  for (const [field, min, max] of counts) {
    const value = countOf(args, field, { min, max });
    if (value !== undefined) changes[field] = value;
  }
  if (strategy !== undefined) changes.strategy = strategy;
  if (wantsVirtualTime(args)) changes.time = 'virtual';
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

/** The strategies to run; undefined: the scenario's own. @throws UsageError */
export function strategiesFrom(args: SaleArguments): readonly (StrategyName | undefined)[] {
  const name = args['strategy'];
  if (name === 'all') return strategyNames;
  if (name === undefined) return [undefined];
  const known = strategyNames.find((strategy) => strategy === name);
  if (!known) throw new UsageError(`--strategy is one of ${strategyNames.join(', ')}, or all`);
  return [known];
}

/** `FIELD=VALUE,VALUE,…`. @throws UsageError */
export function sweepFrom(text: string): { readonly field: SweepField; readonly values: readonly number[] } {
  const [name, list = ''] = text.split('=', 2);
  const field = sweepFields.find((known) => known === name);
  const values = list.split(',').map(Number);
  const wellFormed = /^[0-9.]+(,[0-9.]+)*$/.test(list) && values.every((value) => Number.isFinite(value));
  if (!field || !wellFormed || values.length > sweepValuesMax) {
    throw new UsageError(
      `--sweep is like holdTtlSeconds=60,300,600: one of ${sweepFields.join(', ')}, and up to ${sweepValuesMax} numbers`,
    );
  }
  return { field, values };
}

/** Two options of which one would go unheard. @throws UsageError that names both */
export function refuseContradictions(args: SaleArguments, scenario: Scenario): void {
  const option = (name: string) => (isGiven(args[name]) ? `--${name}` : undefined);
  const inTheory = option('sweep') ?? option('recommend');
  const virtual =
    option('virtual') ??
    inTheory ??
    option('calibrate') ??
    (scenario.time === 'virtual' ? 'virtual time' : undefined);
  const contradictions = [
    [option('sweep'), option('recommend'), 'ask for one and then for the other'],
    [option('crash'), virtual, 'nothing is started there that could be killed'],
    [option('check'), virtual, 'a sale in real time is what is compared with virtual time'],
    [inTheory, option('html'), 'the result is a table or a recommendation, which --json keeps'],
  ] as const;
  for (const [one, other, why] of contradictions)
    if (one && other) throw new UsageError(`${one} and ${other} do not go together: ${why}`);
}

function wantsVirtualTime(args: SaleArguments): boolean {
  return [args['virtual'], args['calibrate'], args['recommend'], args['sweep']].some(isGiven);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false;
}

function countOf(
  args: SaleArguments,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  const value = args[name];
  if (typeof value !== 'string') return undefined;
  const number = Number(value);
  if (!/^[0-9]{1,10}$/.test(value) || number < min || number > max)
    throw new UsageError(`--${name} is a whole number from ${min} to ${max}`);
  return number;
}
