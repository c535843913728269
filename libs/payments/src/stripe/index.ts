export type { StripeAccount } from './stripe-client.js';
export * from './stripe-provider.js';
export * from './stripe-source.js';
