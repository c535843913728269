/**
 * Rehearsals that wait for their turn: the service runs one simulation at a time, so a comparison of several strategies
 * is started here one after the other. The queue lives in this tab; a simulation that has begun lives in the service.
 */
import type { ScenarioInput, SimulationProgress, StrategyName, WireSimulation } from '#contracts';
import { newKey } from '../adapters/browser.js';
import { simulationPath, startSimulation } from '../api/calls.js';
import { localProblem, problemOf, type ProblemError } from '../api/problem.js';
import { follow } from '../api/stream.js';
import { Observable } from '../observable.js';

type Waiting = { readonly scenario: ScenarioInput; readonly strategy: StrategyName };

export type Running = {
  readonly id: string;
  readonly scenario: ScenarioInput;
  readonly progress: SimulationProgress | null;
};

export type Rehearsals = {
  readonly running: Running | null;
  readonly waiting: readonly Waiting[];
  readonly problem: ProblemError | null;
  /** How many have ended: whoever lists them reads again when it grows. */
  readonly ended: number;
};

export const rehearsals = new Observable<Rehearsals>({ running: null, waiting: [], problem: null, ended: 0 });

/** Tries the scenario by each of the strategies: the first as soon as nothing runs, the others after it. */
export function rehearse(scenario: ScenarioInput, strategies: readonly StrategyName[]): void {
  const added = strategies.map((strategy) => ({ scenario, strategy }));
  change({ waiting: [...rehearsals.value.waiting, ...added], problem: null });
  void next();
}

/** Forgets those that have not begun. */
export function stopWaiting(): void {
  change({ waiting: [] });
}

/** Follows a simulation that somebody else began, or this tab before it was loaded again. */
export function followRunning(id: string, scenario: ScenarioInput): void {
  if (rehearsals.value.running !== null) return;
  change({ running: { id, scenario, progress: null } });
  const stop = follow({
    path: `${simulationPath(id)}/events`,
    scopes: ['admin'],
    onEvent: (name, data) => {
      if (name === 'progress') {
        change({ running: { id, scenario, progress: data as SimulationProgress } });
      } else if (name === 'finished') {
        stop();
        conclude((data as WireSimulation).problem);
      }
    },
    onState: (state) => {
      if (state.kind === 'refused') conclude(null, state.problem);
    },
  });
}

async function next(): Promise<void> {
  const { running, waiting } = rehearsals.value;
  const [first, ...rest] = waiting;
  if (running !== null || first === undefined) return;
  change({ waiting: rest });
  const scenario = { ...first.scenario, strategy: first.strategy };
  try {
    const { id } = await startSimulation(scenario, newKey());
    followRunning(id, scenario);
  } catch (error) {
    change({ problem: problemOf(error), waiting: [] });
  }
}

function conclude(failure: string | null, problem: ProblemError | null = null): void {
  const { ended } = rehearsals.value;
  const failed =
    failure === null ? problem : localProblem('simulation-failed', 'The simulation failed', failure);
  change({ running: null, ended: ended + 1, ...(failed && { problem: failed }) });
  void next();
}

function change(part: Partial<Rehearsals>): void {
  rehearsals.set({ ...rehearsals.value, ...part });
}
