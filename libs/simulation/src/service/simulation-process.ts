/**
 * One simulation in a process of its own, for the service: whatever it costs and however it ends, the service carries on. It
 * receives a scenario, reports its progress, and ends with the report.
 */
import { z } from 'zod';
import { scenario, type SimulationProgress, type SimulationReport } from '#contracts';
import { runScenario } from '../run.js';

export type FromSimulation =
  | { readonly kind: 'progress'; readonly progress: SimulationProgress }
  | { readonly kind: 'report'; readonly report: SimulationReport }
  | { readonly kind: 'problem'; readonly problem: string };

const task = z.strictObject({
  scenario,
  serviceProgram: z.string(),
  sandboxProgram: z.string(),
  dataDir: z.string(),
});
export type Task = z.infer<typeof task>;

// Nobody is left to tell: what was started ends with this process.
process.once('disconnect', () => process.exit(0));
process.once('message', (message) => {
  run(task.parse(message))
    .then(
      (report) => tell({ kind: 'report', report }),
      (error: unknown) =>
        tell({ kind: 'problem', problem: error instanceof Error ? error.message : String(error) }),
    )
    .finally(() => process.disconnect());
});

function run({ scenario, ...programs }: Task): Promise<SimulationReport> {
  return runScenario(scenario, {
    ...programs,
    report: () => undefined,
    target: null,
    crash: false,
    onProgress: (progress) => void tell({ kind: 'progress', progress }),
    signal: new AbortController().signal,
  });
}

/** Settles when it is on its way. */
function tell(message: FromSimulation): Promise<void> {
  return new Promise((resolve) => {
    if (process.send) process.send(message, () => resolve());
    else resolve();
  });
}
