/** The payment provider of a world: the sandbox, with its faults. */
import { openSandbox, type Sandbox } from '../../apps/payment-sandbox/src/index.js';
import { lastingPort } from '#platform';

const secret = 'faults-webhook-secret';

/** Declines, decides late (later than some payments are waited for), and tells it twice, never, or in the wrong order. */
export const providerPlan = {
  decline: 0.15,
  delayMs: [20, 4_000],
  lose: 0.1,
  duplicate: 0.2,
  reorder: 0.2,
  loseReply: 0.1,
  refuseCancel: 0.3,
  visibleAfterMs: [0, 0],
  replicaLagMs: 0,
} satisfies ProviderPlan;

export type ProviderPlan = Parameters<Sandbox['plan']>[0];

export async function openProvider(): Promise<Sandbox> {
  const port = await lastingPort();
  const options = {
    port,
    host: '127.0.0.1',
    apiKey: 'faults-sandbox-key-0',
    webhookSecret: secret,
    file: null,
  };
  const sandbox = await openSandbox(options);
  sandbox.plan(providerPlan);
  return sandbox;
}

/** Payments keep the units of short holds for a little longer: some money comes too late. */
export function providerEnvironment({ account }: Sandbox): Record<string, string> {
  return {
    SANDBOX_URL: account.url,
    SANDBOX_API_KEY: account.apiKey,
    SANDBOX_WEBHOOK_SECRET: account.webhookSecret,
    PAYMENT_TTL_SECONDS: '2',
  };
}
