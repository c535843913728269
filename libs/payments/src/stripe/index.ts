export * from './stripe-provider.js';
export * from './stripe-source.js';
