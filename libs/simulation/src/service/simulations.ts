/**
 * The simulations that a service runs, one at a time, each in a process of its own. They are recorded in the ledger, so that
 * every instance can show them and a restart forgets none; the one that runs here is reported live.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { arrivalSeconds, type Scenario, type SimulationProgress, type WireSimulation } from '#contracts';
import type { KeysetPage, ListPage } from '#ledger';
import type { Timers } from '#platform';
import type { FromSimulation, Task } from './simulation-process.js';
import type { SimulationOutcome, SimulationRepository, SimulationSummary } from './simulation-repository.js';

export type SimulationsOptions = Omit<Task, 'scenario'> & {
  readonly records: SimulationRecords;
  /** Whether real servers may be started here: not beside a shop that is open. */
  readonly realTime: boolean;
  readonly timers: Timers;
};

export type SimulationRecords = Pick<
  SimulationRepository,
  'begin' | 'progressed' | 'ended' | 'find' | 'list'
>;

/** Another one is still running, here or on another instance. */
export class SimulationRunningError extends Error {
  override readonly name = 'SimulationRunningError';
}

export type Watcher = {
  readonly onProgress: (progress: SimulationProgress) => void;
  /** Once; undefined: it is on record no more. */
  readonly onEnd: (simulation: WireSimulation | undefined) => void;
};

/** The one that runs here. */
type Run = {
  readonly id: string;
  progress: SimulationProgress;
  readonly child: ChildProcess;
  readonly ended: PromiseWithResolvers<SimulationOutcome>;
  readonly watchers: Set<Watcher>;
  /** Settles when its end is on record. */
  recorded: Promise<void>;
};

const program = fileURLToPath(new URL('./simulation-process.js', import.meta.url));
const recordEveryMs = 1_000;
/** Beyond what its scenario takes, with servers to start and an audit to wait for. */
const overtimeMs = 5 * 60_000;
const endWithinMs = 3_000;

export class Simulations {
  private run: Run | null = null;
  private closing = false;

  constructor(private readonly options: SimulationsOptions) {}

  get runsInRealTime(): boolean {
    return this.options.realTime;
  }

  /** Starts one. The same id again is the same one. @throws SimulationRunningError */
  async start(id: string, scenario: Scenario): Promise<Pick<WireSimulation, 'id' | 'status'>> {
    const { records } = this.options;
    if (this.run && this.run.id !== id) throw new SimulationRunningError();
    const progress = nothingYet(scenario);
    const begun = await records.begin(id, scenario, progress);
    if (begun === 'another-runs') throw new SimulationRunningError();
    if (begun === 'begun') this.launch(id, scenario, progress);
    return { id, status: 'running' };
  }

  async find(id: string): Promise<WireSimulation | undefined> {
    const found = await this.options.records.find(id);
    const { run } = this;
    return found && run?.id === id ? { ...found, progress: run.progress } : found;
  }

  /** Newest first. */
  list(page: KeysetPage): Promise<ListPage<SimulationSummary>> {
    return this.options.records.list(page);
  }

  /** Tells of a simulation: of one that runs here as it goes, of others every second. @returns what ends it */
  watch(id: string, watcher: Watcher): () => void {
    const { run } = this;
    const watching = { over: false };
    const here = run?.id === id ? run : null;
    here?.watchers.add(watcher);
    void this.tellOfItsEnd(id, watcher, watching, here);
    return () => {
      watching.over = true;
      here?.watchers.delete(watcher);
    };
  }

  /** Ends the one that is running. */
  async close(): Promise<void> {
    this.closing = true;
    const { run } = this;
    if (!run) return;
    const { child } = run;
    // It clears up after itself; its servers hang on its life.
    if (child.connected) child.disconnect();
    const timer = this.options.timers.after(endWithinMs, () => child.kill('SIGKILL'));
    await run.ended.promise;
    timer.cancel();
    // A ledger that is away hears nothing of it, and gives it up later by itself.
    await Promise.race([run.recorded, this.options.timers.sleep(endWithinMs)]);
  }

  private launch(id: string, scenario: Scenario, progress: SimulationProgress): void {
    const { serviceProgram, sandboxProgram, dataDir, timers } = this.options;
    const child = fork(program, { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: 'ignore' });
    const ended = Promise.withResolvers<SimulationOutcome>();
    const run: Run = {
      id,
      progress,
      child,
      ended,
      watchers: new Set(),
      recorded: Promise.resolve(),
    };
    this.run = run;
    const timer = timers.after(durationMaxMs(scenario), () => child.kill('SIGKILL'));
    const fail = (problem: string): void => ended.resolve({ status: 'failed', problem });
    child.on('message', (message: FromSimulation) => {
      if (message.kind === 'report') ended.resolve({ status: 'finished', report: message.report });
      else if (message.kind === 'problem') fail(message.problem);
      else {
        run.progress = message.progress;
        for (const { onProgress } of run.watchers) onProgress(run.progress);
      }
    });
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => {
      timer.cancel();
      fail(
        this.closing ? 'the service was stopped while it ran' : `its process ended with ${code ?? signal}`,
      );
    });
    child.send({ scenario, serviceProgram, sandboxProgram, dataDir } satisfies Task, () => undefined);
    run.recorded = this.record(run);
  }

  /** Gives signs of life until it has ended, and puts its end on record; a ledger that is away is asked again. */
  private async record(run: Run): Promise<void> {
    const { records, timers } = this.options;
    const heard: { outcome?: SimulationOutcome } = {};
    const ended = run.ended.promise.then((outcome) => void (heard.outcome = outcome));
    for (;;) {
      const next = timers.sleep(recordEveryMs);
      await (heard.outcome ? next : Promise.race([ended, next]));
      try {
        if (!heard.outcome) await records.progressed(run.id, run.progress);
        else {
          await records.ended(run.id, run.progress, heard.outcome);
          break;
        }
      } catch {
        // Asked again in a second.
      }
    }
    this.run = null;
  }

  private async tellOfItsEnd(
    id: string,
    { onProgress, onEnd }: Watcher,
    watching: { readonly over: boolean },
    here: Run | null,
  ): Promise<void> {
    const { records, timers } = this.options;
    await here?.recorded;
    while (!watching.over) {
      const found = await records.find(id).catch(() => 'unknown' as const);
      if (watching.over) return;
      if (found !== 'unknown' && found?.status !== 'running') return onEnd(found);
      if (found !== 'unknown') onProgress(found.progress);
      await timers.sleep(recordEveryMs);
    }
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
