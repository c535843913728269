/**
 * Whether a port can be listened on, seen before anything else is opened: what takes its time, and may harm others, is not
 * begun for nothing. Somebody may take it in between; then listening says so.
 */
import { type AddressInfo, createServer, type ListenOptions } from 'node:net';
import { systemClock, systemTimers } from '../adapters/system.js';
import { cannotListen, type ListenAddress } from '../config/start-failure.js';

/** A restart does not always wait for the old process to end: it gets a little time. */
const patienceMs = 3_000;
const askAgainMs = 100;

/** @throws CannotListenError when nothing can listen there within the patience */
export async function waitForPort(address: ListenAddress, report: (message: string) => void): Promise<void> {
  const { host, port } = address;
  const deadlineMs = systemClock.monotonicMs() + patienceMs;
  for (let said = false; ; said = true) {
    try {
      await tryToListen({ host, port });
      return;
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || systemClock.monotonicMs() >= deadlineMs) throw cannotListen(error, address);
      if (!said) report(`port ${port} of ${host} is in use: waiting for it to be free`);
    }
    await systemTimers.sleep(askAgainMs);
  }
}

/** Listens, and lets it go again. @returns the port, of 0 the one that was free; rejects with the error of the system */
export function tryToListen(options: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(options, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
