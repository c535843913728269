export * from './provider-transaction.js';
export * from './transaction-source.js';
