/**
 * `npm start` and `holdfast up`: the whole house in one process, until SIGINT or SIGTERM. The one place where apps
 * meet; each of them also runs alone, from a main.ts of its own.
 */
import 'reflect-metadata';
import path from 'node:path';
import { systemRandom, type Config } from '#platform';
import { workerOf } from '../../batch-worker/src/index.js';
import {
  openServices,
  run,
  type OpenedHouse,
  type OpenedServices,
  type ServiceContext,
} from '../../order-service/src/index.js';
import { openSandbox, type Sandbox } from '../../payment-sandbox/src/index.js';

process.exitCode = await run(openHouse);

/** With the development keys comes a payment provider of our own, where no other sandbox is named. */
async function openHouse(config: Config, context: ServiceContext): Promise<OpenedServices> {
  if (!config.developmentKeys || config.sandbox)
    return withWorker(config, await openServices(config, context), context);
  const sandbox = await openOwnSandbox(config);
  try {
    const house = await openServices({ ...config, sandbox: sandbox.account }, context);
    const services = await withWorker(config, house, context);
    return {
      ...services,
      listening(address) {
        sandbox.deliverTo(`${address}/v1/payments/webhooks/sandbox`);
        context.logger.info({ url: sandbox.account.url }, 'the payment sandbox listens');
      },
      async close() {
        await sandbox.close();
        await services.close();
      },
    };
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

/** The workers in the same process: they end before what they work on. */
async function withWorker(
  config: Config,
  house: OpenedHouse,
  context: ServiceContext,
): Promise<OpenedServices> {
  try {
    const worker = await workerOf(house, context, config);
    return {
      ...house,
      async close() {
        await worker.close();
        await house.close();
      },
    };
  } catch (error) {
    await house.close();
    throw error;
  }
}

function openOwnSandbox(config: Config): Promise<Sandbox> {
  return openSandbox({
    port: config.sandboxPort,
    host: '127.0.0.1',
    apiKey: 'hf_dev_sandbox',
    webhookSecret: systemRandom.bytes(24).toString('hex'),
    file: path.join(config.dataDir, 'sandbox.jsonl'),
  });
}
