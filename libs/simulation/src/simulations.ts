/**
 * The simulations that a service runs, one at a time, each in a process of its own, and the reports of the last ones. They
 * are kept in memory: a report is something to look at, the ledger has no place for it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  arrivalSeconds,
  type Scenario,
  type SimulationProgress,
  type SimulationReport,
  type WireSimulation,
} from '#contracts';
import type { Clock, Timers } from '#platform';
import type { FromSimulation, Task } from './simulation-process.js';

export type SimulationsOptions = Omit<Task, 'scenario'> & {
  /** Whether real servers may be started here: not beside a shop that is open. */
  readonly realTime: boolean;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly timers: Timers;
};

/** Another one is still running. */
export class SimulationRunningError extends Error {
  override readonly name = 'SimulationRunningError';
}

type Mutable<Type> = { -readonly [Name in keyof Type]: Type[Name] };
type Run = { readonly simulation: Mutable<WireSimulation>; readonly listeners: Set<() => void> };

const program = fileURLToPath(new URL('./simulation-process.js', import.meta.url));
const keptMax = 20;
/** Beyond what its scenario takes, with servers to start and an audit to wait for. */
const overtimeMs = 5 * 60_000;
const endWithinMs = 3_000;

export class Simulations {
  private readonly runs = new Map<string, Run>();
  private child: ChildProcess | null = null;

  constructor(private readonly options: SimulationsOptions) {}

  get runsInRealTime(): boolean {
    return this.options.realTime;
  }

  /** Starts one. The same id again is the same one. @throws SimulationRunningError */
  start(id: string, scenario: Scenario): WireSimulation {
    const known = this.runs.get(id);
    if (known) return known.simulation;
    if (this.child) throw new SimulationRunningError();
    const simulation: Mutable<WireSimulation> = {
      id,
      status: 'running',
      scenario,
      createdAt: new Date(this.options.clock.nowMs()).toISOString(),
      progress: nothingYet(scenario),
      report: null,
      problem: null,
    };
    const run = { simulation, listeners: new Set<() => void>() };
    this.runs.set(id, run);
    if (this.runs.size > keptMax) this.runs.delete(this.runs.keys().next().value!);
    this.launch(run);
    return simulation;
  }

  find(id: string): WireSimulation | undefined {
    return this.runs.get(id)?.simulation;
  }

  /** Newest first. */
  list(): readonly WireSimulation[] {
    return [...this.runs.values()].map(({ simulation }) => simulation).toReversed();
  }

  /** Calls at every change. @returns what ends it */
  watch(id: string, listener: () => void): () => void {
    const listeners = this.runs.get(id)?.listeners;
    listeners?.add(listener);
    return () => void listeners?.delete(listener);
  }

  /** Ends the one that is running. */
  async close(): Promise<void> {
    const { child } = this;
    if (!child) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    // It clears up after itself; its servers hang on its life.
    if (child.connected) child.disconnect();
    const timer = this.options.timers.after(endWithinMs, () => child.kill('SIGKILL'));
    await gone;
    timer.cancel();
  }

  private launch(run: Run): void {
    const { serviceProgram, sandboxProgram, dataDir, timers } = this.options;
    const { simulation } = run;
    const child = fork(program, { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: 'ignore' });
    this.child = child;
    const timer = timers.after(durationMaxMs(simulation.scenario), () => child.kill('SIGKILL'));
    child.on('message', (message: FromSimulation) => {
      if (message.kind === 'progress') simulation.progress = message.progress;
      else this.end(run, message.kind === 'report' ? message.report : message.problem);
      this.tell(run);
    });
    child.once('error', (error) => this.fail(run, error.message));
    child.once('exit', (code, signal) => {
      timer.cancel();
      this.child = null;
      this.fail(run, `its process ended with ${code ?? signal}`);
    });
    child.send(
      { scenario: simulation.scenario, serviceProgram, sandboxProgram, dataDir } satisfies Task,
      () => undefined,
    );
  }

  private end({ simulation }: Run, outcome: SimulationReport | string): void {
    const failed = typeof outcome === 'string';
    simulation.status = failed ? 'failed' : 'finished';
    simulation.report = failed ? null : outcome;
    simulation.problem = failed ? outcome : null;
  }

  /** Unless it has ended already. */
  private fail(run: Run, problem: string): void {
    if (run.simulation.status !== 'running') return;
    this.end(run, problem);
    this.tell(run);
  }

  private tell({ listeners }: Run): void {
    for (const listener of listeners) listener();
  }
}

function durationMaxMs(scenario: Scenario): number {
  if (scenario.time === 'virtual') return overtimeMs;
  return (arrivalSeconds(scenario) + scenario.payment.delaySeconds.max) * 1_000 + overtimeMs;
}

function nothingYet({ stock }: Scenario): SimulationProgress {
  return {
    phase: 'preparing',
    elapsedMs: 0,
    requests: 0,
    planned: 0,
    accepted: 0,
    confirmed: 0,
    oversold: 0,
    rejected: { soldOut: 0, insufficient: 0, duplicate: 0, buyerLimit: 0, error: 0 },
    unitsLeft: stock,
  };
}
