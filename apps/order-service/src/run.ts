/**
 * The life of the process: read the configuration, open the services, listen, say how to use it, and shut down in order when
 * told to: accept no new connections, finish what is in flight, then close the services.
 */
import { flushCompileCache } from 'node:module';
import {
  badConfigurationExitCode,
  cannotListen,
  type Clock,
  type Config,
  createLogger,
  createMetrics,
  developmentKeys,
  enforceShutdownDeadline,
  disablePretenuring,
  type Logger,
  readConfig,
  startFailureOf,
  systemClock,
  type Timer,
  waitForPort,
} from '#platform';
import { type App, createApp } from './create-app.js';
import type { OpenServices } from './services.js';
import { HttpThreads } from './threads/http-threads.js';

/** What `run` uses of the process. */
export type Host = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(code: number): unknown;
};

/** How long after a signal the same one may arrive a second time, by another way. */
const echoMs = 1_000;

/**
 * Runs until SIGINT or SIGTERM.
 * @returns the exit code: 0 after an orderly end, 78 for a bad configuration, 1 when it could not start or end.
 */
export async function run(
  openServices: OpenServices,
  host: Host = process,
  clock: Clock = systemClock,
): Promise<number> {
  const result = readConfig(host.env);
  if ('problems' in result) {
    for (const problem of result.problems) host.stderr.write(`configuration: ${problem}\n`);
    return badConfigurationExitCode;
  }
  const { config } = result;
  disablePretenuring();
  const stopped = untilStopped(host, clock);
  const logger = createLogger({
    level: config.logLevel,
    readable: host.stdout.isTTY === true && !config.production,
  });
  let overdue: Timer | undefined;
  let listens = false;
  void stopped.then(() => {
    overdue = enforceShutdownDeadline(logger, (code) => host.exit(code), { listens });
  });
  try {
    await serve(openServices, config, logger, async (address) => {
      listens = true;
      host.stdout.write(greetingOf(address, config));
      flushCompileCache(); // Where there is one: a process that is killed later leaves it too.
      await stopped;
    });
    return 0;
  } catch (error) {
    const failure = startFailureOf(error);
    if (failure) host.stderr.write(`holdfast: ${failure.message}\n`);
    else logger.fatal({ err: error }, 'the service ended');
    return failure?.exitCode ?? 1;
  } finally {
    overdue?.cancel();
  }
}

/** Serves until the promise that `onListening` returns is settled; whatever was opened is closed in any case. */
async function serve(
  openServices: OpenServices,
  config: Config,
  logger: Logger,
  onListening: (address: string) => Promise<void>,
): Promise<void> {
  const context = { logger, metrics: createMetrics() };
  const place = { host: config.host, port: config.port, variables: 'PORT or HOST' };
  await waitForPort(place, (message) => logger.info(message));
  const services = await openServices(config, context);
  const { threadHandle } = services;
  let app: Pick<App, 'listen' | 'close'> | undefined;
  try {
    app = threadHandle
      ? new HttpThreads(config.httpThreads, threadHandle, context)
      : await createApp(services, config, context);
    const address = await app.listen(config).catch((error: unknown) => {
      throw cannotListen(error, place);
    });
    services.listening?.(address);
    await onListening(address);
    logger.info('stopping');
  } finally {
    try {
      await app?.close();
    } finally {
      await services.close();
    }
  }
}

/**
 * A second signal ends the process at once: whoever sends it does not want to wait. One Ctrl-C may arrive twice, from the
 * terminal and from the parent process, so a signal within the first second counts as the same one.
 */
function untilStopped(host: Host, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let stoppingSinceMs: number | null = null;
    const onSignal = () => {
      const nowMs = clock.monotonicMs();
      if (stoppingSinceMs !== null && nowMs - stoppingSinceMs > echoMs) host.exit(1);
      stoppingSinceMs ??= nowMs;
      resolve();
    };
    host.on('SIGINT', onSignal);
    host.on('SIGTERM', onSignal);
  });
}

/** The address, the development keys, and a first request to try. */
function greetingOf(address: string, config: Config): string {
  const lines = [`Holdfast listens on ${address} (API: ${address}/docs, console: ${address}/console)`];
  if (config.developmentKeys) {
    for (const { scope, secret } of developmentKeys) lines.push(`  API key for ${scope}: ${secret}`);
    lines.push(
      'Reserve a demonstration SKU:',
      `  curl -X POST ${address}/v1/reservations -H 'Authorization: Bearer hf_dev_storefront' \\`,
      `    -H 'Idempotency-Key: first' -H 'Content-Type: application/json' \\`,
      `    -d '{"buyerId":"me","lines":[{"sku":"demo-sneaker","quantity":1}]}'`,
    );
  }
  return `${lines.join('\n')}\n`;
}
