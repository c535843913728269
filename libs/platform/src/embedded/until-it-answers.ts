/** Waiting for a server that was started. */
import { systemClock, systemTimers } from '../adapters/system.js';
import type { LeashedProcess } from './leashed-process.js';

const startTimeoutMs = 60_000;
const pollMs = 30;

/** Asks until a server answers; stops it when it takes too long. @throws with the end of its log */
export async function untilItAnswers(
  what: string,
  server: LeashedProcess,
  ask: () => Promise<unknown>,
): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + startTimeoutMs;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (!server.hasEnded() && systemClock.monotonicMs() < deadlineMs) await systemTimers.sleep(pollMs);
      else {
        const log = server.log();
        await server.stop();
        throw new Error(`${what} does not answer (${String(error)}):\n${log}`, { cause: error });
      }
    }
  }
}
