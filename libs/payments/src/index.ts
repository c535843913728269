export * from './payment-provider.js';
export * from './provider-transaction.js';
export * from './statement.js';
export * from './statements/index.js';
export * from './transaction-source.js';
