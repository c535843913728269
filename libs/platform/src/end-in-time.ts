/** The end of a process that has been told to stop, also when something that is open cannot be closed. */
import { systemTimers } from './adapters/system.js';
import type { Logger } from './logging/logger.js';
import type { Timer } from './ports.js';

/** Supervisors wait half a minute. Nothing that was acknowledged depends on an orderly end. */
const closeWithinMs = 25_000;
/** Who has begun nothing yet waits for a server, perhaps, and has nothing to finish. */
const closeWithinUnopenedMs = 5_000;

/**
 * Ends the process with 1 when the timer is not cancelled in time.
 * @param listens whether it had come so far; it was still starting otherwise.
 */
export function endInTime(
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
