/** Ports for servers that are killed and started again, and waiting for them. */
import { createServer, type AddressInfo } from 'node:net';
import { type LeashedProcess, systemClock, systemRandom, systemTimers } from '#platform';

const startTimeoutMs = 60_000;
const pollMs = 30;

/**
 * A free port below the range that Linux gives outgoing connections from, so that none of them takes it while its
 * server is away.
 */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const wanted = 10_000 + Math.floor(systemRandom.fraction() * 20_000);
    const port = await tryPort(wanted).catch(() => null);
    if (port !== null) return port;
  }
}

function tryPort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

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
