export * from './provider-transaction.js';
