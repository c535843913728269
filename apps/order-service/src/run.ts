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
  type Logger,
  readConfig,
} from '#platform';
import { type App, createApp } from './create-app.js';
import type { OpenServices } from './services.js';

/** What `run` uses of the process. */
export type Host = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(code: number): unknown;
};

/**
 * Runs until SIGINT or SIGTERM; a second signal ends the process at once.
 * @returns the exit code: 0 after an orderly end, 78 for a bad configuration, 1 when it could not start or end.
 */
export async function run(openServices: OpenServices, host: Host = process): Promise<number> {
  const result = readConfig(host.env);
  if ('problems' in result) {
    for (const problem of result.problems) host.stderr.write(`configuration: ${problem}\n`);
    return badConfigurationExitCode;
  }
  const { config } = result;
  const stopped = untilStopped(host);
  const logger = createLogger({
    level: config.logLevel,
    readable: host.stdout.isTTY === true && !config.production,
  });
  try {
    await serve(openServices, config, logger, (address) => {
      host.stdout.write(greetingOf(address, config));
      return stopped;
    });
    return 0;
  } catch (error) {
    logger.fatal({ err: error }, 'the service ended');
    return 1;
  }
}

/** Serves until the promise that `onListening` gives is settled; whatever was opened is closed in any case. */
async function serve(
  openServices: OpenServices,
  config: Config,
  logger: Logger,
  onListening: (address: string) => Promise<void>,
): Promise<void> {
  const context = { logger, metrics: createMetrics() };
  const services = await openServices(config, context);
  let app: App | undefined;
  try {
    app = await createApp(services, config, context);
    await onListening(await app.listen(config));
    logger.info('stopping');
  } finally {
    try {
      await app?.close();
    } finally {
      await services.close();
    }
  }
}

function untilStopped(host: Host): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false;
    const onSignal = () => {
      if (stopping) host.exit(1);
      stopping = true;
      resolve();
    };
    host.on('SIGINT', onSignal);
    host.on('SIGTERM', onSignal);
  });
}

/** The address, the keys where they are no secret, and a first request to try. */
function greetingOf(address: string, config: Config): string {
  const lines = [`Holdfast listens on ${address} (API: ${address}/docs)`];
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
