export * from './payment-provider.js';
export * from './provider-transaction.js';
export * from './sandbox/sandbox-provider.js';
export * from './sandbox/sandbox-wire.js';
export { sign, signatureHeader, toleranceSeconds } from './sandbox/signature.js';
export * from './statement.js';
export * from './statements/index.js';
export * from './stripe/index.js';
export * from './transaction-source.js';
