/** A process that has been told to stop ends in time, even when something it has open cannot be closed. */
import { systemTimers } from './adapters/system.js';
import type { Logger } from './logging/logger.js';
import type { Timer } from './ports.js';

/** Shorter than the half minute that supervisors wait. Nothing acknowledged depends on an orderly end. */
const closeWithinMs = 25_000;
/** A process that is still starting has nothing to finish. */
const closeWithinUnopenedMs = 5_000;

/**
 * Ends the process with 1 unless the timer is cancelled in time.
 * @param listens false: it was still starting.
 */
export function enforceShutdownDeadline(
  logger: Logger,
  exit: (code: number) => unknown,
  { listens }: { readonly listens: boolean },
): Timer {
  if (!listens) logger.info('stopping: the start is not waited for');
  const withinMs = listens ? closeWithinMs : closeWithinUnopenedMs;
  return systemTimers.after(withinMs, () => {
    logger.error(
      { closeWithinMs: withinMs },
      'not everything that is open could be closed: ending all the same',
    );
    exit(1);
  });
}
