/** The end of a process that has been told to stop, also when something that is open cannot be closed. */
import { systemTimers } from './adapters/system.js';
import type { Logger } from './logging/logger.js';
import type { Timer } from './ports.js';

/** Supervisors wait half a minute. Nothing that was acknowledged depends on an orderly end. */
const closeWithinMs = 25_000;

/** Ends the process with 1 when the timer is not cancelled in time. */
export function endInTime(logger: Logger, exit: (code: number) => unknown): Timer {
  return systemTimers.after(closeWithinMs, () => {
    logger.error({ closeWithinMs }, 'not everything that is open could be closed: ending all the same');
    exit(1);
  });
}
