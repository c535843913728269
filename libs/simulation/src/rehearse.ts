/**
 * A rehearsal in real time: a stage, a sale on it, the faults that were planned, and afterwards the reckoning: what the
 * buyers were told against what there was, and against what the service has on record.
 */
import {
  arrivalSeconds,
  type Scenario,
  type SimulationFault,
  type SimulationProgress,
  type SimulationReport,
} from '#contracts';
import { systemClock, systemRandom, systemTimers } from '#platform';
import { type Plan, planOf } from './plan.js';
import { reckon } from './reckoning.js';
import { reportOf } from './report.js';
import { Sale } from './sale.js';
import { Stage, type StageOptions, type Target } from './stage.js';

export type RehearsalOptions = StageOptions & {
  /** A service that runs already; null: one is started. */
  readonly target: Target | null;
  /** Whether everything is to crash after the sale, to see what is lost. */
  readonly crash: boolean;
  /** Hears of the figures a few times a second. */
  readonly onProgress: (progress: SimulationProgress) => void;
  /** Ends the sale early; the report is of what has happened up to then. */
  readonly signal: AbortSignal;
};

const progressEveryMs = 200;

export async function rehearse(scenario: Scenario, options: RehearsalOptions): Promise<SimulationReport> {
  const { target, signal, onProgress } = options;
  const plan = planOf(scenario, `sim-${systemRandom.bytes(4).toString('hex')}`);
  const stage = target ? Stage.at(scenario, target) : await Stage.open(scenario, options);
  try {
    await stage.stock(plan);
    const sale = new Sale({
      scenario,
      plan,
      checkout: stage.checkout,
      clock: systemClock,
      timers: systemTimers,
    });
    const stop = () => sale.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const watching = watch(sale, onProgress);
    const faults = sufferAll(stage, scenario, plan, sale);
    await sale.run();
    watching.stop();
    signal.removeEventListener('abort', stop);
    const suffered = await faults;
    onProgress({ ...sale.progress(), phase: 'checking' });
    const reckoning = await reckon(sale, stage, scenario, plan, {
      crash: options.crash && !sale.interrupted,
    });
    onProgress({ ...sale.progress(), phase: 'finished' });
    return reportOf(sale, scenario, { ...reckoning, faults: suffered });
  } finally {
    await stage.close();
  }
}

function watch(sale: Sale, onProgress: RehearsalOptions['onProgress']): { stop(): void } {
  let timer = systemTimers.after(0, tell);
  function tell(): void {
    onProgress(sale.progress());
    timer = systemTimers.after(progressEveryMs, tell);
  }
  return { stop: () => timer.cancel() };
}

type Suffered = SimulationReport['faults'];

async function sufferAll(stage: Stage, scenario: Scenario, plan: Plan, sale: Sale): Promise<Suffered> {
  const suffered: Suffered = [];
  const endMs = arrivalSeconds(scenario) * 1_000;
  const one = async (fault: SimulationFault): Promise<void> => {
    await sale.until(Math.min(fault.atSeconds * 1_000, endMs));
    if (sale.interrupted) return;
    const atMs = Math.round(sale.elapsedMs());
    suffered.push({ kind: fault.kind, atMs, detail: await stage.suffer(fault, plan) });
  };
  await Promise.all(scenario.faults.map(one));
  return suffered.toSorted((left, right) => left.atMs - right.atMs);
}
