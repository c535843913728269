/** Opens what the service is built on: the installation, a readiness probe, and demonstration SKUs. */
import path from 'node:path';
import { availableOf, UnavailableError } from '#domain';
import { providersOf, sourcesOf, type PaymentProvider } from '#payments';
import { type Config, type Logger, systemTimers } from '#platform';
import {
  joinInstallation,
  ledgerWaitMs,
  openInstallation,
  type Installation,
  type StockUseCases,
} from '#reservations';
import { paymentCommandsOf, readPolicies } from '#reconciliation';
import { SimulationRepository, Simulations } from '#simulation';
import { openReconciliation, type OpenedReconciliation } from './reconciliation/open-reconciliation.js';
import { showBacklog } from './operations/backlog.js';
import { partitionsProbe, showPartitions } from './operations/partitions.js';
import type { OpenedServices, ServiceContext, ServicesHandle } from './services.js';

/** The services, and what the workers in the same process need of them. */
export type OpenedOrderService = OpenedServices &
  Pick<OpenedReconciliation, 'queues' | 'sources' | 'commands' | 'policies'> & {
    readonly installation: Installation;
  };

/** What a simulation starts: this service, alone. */
const serviceProgram = path.join(import.meta.dirname, 'main.js');
const sandboxProgram = path.join(import.meta.dirname, '../../payment-sandbox/src/main.js');

export async function openServices(
  config: Config,
  context: ServiceContext,
  providers: readonly PaymentProvider[] = providersOf(config),
): Promise<OpenedOrderService> {
  const policies = readPolicies(config.reconciliationPolicy);
  const installation = await openInstallation(config, context.logger, {
    observing: false,
    providers,
    ledgerWaitMs,
  });
  if (config.developmentKeys) await loadDemonstration(installation.stock, context.logger);
  showBacklog(installation, context.metrics);
  return servicesOver(installation, config, context, { providers, policies });
}

/** The same services once more, for a thread of the process that has opened them. */
export async function joinServices(
  config: Config,
  handle: ServicesHandle,
  context: ServiceContext,
): Promise<OpenedOrderService> {
  const joined = { ...config, sandbox: handle.sandbox };
  const policies = readPolicies(config.reconciliationPolicy);
  const providers = providersOf(joined);
  const installation = await joinInstallation(joined, handle, context.logger, { providers });
  return servicesOver(installation, joined, context, { providers, policies });
}

function servicesOver(
  installation: Installation,
  config: Config,
  { logger, metrics }: ServiceContext,
  {
    providers,
    policies,
  }: {
    readonly providers: readonly PaymentProvider[];
    readonly policies: ReturnType<typeof readPolicies>;
  },
): OpenedOrderService {
  const opened = openReconciliation(
    installation,
    {
      sources: sourcesOf(providers, config),
      commands: paymentCommandsOf(installation.db),
      policies,
    },
    logger,
  );
  const simulations = new Simulations({
    records: new SimulationRepository(installation.db),
    serviceProgram,
    sandboxProgram,
    dataDir: config.dataDir,
    realTime: !config.production,
    timers: systemTimers,
  });
  showPartitions(installation, metrics);
  const { handle } = installation;
  return {
    ...installation,
    ...opened,
    installation,
    simulations,
    threadHandle: handle && { ...handle, sandbox: config.sandbox },
    probes: [partitionsProbe(installation)],
    async close() {
      await simulations.close();
      await opened.close();
      await installation.close();
    },
  };
}

const demonstration = [
  { sku: 'demo-sneaker', onHand: 200, buyerLimit: 2, holdTtlSeconds: 600 },
  { sku: 'demo-poster', onHand: 1, buyerLimit: undefined, holdTtlSeconds: 120 },
  { sku: 'demo-t-shirt', onHand: 5_000, buyerLimit: undefined, holdTtlSeconds: undefined },
];

/** SKUs to try, for a ledger that has none yet. */
async function loadDemonstration(stock: StockUseCases, logger: Logger): Promise<void> {
  try {
    const { data } = await stock.list({ limit: 1, after: null });
    if (data.length > 0) return;
    for (const sku of demonstration) {
      const { level } = await stock.put(sku);
      logger.info({ sku: level.sku, available: availableOf(level) }, 'a demonstration SKU was put');
    }
  } catch (error) {
    // The service starts all the same, and says by /readyz what is missing.
    if (!(error instanceof UnavailableError)) throw error;
    logger.warn({ err: error }, 'no demonstration SKUs could be put');
  }
}
