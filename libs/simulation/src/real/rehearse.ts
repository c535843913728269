/**
 * A rehearsal in real time: a testbed, a sale on it, the faults that were planned, and afterwards the verdict: what the
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
import { type Plan, planOf } from '../scenario/plan.js';
import { judge } from './verdict.js';
import { reportOf } from '../report/report.js';
import { Sale } from '../sale/sale.js';
import { Testbed, type TestbedOptions, type Target } from './testbed.js';

export type RehearsalOptions = TestbedOptions & {
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
  const testbed = target ? Testbed.at(scenario, target) : await Testbed.open(scenario, options);
  try {
    await testbed.stock(plan);
    const sale = new Sale({
      scenario,
      plan,
      checkout: testbed.checkout,
      clock: systemClock,
      timers: systemTimers,
    });
    const stop = () => sale.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const watching = watch(sale, onProgress);
    const faults = injectFaults(testbed, scenario, plan, sale);
    await sale.run();
    watching.stop();
    signal.removeEventListener('abort', stop);
    const injected = await faults;
    onProgress({ ...sale.progress(), phase: 'checking' });
    const verdict = await judge(sale, testbed, scenario, plan, {
      crash: options.crash && !sale.interrupted,
    });
    onProgress({ ...sale.progress(), phase: 'finished' });
    return reportOf(sale, scenario, { ...verdict, faults: injected });
  } finally {
    await testbed.close();
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

type InjectedFaults = SimulationReport['faults'];

async function injectFaults(
  testbed: Testbed,
  scenario: Scenario,
  plan: Plan,
  sale: Sale,
): Promise<InjectedFaults> {
  const injected: InjectedFaults = [];
  const endMs = arrivalSeconds(scenario) * 1_000;
  const one = async (fault: SimulationFault): Promise<void> => {
    await sale.until(Math.min(fault.atSeconds * 1_000, endMs));
    if (sale.interrupted) return;
    const atMs = Math.round(sale.elapsedMs());
    injected.push({ kind: fault.kind, atMs, detail: await testbed.inject(fault, plan) });
  };
  await Promise.all(scenario.faults.map(one));
  return injected.toSorted((left, right) => left.atMs - right.atMs);
}
