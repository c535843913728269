/** Waiting for a server that was started. */
import { type LeashedProcess, systemClock, systemTimers } from '#platform';

const startTimeoutMs = 60_000;
const pollMs = 30;

/** Asks until a server answers. @throws with the end of its log when it ends or takes too long */
export async function untilItAnswers(
  what: string,
  server: Pick<LeashedProcess, 'hasEnded' | 'log'>,
  ask: () => Promise<unknown>,
): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + startTimeoutMs;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (server.hasEnded() || systemClock.monotonicMs() > deadlineMs) {
        throw new Error(`${what} does not answer (${String(error)}):\n${server.log()}`, { cause: error });
      }
      await systemTimers.sleep(pollMs);
    }
  }
}
