/**
 * The life of the process: read the configuration, open the services, listen, say how to use it, and end in order
 * when told to: no new connections, what is in flight finished, then the services closed.
 */
import {
  badConfigurationExitCode,
  type Config,
  createLogger,
  createMetrics,
  developmentKeys,
  readConfig,
  systemClock,
} from '#platform';
import { type App, createApp } from './create-app.js';
import type { OpenedServices, OpenServices } from './services.js';

/** How long after a signal the same one may arrive by another way. */
const echoMs = 1_000;

/** Runs until SIGINT or SIGTERM. Sets the exit code: 0 after an orderly end, 78 for a bad configuration. */
export async function run(openServices: OpenServices): Promise<void> {
  const result = readConfig(process.env);
  if ('problems' in result) {
    for (const problem of result.problems) process.stderr.write(`configuration: ${problem}\n`);
    process.exitCode = badConfigurationExitCode;
    return;
  }
  const { config } = result;
  const stop = untilStopped();
  const logger = createLogger({
    level: config.logLevel,
    readable: process.stdout.isTTY && !config.production,
  });
  const context = { logger, metrics: createMetrics() };
  const services = await openServices(config, context);
  let app: App | undefined;
  try {
    app = await createApp(services, config, context);
    const address = await app.listen(config);
    process.stdout.write(greetingOf(address, config));
    await stop;
    logger.info('stopping');
  } finally {
    await close(app, services);
  }
}

async function close(app: App | undefined, services: OpenedServices): Promise<void> {
  try {
    await app?.close();
  } finally {
    await services.close();
  }
}

/**
 * A second signal ends the process at once: whoever sends it does not want to wait. One Ctrl-C may arrive twice,
 * from the terminal and from what started this process, so a signal in the first second counts as the same.
 */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let stoppingSinceMs: number | null = null;
    const onSignal = () => {
      const nowMs = systemClock.monotonicMs();
      if (stoppingSinceMs !== null && nowMs - stoppingSinceMs > echoMs) process.exit(1);
      stoppingSinceMs ??= nowMs;
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

/** The address, the keys where they are no secret, and a first request to try. */
export function greetingOf(address: string, config: Pick<Config, 'developmentKeys'>): string {
  const lines = [`Holdfast listens on ${address} (API description: ${address}/docs)`];
  if (config.developmentKeys) {
    for (const { scope, secret } of developmentKeys) lines.push(`  API key for ${scope}: ${secret}`);
    lines.push(
      'Try:',
      `  curl -X PUT ${address}/v1/skus/first -H 'Authorization: Bearer hf_dev_admin' \\`,
      `    -H 'Content-Type: application/json' -d '{"onHand":100}'`,
    );
  }
  return `${lines.join('\n')}\n`;
}
