/**
 * Where a rehearsal runs: on servers and instances started for it alone, in folders that are removed with it, or on a service
 * that is already running. Whatever is started here ends with this process, however that ends.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Scenario, SimulationFault } from '#contracts';
import { lastingPort, leashFolder, type Report, systemClock, systemRandom, systemTimers } from '#platform';
import { HttpCheckout } from './http-checkout.js';
import type { Plan } from '../scenario/plan.js';
import { Instance } from './servers/instance.js';
import { PostgresNode } from './servers/postgres-node.js';
import { RedisNode } from './servers/redis-node.js';
import { strategies } from '../strategies/index.js';

export type TestbedOptions = {
  /** The compiled service to start. */
  readonly serviceProgram: string;
  /** The compiled payment sandbox. */
  readonly sandboxProgram: string;
  /** Where packages of servers may be unpacked, when the machine has none. */
  readonly dataDir: string;
  readonly report: Report;
  /** Whether the ledger is a PostgreSQL server in any case, as several instances want it. */
  readonly postgres?: boolean;
};

/** What was started here, and ends with the testbed. */
type Own = {
  readonly instances: readonly Instance[];
  readonly redis: RedisNode | null;
  readonly postgres: PostgresNode | null;
  readonly provider: Instance | null;
};
const nothingStarted: Own = { instances: [], redis: null, postgres: null, provider: null };

/** A service that runs already, and the keys it knows. */
export type Target = { readonly url: string; readonly keys: HttpCheckout['options']['keys'] };

const strategyServer = fileURLToPath(new URL('../strategies/strategy-server.js', import.meta.url));
const patienceMs = 20_000;
/** What is killed takes its time to come back, and the rehearsal is there to see what it comes back with. */
const patienceThroughFaultsMs = 60_000;
/** How much later every reply of a slow PostgreSQL comes. */
const slowPostgresMs = 50;

export class Testbed {
  private constructor(
    private readonly scenario: Scenario,
    readonly checkout: HttpCheckout,
    private readonly own = nothingStarted,
    private readonly resources = new AsyncDisposableStack(),
  ) {}

  /** Starts what the scenario wants. @throws ServerNotFoundError when this machine cannot have it */
  static async open(scenario: Scenario, options: TestbedOptions): Promise<Testbed> {
    const { dataDir, report } = options;
    const holdfast = scenario.strategy === 'holdfast';
    await using resources = new AsyncDisposableStack();
    report('starting Redis');
    const redis = resources.adopt(
      await RedisNode.start(dataDir, holdfast ? 'careful' : 'as-it-comes', report),
      (node) => node.stop(),
    );
    const postgres =
      (options.postgres ?? wantsPostgres(scenario))
        ? resources.adopt(await startPostgres(options), (node) => node.stop())
        : null;
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-simulation-'));
    resources.adopt(leashFolder(folder), (leash) => leash.stop());
    report(scenario.instances === 1 ? 'starting the service' : `starting ${scenario.instances} instances`);
    const keys = { storefront: secret(), admin: secret() };
    const ports: number[] = [];
    for (let index = 0; index < scenario.instances; index += 1) ports.push(await lastingPort());
    const provider =
      scenario.payment.via === 'sandbox' ? await openProvider(options, ports[0]!, folder) : null;
    if (provider) resources.adopt(provider.process, (process) => process.kill());
    const environment = {
      REDIS_URL: redis.url,
      DATABASE_URL: postgres?.url ?? '',
      HOLDFAST_DATA_DIR: folder,
      HOLDFAST_API_KEYS: `shop:storefront:${keys.storefront},ops:admin:${keys.admin}`,
      LOG_LEVEL: 'warn',
      STRATEGY: scenario.strategy,
      ...provider?.account,
    };
    const program = holdfast ? options.serviceProgram : strategyServer;
    const instances = ports.map((port) => new Instance(port, { program, environment }));
    resources.adopt(instances, killAll);
    await Promise.all(instances.map((instance) => instance.start()));
    const urls = instances.map(({ url }) => url);
    const own = { instances, redis, postgres, provider: provider?.process ?? null };
    return new Testbed(scenario, checkoutOf(urls, keys, scenario), own, resources.move());
  }

  /** On a service that runs already: nothing is started, nothing can be killed. */
  static at(scenario: Scenario, { url, keys }: Target): Testbed {
    return new Testbed(scenario, checkoutOf([url], keys, scenario));
  }

  /** Fills the shelves: once, or in every instance where each has its own. */
  async stock({ stock }: Plan, only?: Instance): Promise<void> {
    const { strategy, buyerLimit, holdTtlSeconds } = this.scenario;
    const each = strategy !== 'holdfast' && strategies[strategy].shelfPerInstance;
    const urls = only ? [only.url] : each ? this.own.instances.map(({ url }) => url) : undefined;
    for (const [sku, onHand] of stock) {
      await this.checkout.put(sku, { onHand, buyerLimit, holdTtlSeconds }, urls);
    }
  }

  /** Injects a fault and repairs it again. @returns what was done, for people. */
  async inject({ kind, seconds }: SimulationFault, plan: Plan): Promise<string> {
    const away = () => systemTimers.sleep(seconds * 1_000);
    switch (kind) {
      case 'kill-instance': {
        const [victim] = this.own.instances;
        if (!victim) return 'no instance of ours to kill';
        await victim.kill();
        await away();
        await victim.start();
        await this.refill(plan, victim);
        return `an instance was killed, and started again ${seconds} s later`;
      }
      case 'restart-redis':
        if (!this.own.redis) return 'no Redis of ours to kill';
        await this.own.redis.kill();
        await away();
        await this.own.redis.start();
        return `Redis was killed, and started again ${seconds} s later`;
      case 'provider-outage':
        if (!this.own.provider) return 'no provider of ours to kill';
        await this.own.provider.kill();
        await away();
        await this.own.provider.start();
        return `the payment provider was killed, and started again ${seconds} s later`;
      case 'slow-postgres':
        if (!this.own.postgres) return 'no PostgreSQL of ours to slow down';
        this.own.postgres.proxy.slow(slowPostgresMs);
        await away();
        this.own.postgres.proxy.slow(0);
        return `every reply of PostgreSQL came ${slowPostgresMs} ms later for ${seconds} s`;
    }
  }

  /** Everything that can forget is killed at once and started again, as after a power cut; PostgreSQL stays. */
  async crash(plan: Plan): Promise<void> {
    await Promise.all([killAll(this.own.instances), this.own.redis?.kill()]);
    await this.own.redis?.start();
    await Promise.all(this.own.instances.map((instance) => instance.start()));
    for (const instance of this.own.instances) await this.refill(plan, instance);
  }

  async close(): Promise<void> {
    this.checkout.close();
    await this.resources.disposeAsync();
  }

  /** A naive shop restocks when it starts: what it remembers of the sale is elsewhere, or gone. */
  private async refill(plan: Plan, instance: Instance): Promise<void> {
    if (this.scenario.strategy !== 'holdfast') await this.stock(plan, instance);
  }
}

async function killAll(instances: readonly Instance[]): Promise<void> {
  await Promise.all(instances.map((instance) => instance.kill()));
}

/** One instance can keep its ledger within itself; several share a server. */
function wantsPostgres({ strategy, instances, faults }: Scenario): boolean {
  if (strategy !== 'holdfast') return strategies[strategy].usesPostgres;
  return instances > 1 || faults.some(({ kind }) => kind === 'slow-postgres');
}

async function startPostgres({ dataDir, report }: TestbedOptions): Promise<PostgresNode> {
  report('starting PostgreSQL');
  return PostgresNode.start(dataDir, report);
}

function checkoutOf(
  urls: readonly string[],
  keys: Target['keys'],
  { payment, faults }: Scenario,
): HttpCheckout {
  return new HttpCheckout({
    urls,
    keys,
    payVia: payment.via,
    patienceMs: faults.length > 0 ? patienceThroughFaultsMs : patienceMs,
    clock: systemClock,
    timers: systemTimers,
  });
}

/** The payment sandbox as a process of its own, on a book that survives it; its webhooks go to the first instance. */
async function openProvider(
  { sandboxProgram }: TestbedOptions,
  webhookPort: number,
  folder: string,
): Promise<{ readonly process: Instance; readonly account: Readonly<Record<string, string>> }> {
  const port = await lastingPort();
  const secrets = { SANDBOX_API_KEY: secret(), SANDBOX_WEBHOOK_SECRET: secret() };
  const environment = {
    ...secrets,
    SANDBOX_PORT: `${port}`,
    SANDBOX_WEBHOOK_URL: `http://127.0.0.1:${webhookPort}/v1/payments/webhooks/sandbox`,
    SANDBOX_FILE: path.join(folder, 'sandbox.jsonl'),
  };
  const process = new Instance(port, { program: sandboxProgram, environment });
  await process.start();
  return { process, account: { ...secrets, SANDBOX_URL: process.url } };
}

function secret(): string {
  return systemRandom.bytes(24).toString('hex');
}
