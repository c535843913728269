/** The providers that the environment names, and what can be read of them. */
import type { Config } from '#platform';
import type { PaymentProvider } from './payment-provider.js';
import { SandboxProvider } from './sandbox/sandbox-provider.js';
import { StripeProvider, StripeSource } from './stripe/index.js';
import type { TransactionSource } from './transaction-source.js';

export const providersOf = ({ sandbox, stripe }: Config): PaymentProvider[] => [
  ...(sandbox ? [new SandboxProvider(sandbox)] : []),
  ...(stripe ? [new StripeProvider(stripe)] : []),
];

/** Whose transactions can be read: those of the providers that list them, and Stripe's. */
export const sourcesOf = (providers: readonly PaymentProvider[], { stripe }: Config): TransactionSource[] => [
  ...providers.filter((provider) => provider instanceof SandboxProvider),
  ...(stripe ? [new StripeSource(stripe)] : []),
];
