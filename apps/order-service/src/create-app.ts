/** Builds the order service over given use cases; whoever calls decides what is behind them. */
import type { Server } from 'node:http';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { limits } from '#domain';
import {
  type Config,
  createHttpServer,
  developmentKeys,
  NestLogger,
  systemClock,
  systemTimers,
  type Timer,
  type Timers,
} from '#platform';
import { AppModule } from './app.module.js';
import type { ConsoleSettings } from './console/console.controller.js';
import { serveConsole } from './console/serve-console.js';
import { serveReserve } from './reservations/reserve.route.js';
import { serveDocs } from './openapi/serve-docs.js';
import { serveQueues } from './reconciliation/serve-queues.js';
import type { ServiceContext, Services } from './services.js';
import { SimulationEvents } from './simulations/simulation-events.js';
import { StockEvents } from './stock/stock-events.js';

export type App = {
  /** Starts to listen; `shared`: with other threads on one port. @returns the address, as a URL without a path. */
  listen(address: {
    readonly port: number;
    readonly host: string;
    readonly shared?: boolean;
  }): Promise<string>;
  /** Takes no new connection, ends event streams, waits for what is in flight: at most `timeoutMs`. */
  close(timeoutMs?: number): Promise<void>;
};

const closeTimeoutMsDefault = 10_000;
const callsInFlightMaxDefault = 2_048;
const idleSweepIntervalMs = 20;

export async function createApp(
  services: Services,
  config: Pick<Config, 'apiKeys'> & Partial<Pick<Config, 'developmentKeys' | 'callsInFlightMax'>>,
  context: ServiceContext & { readonly timers?: Timers },
): Promise<App> {
  const { logger, metrics, timers = systemTimers } = context;
  const { adapter, filter } = createHttpServer({
    apiKeys: config.apiKeys,
    logger,
    metrics,
    clock: systemClock,
    bodyBytesMax: limits.bodyBytesMax,
    callsInFlightMax: config.callsInFlightMax ?? callsInFlightMaxDefault,
  });
  const nest = await NestFactory.create<NestFastifyApplication>(
    AppModule.of({ services, logger, metrics, timers, console: consoleSettingsOf(config) }),
    adapter,
    { bodyParser: false, logger: new NestLogger(logger), abortOnError: false },
  );
  nest.useGlobalFilters(filter);
  serveReserve(nest, services.reservations, { metrics, filter });
  serveDocs(nest);
  await serveConsole(nest, logger);
  if (services.queues) await serveQueues(nest, services.queues, config.apiKeys);
  await nest.init();
  return {
    async listen({ port, host, shared = false }) {
      // The types of Nest do not know it; it is passed on to the server.
      const options = { port, host, reusePort: shared };
      await nest.listen(options);
      return (await nest.getUrl()).replace('[::1]', 'localhost');
    },
    async close(timeoutMs = closeTimeoutMsDefault) {
      nest.get(StockEvents).close();
      nest.get(SimulationEvents).close();
      const server: Server = nest.getHttpServer();
      const deadline = timers.after(timeoutMs, () => server.closeAllConnections());
      // A connection that is kept alive becomes idle when its last answer is out, and would be waited for.
      let sweeping: Timer | undefined;
      const sweep = () => {
        server.closeIdleConnections();
        sweeping = timers.after(idleSweepIntervalMs, sweep);
      };
      sweep();
      await nest.close();
      sweeping?.cancel();
      deadline.cancel();
    },
  };
}

function consoleSettingsOf(config: Partial<Pick<Config, 'developmentKeys'>>): ConsoleSettings {
  const offered = config.developmentKeys === true ? developmentKeys : [];
  return { developmentKeys: offered.map(({ secret }) => secret) };
}
