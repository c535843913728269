/**
 * The program of an HTTP thread: the same services once more, over the servers that the main thread has opened, listening on
 * the same port; the kernel assigns each connection to one of the threads (SO_REUSEPORT). It is loaded before it is needed, and
 * then waits for its task.
 */
import 'reflect-metadata';
import { parentPort } from 'node:worker_threads';
import { assert } from '#domain';
import { createLogger, createMetrics, figuresOf, readConfig, systemTimers, type Metrics } from '#platform';
import { createApp } from '../create-app.js';
import { joinServices } from '../open-services.js';
import { PendingCalls } from './pending-calls.js';
import type { FromThread, ThreadTask, ToThread } from './messages.js';

/** Longer than the main thread waits for the slowest thread. */
const metricsWithinMs = 3_000;

assert(parentPort, 'an HTTP thread is started by the main thread', {});
const port = parentPort;
const texts = new PendingCalls<string>(systemTimers);
let serving: ReturnType<typeof serve> | undefined;

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'begin':
      // If this fails, the thread dies.
      serving = serve(message.task);
      return;
    case 'measure':
      void measure(message.call);
      return;
    case 'measured':
      texts.answered(message.call, message.text);
      return;
    case 'close':
      void close();
  }
});

const tell = (message: FromThread): void => port.postMessage(message);

async function serve({ name, handle, address }: ThreadTask) {
  const read = readConfig(process.env);
  assert('config' in read, 'the main thread has read the same environment', {});
  const { config } = read;
  const readable = process.stdout.isTTY && !config.production;
  const logger = createLogger({ level: config.logLevel, readable }).child({ thread: name });
  const own = createMetrics(name);
  const metrics: Metrics = { ...own, text: async () => (await textOfAll()) ?? own.text() };
  const services = await joinServices(config, handle, { logger, metrics });
  const app = await createApp(services, config, { logger, metrics });
  tell({ kind: 'listens', address: await app.listen({ ...address, shared: true }) });
  return { own, app, services };
}

function textOfAll(): Promise<string | undefined> {
  return texts.ask((call) => tell({ kind: 'wants-metrics', call }), metricsWithinMs);
}

async function measure(call: number): Promise<void> {
  const serves = await serving;
  if (serves) tell({ kind: 'figures', call, figures: await figuresOf(serves.own) });
}

async function close(): Promise<void> {
  const serves = await serving;
  try {
    await serves?.app.close();
  } finally {
    await serves?.services.close();
    process.exit();
  }
}
