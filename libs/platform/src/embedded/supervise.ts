/**
 * Keeps a server running: when it ends by itself it is launched again, at first at once, then with growing pauses.
 * Whoever uses the server sees a lost connection and connects again; that is theirs.
 */
import { systemClock, systemTimers } from '../adapters/system.js';
import type { Report } from './programs.js';

export interface RunningServer {
  /** Settles when the server has ended, with what is known about why. */
  readonly ended: Promise<string>;
  /** Ends it, gently first. Settles when it has gone. */
  end(): Promise<void>;
}

const pauseFirstMs = 100;
const pauseMaxMs = 5000;
/** A server that lived this long has earned a fresh start. */
const steadyMs = 30_000;

/**
 * @param launch starts the server and settles when it serves
 * @returns once it serves for the first time
 */
export async function supervise(
  name: string,
  launch: () => Promise<RunningServer>,
  report: Report,
): Promise<{ stop: () => Promise<void> }> {
  const state = { stopping: false, server: await launch() };
  const stopped = Promise.withResolvers<'stop'>();

  const watch = async () => {
    let pauseMs = pauseFirstMs;
    let launchedMs = systemClock.monotonicMs();
    while (!state.stopping) {
      const reason = await state.server.ended;
      if (state.stopping) return;
      if (systemClock.monotonicMs() - launchedMs > steadyMs) pauseMs = pauseFirstMs;
      report(`${name} has ended (${reason}), starting it again in ${pauseMs} ms`);
      if ((await Promise.race([systemTimers.sleep(pauseMs), stopped.promise])) === 'stop') return;
      pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
      launchedMs = systemClock.monotonicMs();
      const failure = { ended: Promise.resolve(''), end: async () => undefined };
      state.server = await launch().catch((error: Error) => ({
        ...failure,
        ended: Promise.resolve(error.message),
      }));
    }
  };
  const watching = watch();
  return {
    async stop() {
      state.stopping = true;
      stopped.resolve('stop');
      await state.server.end();
      await watching;
      await state.server.end(); // One that was being launched meanwhile.
    },
  };
}
