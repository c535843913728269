/**
 * `npm start` and `holdfast up`: all apps in one process, until SIGINT or SIGTERM. Each of them also runs alone, from a main.ts
 * of its own.
 */
import 'reflect-metadata';
import path from 'node:path';
import { cannotListen, systemRandom, type Config } from '#platform';
import { startConfiguredWorker } from '../../batch-worker/src/index.js';
import {
  openServices,
  run,
  type OpenedServices,
  type ServiceContext,
} from '../../order-service/src/index.js';
import { openSandbox, type Sandbox } from '../../payment-sandbox/src/index.js';

process.exitCode = await run(openAll);

/** With the development keys, and no other sandbox named, it includes a payment sandbox. */
async function openAll(config: Config, context: ServiceContext): Promise<OpenedServices> {
  const own = config.developmentKeys && !config.sandbox;
  const sandbox = own ? await openOwnSandbox(config) : null;
  const complete = sandbox ? { ...config, sandbox: sandbox.account } : config;
  const services = await openServices(complete, context).catch(async (error: unknown) => {
    await sandbox?.close();
    throw error;
  });
  await using opened = new AsyncDisposableStack();
  opened.adopt(services, (open) => open.close());
  // It writes into the folder that the services have taken, and the workers ask it.
  if (sandbox) opened.adopt(sandbox, (open) => open.close());
  opened.adopt(await startConfiguredWorker(services, context, config), (worker) => worker.close());
  const kept = opened.move();
  return {
    ...services,
    listening(address) {
      if (!sandbox) return;
      sandbox.deliverTo(`${address}/v1/payments/webhooks/sandbox`);
      context.logger.info({ url: sandbox.account.url }, 'the payment sandbox listens');
    },
    close: () => kept.disposeAsync(),
  };
}

async function openOwnSandbox({ sandboxPort: port, dataDir }: Config): Promise<Sandbox> {
  const host = '127.0.0.1';
  try {
    return await openSandbox({
      port,
      host,
      apiKey: 'hf_dev_sandbox',
      webhookSecret: systemRandom.bytes(24).toString('hex'),
      file: path.join(dataDir, 'sandbox.jsonl'),
    });
  } catch (error) {
    throw cannotListen(error, { host, port, variables: 'SANDBOX_PORT' });
  }
}
