/** Why a list of discrepancies is empty: only a run that has compared, and kept what it found, shows that all fits. */
import type { WireReconciliationRun } from '#contracts';

type RunSeen = Pick<WireReconciliationRun, 'mode' | 'status' | 'result'>;
export type NoneListed = { readonly title: string; readonly note?: string };

/** @param run null: the list is of all runs. */
export function noneListed(run: RunSeen | null, state: string): NoneListed {
  if (run !== null && run.result === null)
    return { title: run.status === 'failed' ? 'Not compared' : 'Not compared yet' };
  if (run?.mode === 'dry-run' && discrepanciesOf(run) > 0)
    return { title: 'A dry run keeps none', note: 'Its report says how many there are of each kind.' };
  return { title: state === '' ? 'Everything fits' : `No discrepancy is ${state}` };
}

/** How many a run has found; none before it has compared. */
export function discrepanciesOf({ result }: Pick<RunSeen, 'result'>): number {
  // What came twice was counted once: there is nothing to be done about it, and nothing in the list.
  const { DUPLICATE_EXTERNAL: _, ...toLookAt } = result?.discrepancies ?? {};
  return Object.values(toLookAt).reduce((sum, many) => sum + many, 0);
}
