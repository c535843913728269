/** `holdfast worker`: the workers as a process of their own. */
import { defineCommand } from 'citty';
import { openWorker } from '../../batch-worker/src/index.js';
import { createLogger, enforceShutdownDeadline, type Timer } from '#platform';
import { readEnvironment } from './environment.js';

export const worker = defineCommand({
  async run() {
    const { config } = readEnvironment();
    const logger = createLogger({
      level: config.logLevel,
      readable: process.stdout.isTTY && !config.production,
    });
    const stopped = untilStopped();
    let overdue: Timer | undefined;
    let works = false;
    void stopped.then(() => {
      overdue = enforceShutdownDeadline(logger, (code) => process.exit(code), { listens: works });
    });
    const opened = await openWorker(config, logger);
    works = true;
    const { providers, address } = opened;
    logger.info({ providers, ...(address && { health: address }) }, 'the worker works');
    await stopped;
    logger.info('stopping: what is under way is finished');
    await opened.close();
    overdue?.cancel();
  },
});

/** A second signal ends the process at once, as it does by default. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
